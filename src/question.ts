/** What a question is, where it stands and who asked: the words that the adapters, the bot and the store share. */
export type PlatformName = 'slack' | 'discord';

/** Where a message stands. The four together are the key by which a question is taken once. */
export interface MessageKey {
  readonly platform: PlatformName;
  /** Slack team, Discord guild; the DM channel's id where there is none. */
  readonly workspace: string;
  readonly channel: string;
  /** Slack ts, Discord message or interaction id. */
  readonly message: string;
}

export interface User {
  readonly id: string;
  /** Discord role ids; empty on Slack. */
  readonly roles: readonly string[];
  /** As the platform shows it, where the event tells. */
  readonly name?: string;
}

export interface ImageRef {
  readonly url: string;
  readonly mimeType: string;
  readonly bytes: number;
}

/** Something a person asked, in no platform's words. */
export interface Question extends MessageKey {
  /** The channel that a thread is in, where the thread is a channel of its own, as on Discord. */
  readonly parent?: string;
  /** What groups turns: a Slack thread or DM, a Discord thread, DM or first message of a reply chain. */
  readonly conversation: string;
  /** The bot's message this one answers, if any: it then goes on in that message's conversation. */
  readonly inReplyTo?: string;
  readonly author: User;
  /** Plain Markdown: mentions of the bot removed, the platform's escapes undone. May be empty. */
  readonly text: string;
  readonly images: readonly ImageRef[];
  /** All the adapter needs to open the reply again, also after a restart. JSON. */
  readonly address: Address;
}

/** The adapter's own; the core stores it and hands it back. */
export type Address = Readonly<Record<string, string | number | boolean | null>>;

/** A question's key, and what it belongs to. */
export type AskedKey = MessageKey & Pick<Question, 'conversation'>;

export type ConversationKey = Pick<Question, 'platform' | 'workspace' | 'conversation'>;

/** A channel to write to. */
export interface Spot {
  readonly channel: string;
  /** The adapter's own word for the workspace, where it serves many. */
  readonly workspace?: string;
}
