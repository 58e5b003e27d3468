import type { APIEmbed, APIMessageTopLevelComponent, ChannelType, MessageType } from 'discord.js';

/** A person or the bot. */
export interface User {
  readonly id: string;
  readonly name: string;
  readonly bot: boolean;
  readonly roles: string[];
  /** Refuses direct messages from the bot, as a privacy setting does. */
  refusesDms: boolean;
}

export interface Role {
  readonly id: string;
  readonly name: string;
  permissions: bigint;
  readonly mentionable: boolean;
  /** True for the bot's own role. */
  readonly managed: boolean;
}

export interface Overwrite {
  /** A role's id or a user's. */
  readonly id: string;
  readonly type: 'role' | 'member';
  allow: bigint;
  deny: bigint;
}

export type ChannelKind = ChannelType.GuildText | ChannelType.DM | ChannelType.PublicThread;

export interface Channel {
  readonly id: string;
  readonly kind: ChannelKind;
  name: string;
  readonly overwrites: Overwrite[];
  /** Oldest first. */
  readonly messages: Map<string, Message>;
  /** The person, in a direct message channel. */
  readonly recipient?: string;
  readonly thread?: Thread;
}

export interface Thread {
  readonly parent: string;
  readonly owner: string;
  archived: boolean;
  locked: boolean;
  autoArchiveMinutes: number;
  /** ms since the epoch: when it was last archived or unarchived. */
  changedAt: number;
  readonly createdAt: number;
  readonly members: Set<string>;
}

export interface Attachment {
  readonly id: string;
  readonly filename: string;
  readonly contentType?: string;
  readonly data: Uint8Array;
}

/** Whom a text mentions, after allowed_mentions and permissions. */
export interface Mentions {
  readonly users: readonly string[];
  readonly roles: readonly string[];
  readonly everyone: boolean;
  readonly here: boolean;
}

/** The interaction that a message answers. */
export interface Origin {
  readonly id: string;
  readonly type: number;
  readonly user: string;
  /** The command, "warm start" with its subcommand. */
  readonly command?: string;
  /** The first answer, on follow-ups. */
  readonly original?: string;
}

export interface Message {
  readonly id: string;
  readonly channel: string;
  readonly author: string;
  readonly type: MessageType;
  content: string;
  flags: number;
  embeds: readonly APIEmbed[];
  components: readonly APIMessageTopLevelComponent[];
  attachments: readonly Attachment[];
  mentions: Mentions;
  /** ms since the epoch */
  readonly at: number;
  editedAt: number | null;
  edits: number;
  readonly replyTo?: { readonly channel: string; readonly message: string };
  /** The message that it forwards, as it was then. */
  readonly forwards?: Message;
  readonly nonce?: string | number;
  /** emoji → who reacted */
  readonly reactions: Map<string, Set<string>>;
  /** An ephemeral message's only reader. */
  readonly onlyFor?: string;
  readonly origin?: Origin;
  /** Deferred, and the 15 minutes to answer are over. */
  unanswered?: boolean;
}
