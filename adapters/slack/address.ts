import type { Address } from '../../src/bot/ports.ts';

/** Where the answer to a question goes. Stored as JSON, so that a reply can be opened after a restart. */
export type SlackAddress = Address & {
  /** Our own workspace, which the rate limits are counted by. */
  readonly team: string;
  /** As in Where. */
  readonly enterprise?: string;
  readonly channel: string;
  /** The thread we answer in: the one the question stands in, or the one it starts. */
  readonly thread: string;
  /** The question itself. */
  readonly ts: string;
  readonly user: string;
  readonly dm: boolean;
};

/**
 * A conversation is a thread, in a DM too: the answer stands in the thread that a message starts, so that
 * is where a person goes on asking, the model is told what they see there, and a new message in the DM
 * starts afresh. Slack's own agent sessions are scoped to a thread in the same way.
 */
export function conversationOf(channel: string, thread: string): string {
  return `${channel}:${thread}`;
}

/** The thread that is such a conversation in this channel. */
export function threadOf(conversation: string, channel: string): string {
  return conversation.slice(channel.length + 1);
}

/** When the question was asked, ms since the epoch. */
export function askedAt({ ts }: SlackAddress): number {
  return Number(ts) * 1_000;
}
