/** What Discord sends the bot when a person uses a command or clicks a button. */
import {
  type APIApplicationCommand,
  type APIApplicationCommandBasicOption,
  type APIApplicationCommandOption,
  type APIAttachment,
  ApplicationCommandType,
  ComponentType,
  InteractionContextType,
  ApplicationCommandOptionType as OptionType,
} from 'discord.js';
import type { Registered } from './commands.ts';
import type { Interaction } from './interactions.ts';
import { channelPayload, memberPayload, messagePayload, optionFilePayload, userPayload } from './payloads.ts';
import type { Attachment, Channel, Message } from './records.ts';
import type { World } from './world.ts';

export interface SharedFile {
  readonly name: string;
  /** Discord goes by the name, and says nothing where it does not know that. */
  readonly mimetype?: string;
  readonly content: Uint8Array;
}

export const uploaded = (world: World, { name, mimetype, content }: SharedFile): Attachment => ({
  id: world.ids.next(),
  filename: name,
  ...(mimetype !== undefined && { contentType: mimetype }),
  data: content,
});

export type OptionValue = string | number | boolean | SharedFile;
export type OptionValues = Readonly<Record<string, OptionValue>>;

/** The fields that all interactions have. */
export function interactionPayload(world: World, interaction: Interaction, data: object, message?: Message) {
  const channel = world.channel(interaction.channel);
  const user = world.user(interaction.user);
  const person = userPayload(user);
  const guild = world.guildOf(channel.id);
  return {
    id: interaction.id,
    application_id: world.applicationId,
    type: interaction.type,
    token: interaction.token,
    version: 1,
    data,
    channel: channelPayload(world, channel),
    channel_id: channel.id,
    locale: 'en-US',
    entitlements: [],
    attachment_size_limit: 10 * 1024 * 1024,
    authorizing_integration_owners: { '0': guild ?? '0' },
    context: guild ? InteractionContextType.Guild : InteractionContextType.BotDM,
    app_permissions: String(world.permissions(world.bot, channel)),
    ...(message && { message: messagePayload(world, message) }),
    ...(guild
      ? {
          guild_id: guild,
          guild: { id: guild, locale: 'en-US', features: [] },
          guild_locale: 'en-US',
          member: {
            ...memberPayload(world, user),
            user: person,
            permissions: String(world.permissions(user, channel)),
          },
        }
      : { user: person }),
  };
}

export const clickData = (button: string) => ({ custom_id: button, component_type: ComponentType.Button });

/** `path` is the command and its subcommands: "warm start" is ["warm", "start"]. */
export function slashData(
  world: World,
  { scope, command }: Registered,
  path: readonly string[],
  values: OptionValues,
) {
  const attachments: Record<string, APIAttachment> = {};
  const upload = (shared: SharedFile): string => {
    const file = uploaded(world, shared);
    world.optionFiles.set(file.id, file);
    attachments[file.id] = optionFilePayload(world, file);
    return file.id;
  };
  return {
    id: command.id,
    name: command.name,
    type: ApplicationCommandType.ChatInput,
    ...(scope === 'guild' && 'guild_id' in command && { guild_id: command.guild_id }),
    options: optionData(command.options ?? [], path.slice(1), values, { command, upload }),
    resolved: { attachments },
  };
}

/** A message command carries its target whole, whatever the intents. */
export function messageCommandData(world: World, { command }: Registered, target: Message) {
  return {
    id: command.id,
    name: command.name,
    type: ApplicationCommandType.Message,
    target_id: target.id,
    resolved: { messages: { [target.id]: messagePayload(world, target) } },
  };
}

function optionData(
  options: readonly APIApplicationCommandOption[],
  path: readonly string[],
  values: OptionValues,
  use: { command: APIApplicationCommand; upload: (file: SharedFile) => string },
): object[] {
  const { command, upload } = use;
  const [next, ...rest] = path;
  if (next !== undefined) {
    const sub = options.find((option) => option.name === next && isSub(option));
    if (!sub) throw new Error(`/${command.name} has no subcommand "${next}"`);
    const inner = 'options' in sub ? (sub.options ?? []) : [];
    return [{ name: sub.name, type: sub.type, options: optionData(inner, rest, values, use) }];
  }
  if (options.some(isSub)) throw new Error(`/${command.name} needs a subcommand`);
  for (const name of Object.keys(values))
    if (!options.some((option) => option.name === name))
      throw new Error(`/${command.name} has no option "${name}"`);
  return (options as APIApplicationCommandBasicOption[]).flatMap((option) => {
    const value = values[option.name];
    if (value === undefined && option.required)
      throw new Error(`Discord does not send /${command.name} without "${option.name}"`);
    if (value === undefined) return [];
    checkValue(option, value, command);
    const sent = typeof value === 'object' ? upload(value) : value;
    return [{ name: option.name, type: option.type, value: sent }];
  });
}

const isSub = ({ type }: APIApplicationCommandOption) =>
  type === OptionType.Subcommand || type === OptionType.SubcommandGroup;

const KIND: Partial<Record<OptionType, 'number' | 'boolean' | 'object'>> = {
  [OptionType.Integer]: 'number',
  [OptionType.Number]: 'number',
  [OptionType.Boolean]: 'boolean',
  [OptionType.Attachment]: 'object',
};

/** What Discord's own client would not let a person enter. */
function checkValue(
  option: APIApplicationCommandBasicOption,
  value: OptionValue,
  { name }: APIApplicationCommand,
) {
  const refuse = (why: string) => {
    throw new Error(`"${option.name}" of /${name}: ${why}`);
  };
  const wanted = KIND[option.type] ?? 'string';
  if (typeof value !== wanted) refuse(`not a ${wanted}`);
  if (option.type === OptionType.Integer && !Number.isSafeInteger(value)) refuse('not a whole number');
  if ('choices' in option && option.choices?.length && !option.choices.some((c) => c.value === value))
    refuse('not one of the choices');
  if ('min_value' in option && option.min_value !== undefined && (value as number) < option.min_value)
    refuse(`less than ${option.min_value}`);
  if ('max_value' in option && option.max_value !== undefined && (value as number) > option.max_value)
    refuse(`more than ${option.max_value}`);
  const size = String(value).length;
  if (option.type === OptionType.String && size < (option.min_length ?? 0)) refuse('too short');
  // 6,000 characters where the command sets no limit.
  if (option.type === OptionType.String && size > (option.max_length ?? 6000)) refuse('too long');
}

/** Throws what keeps a person from using the command here. */
export function checkMayUse(world: World, { command }: Registered, user: string, channel: Channel): void {
  if (channel.thread?.archived) throw new Error('Commands cannot be used in an archived thread');
  if (!world.may(world.user(user), channel, 'UseApplicationCommands'))
    throw new Error(`${user} may not use commands here`);
  const needed = command.default_member_permissions;
  const has = world.permissions(world.user(user), channel);
  if (!channel.recipient && needed !== null && needed !== undefined) {
    // "0" is for administrators only.
    const allowed = needed === '0' ? (has & 8n) !== 0n : (has & BigInt(needed)) === BigInt(needed);
    if (!allowed) throw new Error(`/${command.name} is not offered to somebody without its permissions`);
  }
  const { contexts } = command;
  const here = channel.recipient ? InteractionContextType.BotDM : InteractionContextType.Guild;
  if (contexts && !contexts.includes(here)) throw new Error(`/${command.name} is not offered here`);
}
