/** What every Web API method is made of and may use. */
import { type Args, invalidArgument } from './args.ts';
import type { SlackBlock } from './blocks.ts';
import type { Events } from './events.ts';
import { newPings, type Ping } from './pings.ts';
import { mentionable, messageJson } from './shown.ts';
import { SlackError } from './slack-error.ts';
import type { Statuses } from './statuses.ts';
import type { SlackChannel, SlackMessage, Workspace } from './workspace.ts';

export interface Method {
  /** The bot scope it needs, if any; it, or several, may hang on the kind of channel. */
  readonly scope?: string | ((args: Args) => string | readonly string[]);
  /** Which token it takes; default: the bot's. */
  readonly token?: 'app';
  /** Does it and returns the fields of the answer. Throws SlackError. */
  run(args: Args): Readonly<Record<string, unknown>>;
}

export type Methods = Readonly<Record<string, Method>>;

export interface SlackContext {
  readonly workspace: Workspace;
  readonly events: Events;
  readonly statuses: Statuses;
  readonly pings: Ping[];
}

/** A channel the bot may read. What it cannot see does not exist for it. */
export function readableChannel(workspace: Workspace, id: string): SlackChannel {
  const channel = workspace.channel(id);
  if (channel.members.has(workspace.bot.id)) return channel;
  throw new SlackError(channel.type === 'channel' ? 'not_in_channel' : 'channel_not_found');
}

/** A channel the bot may write to; a user's id stands for the direct conversation with them. */
export function writableChannel(workspace: Workspace, id: string): SlackChannel {
  const person = workspace.users.find((user) => user.id === id && !user.isBot);
  const channel = readableChannel(workspace, person ? workspace.dm(person.id).id : id);
  if (channel.archived) throw new SlackError('is_archived');
  return channel;
}

/** The thread that `thread_ts` names; a reply's ts stands for its thread. Undefined when not given. */
export function threadOf(
  workspace: Workspace,
  channel: SlackChannel,
  ts: string | undefined,
): string | undefined {
  if (ts === undefined || ts === '') return undefined;
  const message = workspace.messages(channel.id).find((other) => other.ts === ts && !other.onlyFor);
  if (message) return message.threadTs ?? ts;
  if (workspace.replies(channel.id, ts).length > 0) return ts;
  throw new SlackError('thread_not_found');
}

/** Slack names every block and every button that came without a name. */
export function named(blocks: readonly SlackBlock[]): SlackBlock[] {
  return blocks.map((block, index) => ({
    ...block,
    block_id: block.block_id ?? `b${index}`,
    ...(Array.isArray(block.elements) &&
      block.type !== 'context' && {
        elements: block.elements.map((element, at) => ({
          ...element,
          action_id: element.action_id ?? `a${at}`,
        })),
      }),
  }));
}

/** Makes a change to one of the bot's messages, with all that follows from it. */
export function edit(
  slack: SlackContext,
  message: SlackMessage,
  notified: boolean,
  change: () => void,
): void {
  const before = { text: mentionable(message), json: messageJson(slack.workspace, message) };
  change();
  message.edits += 1;
  slack.pings.push(...newPings(message.ts, before.text, mentionable(message), notified));
  if (!message.onlyFor) slack.events.changed(message, before.json);
  slack.workspace.changed();
}

/** What follows from a new message of the bot. */
export function announce(slack: SlackContext, message: SlackMessage): void {
  slack.pings.push(...newPings(message.ts, '', mentionable(message), true));
  if (message.threadTs) slack.statuses.clear(message.channel, message.threadTs);
  if (!message.onlyFor) slack.events.posted(message);
}

export function oneOf<T extends string>(args: Args, name: string, values: readonly T[]): T {
  const value = args.required(name);
  const known = values.find((one) => one === value);
  if (known === undefined) throw invalidArgument(`${name} must be one of ${values.join(', ')}`);
  return known;
}
