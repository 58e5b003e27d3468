import {
  type ButtonInteraction,
  type Client,
  DiscordAPIError,
  Events,
  GatewayDispatchEvents,
  type GatewayTypingStartDispatchData,
  type Interaction,
  type Message,
  MessageFlags,
  type PartialMessage,
} from 'discord.js';
import type { Logger } from 'pino';
import { type Commands, isCommandButton } from '../../src/bot/commands.ts';
import { type Bot, parseButtonId } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { KeyedQueue } from '../../src/keyed-queue.ts';
import { NOT_TAKEN } from './ask.ts';
import { CatchUp } from './catch-up.ts';
import type { Command } from './commands.ts';
import { Code } from './faults.ts';
import type { HeldShard } from './gateway.ts';
import { askerOf, isForBot, isFromPerson, missingPermission, parentOf, questionOf } from './messages.ts';
import { pressModelButton } from './model-command.ts';

const NOT_DONE = '⚠️ That did not work just now. Please try again in a moment.';

export interface InboxParts {
  readonly bot: Bot;
  /** Those that people find in Discord's menus. */
  readonly list: readonly Command[];
  readonly commands: Commands | undefined;
  readonly onIntent: ((place: { readonly channel: string; readonly parent?: string }) => void) | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Brings the bot what Discord tells: questions, commands, buttons, deletions, and who is about to ask. */
export class Inbox {
  readonly #parts: InboxParts;
  /** Keeps a channel's messages in order while the store is asked whether they are for the bot. */
  readonly #inOrder = new KeyedQueue();
  #taking = true;

  constructor(parts: InboxParts) {
    this.#parts = parts;
  }

  /** Takes no more questions; buttons still work. */
  stop(): void {
    this.#taking = false;
  }

  /** Call before the client connects. */
  listen({ client, hears, ended }: HeldShard): void {
    const { bot } = this.#parts;
    let catchUp: CatchUp | null = null;

    client.on(Events.MessageCreate, (message) => {
      if (!this.#taking || !isFromPerson(message)) return;
      const { id, channelId } = message;
      const taken = this.#inOrder.run(channelId, async () => {
        if (!(await hears())) return;
        await catchUp?.first(channelId);
        await this.#take(message);
      });
      this.#guard({ message: id, channel: channelId }, taken);
    });
    // Not after a connection that was resumed, which brings what was missed.
    client.on(Events.ShardReady, () => {
      const { clock, log } = this.#parts;
      const take = async (message: Message) => {
        if (this.#taking) await this.#guard(idsOf(message), this.#take(message, { late: true }));
      };
      catchUp = new CatchUp({ client, bot, take, clock, log, signal: ended });
      this.#guard({}, catchUp.run());
    });
    client.on(Events.InteractionCreate, (interaction) => {
      const { id, channelId } = interaction;
      const answered = hears().then(async (here) => {
        if (here) await this.#answer(interaction);
      });
      this.#guard({ interaction: id, channel: channelId }, answered);
    });
    // Not the library's own event, which leaves out direct messages from channels not seen before.
    client.ws.on(GatewayDispatchEvents.TypingStart, (typing: GatewayTypingStartDispatchData) => {
      this.#guard({ channel: typing.channel_id }, this.#typed(typing, client));
    });
    const deleted = ({ id, channelId, guildId, author }: Message | PartialMessage) => {
      if (author && author.id !== client.user?.id) return;
      const where = { workspace: guildId ?? channelId, channel: channelId, message: id };
      this.#guard(where, bot.messageDeleted({ platform: 'discord', ...where }));
    };
    client.on(Events.MessageDelete, deleted);
    client.on(Events.MessageBulkDelete, (messages) => messages.forEach(deleted));
  }

