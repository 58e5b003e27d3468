import {
  type APIActionRowComponent,
  type APIApplicationCommandBasicOption,
  type APIApplicationCommandSubcommandOption,
  type APIButtonComponentWithCustomId,
  ApplicationCommandOptionType,
  ApplicationCommandType,
  type ButtonInteraction,
  ButtonStyle,
  type ChatInputCommandInteraction,
  ComponentType,
  MessageFlags,
} from 'discord.js';
import type { CommandAnswer, CommandCall, Commands } from '../../src/bot/commands.ts';
import type { CommandNotice } from '../../src/bot/ports.ts';
import { showTimes } from '../../src/bot/warm-words.ts';
import type { Command } from './commands.ts';
import { askerOf, parentOf } from './messages.ts';

const Option = ApplicationCommandOptionType;

/** Characters of content in one message (Discord's documentation, "Create Message"). */
const CONTENT_LIMIT = 2000;

const isPublic: APIApplicationCommandBasicOption = {
  type: Option.Boolean,
  name: 'public',
  description: 'Let everybody here see the answer',
};
const containers: APIApplicationCommandBasicOption = {
  type: Option.Integer,
  name: 'containers',
  description: 'How many containers, 1 if left out',
};
/** Further settings of the autoscaler, for as long as it is kept warm. */
const tuning: readonly APIApplicationCommandBasicOption[] = [
  { type: Option.Integer, name: 'max', description: 'No more containers than this, however busy it is' },
  { type: Option.Integer, name: 'buffer', description: 'Containers kept ready beside busy ones' },
  { type: Option.String, name: 'idle', description: 'How long an idle container stays, e.g. 10m' },
];
const subcommand = (
  name: string,
  description: string,
  ...options: APIApplicationCommandBasicOption[]
): APIApplicationCommandSubcommandOption => ({
  type: Option.Subcommand,
  name,
  description,
  options: [...options, isPublic],
});

/** `/model warm`, `cold`, `status` and `schedule`. Who may is decided by the commands, on every call. */
export const modelCommand = (commands: Commands): Command => ({
  definition: {
    type: ApplicationCommandType.ChatInput,
    name: 'model',
    description: 'Keep the model awake, let it sleep, see what it does and costs',
    options: [
      subcommand(
        'warm',
        'Keep the model awake for a while',
        { type: Option.String, name: 'for', description: 'How long, e.g. 2h or 90m' },
        containers,
        ...tuning,
      ),
      subcommand('cold', 'Let the model sleep when nobody asks'),
      subcommand('status', 'What runs, until when, and what it cost'),
      subcommand(
        'schedule',
        'Keep the model awake at certain times',
        { type: Option.String, name: 'when', description: 'e.g. weekdays 9-18 Europe/Berlin, or off' },
        containers,
        ...tuning,
      ),
    ],
  },
  async run(interaction) {
    const { options } = interaction as ChatInputCommandInteraction;
    const shown = options.getBoolean('public') ?? false;
    await interaction.deferReply(shown ? {} : { flags: MessageFlags.Ephemeral });
    const given = (name: string, value: string | number | null) => value !== null && `${name} ${value}`;
    const number = options.getInteger('containers');
    const words = [
      options.getSubcommand(),
      options.getString('for') ?? options.getString('when'),
      number !== null && `${number} containers`,
      given('max', options.getInteger('max')),
      given('buffer', options.getInteger('buffer')),
      given('idle', options.getString('idle')),
      shown && 'public',
    ];
    const answer = await commands.run({
      ...placeOf(interaction),
      text: words.filter((word) => word).join(' '),
    });
    await interaction.editReply(body(answer));
  },
});

/** A button of an answer or of a notice. */
export async function pressModelButton(interaction: ButtonInteraction, commands: Commands): Promise<void> {
  await interaction.deferUpdate();
  const answer = await commands.press(interaction.customId, placeOf(interaction));
  if (answer.replaces) await interaction.editReply(body(answer));
  else await interaction.followUp({ ...body(answer), flags: MessageFlags.Ephemeral });
}

/** What is shown; times in the reader's zone. */
export function body({ text, buttons }: CommandNotice) {
  return {
    content: wholeLines(showTimes(text, (ms) => `<t:${Math.floor(ms / 1_000)}:f>`)),
    components: buttons.length === 0 ? [] : [buttonRow(buttons)],
    allowed_mentions: { parse: [] },
  };
}

/** As many lines as a message takes: in one that is cut, a time would be shown as its code. */
function wholeLines(text: string): string {
  if (text.length <= CONTENT_LIMIT) return text;
  const start = text.slice(0, CONTENT_LIMIT - 1);
  return `${start.slice(0, start.lastIndexOf('\n') + 1) || start}…`;
}

function placeOf({
  channelId,
  channel,
  user,
  member,
}: Pick<ButtonInteraction, 'channelId' | 'channel' | 'user' | 'member'>): Omit<CommandCall, 'text'> {
  return { platform: 'discord', channel: channelId, ...parentOf(channel), user: askerOf(user, member) };
}

function buttonRow(buttons: CommandAnswer['buttons']): APIActionRowComponent<APIButtonComponentWithCustomId> {
  return {
    type: ComponentType.ActionRow,
    components: buttons.map(({ id, label, primary }) => ({
      type: ComponentType.Button,
      style: primary ? ButtonStyle.Primary : ButtonStyle.Secondary,
      label,
      custom_id: id,
    })),
  };
}
