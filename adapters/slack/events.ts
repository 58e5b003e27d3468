import type { ImageRef, Question } from '../../src/bot/ports.ts';
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
  readonly files?: readonly SlackFile[];
}

interface SlackFile {
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

export function isDirect(message: SlackMessage): boolean {
  return message.channel.startsWith('D');
}

export function mentions({ text = '' }: SlackMessage, self: Self): boolean {
  return mentionOf(self).test(text);
}

/** In a thread we are in people also talk to each other: what begins with another's name is not for us. */
export function isToSomebodyElse({ text = '' }: SlackMessage, self: Self): boolean {
  const first = text.trimStart();
  return first.startsWith('<@') && first.search(mentionOf(self)) !== 0;
}

/** True without words and pictures: a file alone. */
export function isEmpty({ text = '', files = [] }: SlackMessage): boolean {
  return text.trim() === '' && files.every((file) => imageOf(file).length === 0);
}

function mentionOf(self: Self): RegExp {
  return new RegExp(`<@${self.user}[|>]`);
}

/** `author` is the id by which the bot core knows who asks. */
export function toQuestion(message: SlackMessage & { user: string }, self: Self, author: string): Question {
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
    text: textOf(message, self),
    images: (message.files ?? []).flatMap(imageOf),
    address,
  };
}

/** Files that are no pictures are named beside the words, so that the model does not guess. */
function textOf({ text = '', files = [] }: SlackMessage, self: Self): string {
  const words = toMarkdown(text, self.user);
  const pictures = files.filter((file) => imageOf(file).length > 0);
  if (words === '' && pictures.length === 0) return '';
  const unread = files
    .filter((file) => !pictures.includes(file))
    .map(({ name = 'that was shared' }) => `(The file ${name} cannot be read.)`);
  return [words, ...unread].filter(Boolean).join('\n\n');
}

function imageOf({ mimetype, url_private, size }: SlackFile): ImageRef[] {
  if (!mimetype?.startsWith('image/') || !url_private) return [];
  return [{ url: url_private, mimeType: mimetype, bytes: size ?? 0 }];
}
