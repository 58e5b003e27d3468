/** The ports between the bot core and the chat adapters: all that either knows of the other. */
import type { RequestListener } from 'node:http';
import type { ButtonKind, ReplySurface } from '../reply/surface.ts';

export { buttonId, buttonLabels, parseButtonId } from '../reply/buttons.ts';
export type {
  Budget,
  ButtonKind,
  Dialect,
  Page,
  Receipt,
  ReplySurface,
  SeenLimit,
  WriteOp,
  WriteOptions,
} from '../reply/surface.ts';
export { WriteError, type WriteFault } from '../reply/surface.ts';

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

export interface ImageLimits {
  /** A larger picture is refused. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Why a picture cannot be had. Its message goes on from "A picture could not be read:". */
export class ImageError extends Error {
  override name = 'ImageError';
  /** For the log. */
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(message: string, detail: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, { cause });
    this.detail = detail;
  }
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

export interface Press extends Omit<MessageKey, 'message'> {
  readonly button: ButtonKind;
  readonly turn: string;
  readonly user: User;
}

/** A channel to write to. */
export interface Spot {
  readonly channel: string;
  /** The adapter's own word for the workspace, where it serves many. */
  readonly workspace?: string;
}

/** A message that warm mode has for people; times stand in it as marks, see `showTimes`. */
export interface CommandNotice {
  readonly text: string;
  readonly buttons: readonly CommandButton[];
}

export interface CommandButton {
  /** Under 100 characters, Discord's limit; see `isCommandButton`. */
  readonly id: string;
  readonly label: string;
  readonly primary?: boolean;
}

export type ConversationKey = Pick<Question, 'platform' | 'workspace' | 'conversation'>;

/** What the bot core offers to the adapters. */
export interface Bot {
  /**
   * Takes a question. Resolves once it is stored: 'accepted', or 'seen' when this key was taken before.
   * From then on it ends in the chat, come what may. Rejects when it could not be stored.
   */
  ask(question: Question): Promise<'accepted' | 'seen'>;
  /** True when the bot has answered in this conversation before, so that follow-ups need no mention. */
  isEngaged(conversation: ConversationKey): Promise<boolean>;
  /** True when this message shows (a part of) one of the bot's replies. */
  isOwnReply(message: MessageKey): Promise<boolean>;
  /** True when the question with this key was taken. */
  isTaken(question: MessageKey): Promise<boolean>;
  /** The newest question of each channel that was asked something since then (ms since the epoch), newest first. */
  lastAsked(platform: PlatformName, since: number): Promise<readonly MessageKey[]>;
  /** Acts on a button; resolves to a short private answer for the person, or null when the chat shows it. */
  press(press: Press): Promise<string | null>;
  /** Stops every running turn of a conversation, for a platform's own stop control. */
  stopConversation(conversation: ConversationKey, user: User): Promise<void>;
  /** Somebody deleted one of the bot's messages: a Stop. */
  messageDeleted(message: MessageKey): Promise<void>;
}

/** What an adapter offers to the bot core. */
export interface ChatPlatform {
  readonly platform: PlatformName;
  /** Connects and starts to listen. Rejects with an OperatorError that says what to do. */
  start(bot: Bot): Promise<void>;
  /** Stops listening; open replies may still be written until `close`. */
  stop(): Promise<void>;
  close(): Promise<void>;
  /** True while connected; for /readyz. */
  readonly connected: boolean;
  /**
   * Opens the reply to a question, now or after a restart. `attempt` is 0 and one more for each Retry: a
   * retried answer goes into new messages, since what was shown is never erased. `begun`: somebody else may
   * have posted some of it without our hearing of it, so that it is looked for before it is posted.
   */
  open(address: Address, attempt: number, begun?: boolean): ReplySurface;
  /** Writes a message that no question asked for. Rejects when it could not be written. */
  tell?(where: Spot, notice: CommandNotice): Promise<void>;
  /** The channel of direct messages with somebody, opened where there is none. Rejects for who cannot have one. */
  directChannel?(user: string): Promise<Spot>;
  /**
   * Gets a picture of a question, or of an earlier one of its conversation; the address is the question's.
   * Rejects with an ImageError, or the signal's reason.
   */
  fetchImage(image: ImageRef, limits: ImageLimits, address: Address): Promise<Uint8Array>;
  /** Answers what comes by HTTP to /PLATFORM/…, where the platform is one that calls. */
  readonly listener?: RequestListener;
}
