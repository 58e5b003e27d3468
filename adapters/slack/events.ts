import type { ImageRef, Question } from '../../src/bot/ports.ts';
import { UNKNOWN } from '../download.ts';
import { quote } from '../quote.ts';
import { isText, type SharedFile } from '../shared-file.ts';
import { conversationOf, type SlackAddress } from './address.ts';
import { toMarkdown } from './text.ts';
import type { Self } from './workspace.ts';

/** What we read of a `message` or `app_mention` event. https://docs.slack.dev/reference/events/message */
export interface SlackMessage {
  readonly channel: string;
  readonly ts: string;
  readonly thread_ts?: string;
  readonly user?: string;
  readonly bot_id?: string;
  readonly subtype?: string;
  readonly text?: string;
  readonly user_profile?: { readonly display_name?: string };
  /** Of another bot's message. */
  readonly bot_profile?: { readonly name?: string };
  readonly username?: string;
  readonly blocks?: readonly unknown[];
  readonly files?: readonly SlackFile[];
  readonly attachments?: readonly SlackAttachment[];
}

export interface SlackAttachment {
  /** A message that is forwarded; the preview of a link looks the same otherwise. */
  readonly is_share?: boolean;
  readonly author_name?: string;
  readonly text?: string;
  readonly files?: readonly SlackFile[];
}

export interface SlackFile {
  readonly id?: string;
  /** Where Slack tells no more of it yet: check_file_info. */
  readonly file_access?: string;
  readonly name?: string;
  readonly mimetype?: string;
  readonly url_private?: string;
  readonly size?: number;
}

/** A file, and a reply also sent to the channel; every other subtype is a notice or another app's. */
const spoken: ReadonlySet<string | undefined> = new Set([undefined, 'file_share', 'thread_broadcast']);

/** True for what a person wrote. */
export function isSpoken(message: SlackMessage, self: Self): message is SlackMessage & { user: string } {
  const complete = Boolean(message.channel && message.ts && message.user);
  return complete && spoken.has(message.subtype) && !message.bot_id && message.user !== self.user;
}

/** True for what a person or a bot wrote: not for a notice, or what stands for a message that was deleted. */
export function isQuotable({ subtype }: SlackMessage): boolean {
  return spoken.has(subtype) || subtype === 'bot_message';
}

export function isDirect(message: SlackMessage): boolean {
  return message.channel.startsWith('D');
}

export function mentions({ text = '' }: SlackMessage, self: Self): boolean {
  return mentionOf(self).test(text);
}

/** In a thread we are in people also talk to each other: what begins with another name, or a group's, is not for us. */
export function isToSomebodyElse({ text = '' }: SlackMessage, self: Self): boolean {
  const first = text.trimStart();
  return /^<(@|!(subteam|here|channel|everyone)\b)/.test(first) && first.search(mentionOf(self)) !== 0;
}

/** True without words, pictures and text: a file alone that cannot be read. */
export function isEmpty(message: SlackMessage): boolean {
  const isRead = (file: SlackFile) => imageOf(file).length > 0 || isText(file.mimetype || UNKNOWN);
  const said = [...forwardedIn(message), message].some(({ text = '' }) => text.trim() !== '');
  return !said && !allFiles(message).some(isRead);
}

/** The files that are no pictures. */
export function filesOf(message: SlackMessage): SharedFile[] {
  return allFiles(message)
    .filter((file) => imageOf(file).length === 0)
    .map(({ name = 'that was shared', mimetype, url_private = '', size = 0 }) => ({
      name,
      type: mimetype || UNKNOWN,
      url: url_private,
      bytes: size,
    }));
}

export const forwardedIn = ({ attachments = [] }: SlackMessage) =>
  attachments.filter(({ is_share }) => is_share);

const allFiles = (message: SlackMessage): SlackFile[] =>
  [...forwardedIn(message), message].flatMap(({ files = [] }) => files);

/** Messages that are forwarded, then what is said to them. */
function textOf(message: SlackMessage, { user }: Self): string[] {
  const forwarded = forwardedIn(message).map(({ author_name = 'Somebody', text = '' }) =>
    quote(author_name, toMarkdown(text, user)),
  );
  return [...forwarded, toMarkdown(message.text ?? '', user)];
}

function mentionOf(self: Self): RegExp {
  return new RegExp(`<@${self.user}[|>]`);
}

/** `author` is the id by which the bot core knows who asks, `files` what else was shared, as Markdown. */
export function toQuestion(
  message: SlackMessage & { user: string },
  self: Self,
  { author, files }: { author: string; files: readonly string[] },
): Question {
  const { channel, ts, user } = message;
  const thread = message.thread_ts ?? ts;
  const name = message.user_profile?.display_name;
  const { team, enterprise } = self;
  const address: SlackAddress = {
    team,
    ...(enterprise !== undefined && { enterprise }),
    channel,
    thread,
    ts,
    user,
    dm: isDirect(message),
  };
  return {
    platform: 'slack',
    workspace: team,
    channel,
    message: ts,
    conversation: conversationOf(channel, thread),
    author: { id: author, roles: [], ...(name ? { name } : {}) },
    text: [...textOf(message, self), ...files].filter(Boolean).join('\n\n'),
    images: allFiles(message).flatMap(imageOf),
    address,
  };
}

function imageOf({ mimetype, url_private, size }: SlackFile): ImageRef[] {
  if (!mimetype?.startsWith('image/') || !url_private) return [];
  return [{ url: url_private, mimeType: mimetype, bytes: size ?? 0 }];
}