  /** `late`: not as it was written, but found afterwards. */
  async #take(message: Message, { late = false } = {}): Promise<void> {
    const { bot, log } = this.#parts;
    if (!(await isForBot(message, bot))) return;
    const missing = missingPermission(message);
    if (missing) {
      log.warn(idsOf(message), 'may not answer in this channel');
      // Whoever asked a while ago may have been told already.
      if (!late) await message.author.send(missing);
      return;
    }
    // Not every message says what its author is in the server.
    if (late) await message.guild?.members.fetch(message.author.id).catch(() => {});
    try {
      await bot.ask(await questionOf(message));
    } catch (error) {
      log.error({ message: message.id, err: error }, 'a question could not be taken');
      await message.reply(NOT_TAKEN);
    }
  }

  async #answer(interaction: Interaction): Promise<void> {
    const { bot, list, commands, clock, log } = this.#parts;
    if (interaction.isButton()) {
      if (commands && isCommandButton(interaction.customId)) return pressModelButton(interaction, commands);
      return this.#press(interaction);
    }
    // While stopping, commands are left to another process, or to Discord's own words.
    if (!this.#taking) return;
    if (!interaction.isChatInputCommand() && !interaction.isMessageContextMenuCommand()) return;
    const command = list.find(({ definition }) => definition.name === interaction.commandName);
    if (command) await command.run(interaction, { bot, clock, log });
  }

  /** Somebody writes to the bot, or in a thread that it takes part in. */
  async #typed(typing: GatewayTypingStartDispatchData, client: Client): Promise<void> {
    const { bot, onIntent } = this.#parts;
    const { guild_id: guild, channel_id: conversation, user_id: user, member } = typing;
    if (!onIntent || user === client.user?.id || member?.user?.bot) return;
    const channel = client.channels.cache.get(conversation);
    const thread = channel?.isThread() ? channel : undefined;
    const engaged =
      guild === undefined ||
      (thread && (await bot.isEngaged({ platform: 'discord', workspace: guild, conversation })));
    if (engaged) onIntent({ channel: conversation, ...parentOf(thread ?? null) });
  }

  async #press(interaction: ButtonInteraction): Promise<void> {
    const { bot, log } = this.#parts;
    const button = parseButtonId(interaction.customId);
    if (!button) return;
    const { guildId, channelId, user, member } = interaction;
    const acknowledged = interaction.deferUpdate();
    acknowledged.catch(() => {}); // reported below; unheard until then, it would end the process
    // A Stop works also if Discord cannot be told; a Retry is left to the process that could tell it.
    if (button.kind !== 'stop') await acknowledged;
    const pressed = bot.press({
      platform: 'discord',
      workspace: guildId ?? channelId,
      channel: channelId,
      button: button.kind,
      turn: button.turn,
      user: askerOf(user, member),
    });
    const { answer, spent } = await pressed.catch((error) => {
      log.error({ interaction: interaction.id, err: error }, 'a button could not be acted on');
      return { answer: NOT_DONE, spent: false };
    });
    await acknowledged;
    if (answer !== null) await interaction.followUp({ content: answer, flags: MessageFlags.Ephemeral });
    // By the interaction's token: it costs the channel no edit. A button that stays is answered all the same.
    if (!spent) return;
    await interaction.editReply({ components: [] }).catch((error) => {
      log.info({ interaction: interaction.id, err: error }, 'an old answer keeps its buttons');
    });
  }

  /** Nothing that goes wrong with one event may end the process. */
  async #guard(ids: object, task: Promise<void>): Promise<void> {
    const { log } = this.#parts;
    try {
      await task;
    } catch (error) {
      const code = error instanceof DiscordAPIError ? error.code : null;
      // Two processes hear the same for a moment, when one takes over from the other.
      if (code === Code.alreadyAcknowledged) log.debug(ids, 'another process has acknowledged this');
      else if (code === Code.unknownInteraction)
        log.warn(ids, 'acknowledged too late; Discord told the person');
      else log.error({ ...ids, err: error }, 'a Discord event could not be handled');
    }
  }
}

const idsOf = ({ id, channelId }: Message) => ({ message: id, channel: channelId });
