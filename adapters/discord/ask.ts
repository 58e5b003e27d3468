import {
  ApplicationCommandOptionType,
  ApplicationCommandType,
  type Attachment,
  type ChatInputCommandInteraction,
  DiscordAPIError,
  InteractionContextType,
  type MessageContextMenuCommandInteraction,
  PermissionFlagsBits,
} from 'discord.js';
import type { Question } from '../../src/bot/ports.ts';
import type { CommandAddress, ReplyAddress } from './address.ts';
import { attachmentsOf, imagesIn } from './attachments.ts';
import type { Command, CommandContext, CommandInteraction } from './commands.ts';
import { Code } from './faults.ts';
import { askerOf, isConversation, isEmpty, parentOf, textOf, withFiles } from './messages.ts';
import { readable } from './text.ts';

/** How long an interaction's token lives (Discord's documentation, "Receiving and Responding"); ms. */
const TOKEN_LIFE = 15 * 60_000;

/** As much of the question as the store keeps for the line above the answer; characters. */
const ASKED_LIMIT = 200;

export const NOT_TAKEN =
  '⚠️ I could not take your question just now. Nothing was asked: please try again in a moment.';

export const ask: Command = {
  definition: {
    type: ApplicationCommandType.ChatInput,
    name: 'ask',
    description: 'Ask the model a question',
    options: [
      {
        type: ApplicationCommandOptionType.String,
        name: 'prompt',
        description: 'Your question',
        required: true,
      },
      {
        type: ApplicationCommandOptionType.Attachment,
        name: 'file',
        description: 'A picture or a text file that the question is about',
      },
    ],
  },
  run: (interaction, context) =>
    takeQuestion(interaction, context, () => {
      const { options, client, channel } = interaction as ChatInputCommandInteraction;
      const file = options.getAttachment('file');
      return {
        asked: readable(options.getString('prompt', true), client.user, channel),
        shared: file ? [file] : [],
      };
    }),
};

/** In a message's menu: the message itself is the question. */
export const answerThis: Command = {
  definition: { type: ApplicationCommandType.Message, name: 'Answer this' },
  run: (interaction, context) =>
    takeQuestion(interaction, context, () => {
      const { targetMessage } = interaction as MessageContextMenuCommandInteraction;
      const shared = isEmpty(targetMessage) ? [] : attachmentsOf(targetMessage);
      return { asked: textOf(targetMessage), shared };
    }),
};

interface Asked {
  readonly asked: string;
  readonly shared: readonly Attachment[];
}

async function takeQuestion(
  interaction: CommandInteraction,
  { bot, clock, log }: CommandContext,
  read: () => Asked,
): Promise<void> {
  const tokenEndsAt = clock.now() + TOKEN_LIFE;
  // Before anything else: Discord waits for 3 seconds.
  const deferred = await defer(interaction);
  if (deferred === 'too-late') {
    log.warn({ interaction: interaction.id }, 'a command was acknowledged too late; Discord told the person');
    return;
  }
  const question = await questionOf(interaction, read(), { tokenEndsAt, deferred });
  try {
    await bot.ask(question);
  } catch (error) {
    log.error({ interaction: interaction.id, err: error }, 'a question could not be taken');
    // Not `editReply`, which refuses when the answer to the deferral was lost.
    await interaction.webhook.editMessage('@original', NOT_TAKEN);
  }
}

/**
 * Shows "thinking…". Resolves to the id of the message that does, or null when Discord did not tell it: the
 * answer then finds its own way into the channel.
 */
async function defer(interaction: CommandInteraction): Promise<string | null | 'too-late'> {
  try {
    const response = await interaction.deferReply({ withResponse: true });
    return response.interaction.responseMessageId;
  } catch (error) {
    const late = error instanceof DiscordAPIError && error.code === Code.unknownInteraction;
    return late ? 'too-late' : null;
  }
}

async function questionOf(
  interaction: CommandInteraction,
  { asked, shared }: Asked,
  reply: Pick<CommandAddress, 'tokenEndsAt' | 'deferred'>,
): Promise<Question> {
  const { id, guildId: guild, channelId: channel, user, member } = interaction;
  return {
    platform: 'discord',
    workspace: guild ?? channel,
    channel,
    ...parentOf(interaction.channel),
    message: id,
    conversation: isConversation(interaction.channel) ? channel : id,
    author: askerOf(user, member),
    text: await withFiles(asked, shared),
    images: imagesIn(shared),
    address: {
      ...reply,
      by: 'command',
      guild,
      channel,
      author: user.id,
      interaction: id,
      application: interaction.applicationId,
      token: interaction.token,
      reachable: isReachable(interaction),
      asked: asked.slice(0, ASKED_LIMIT),
    } satisfies ReplyAddress,
  };
}

/** Whether the bot may write in the channel by itself, and not only through the interaction. */
function isReachable(interaction: CommandInteraction): boolean {
  const { guildId, context, channel, appPermissions } = interaction;
  if (guildId === null) return context !== InteractionContextType.PrivateChannel;
  const { ViewChannel, SendMessages, SendMessagesInThreads } = PermissionFlagsBits;
  const send = channel?.isThread() ? SendMessagesInThreads : SendMessages;
  return interaction.inCachedGuild() && appPermissions.has([ViewChannel, send]);
}
