/** The ports between the bot core and the chat adapters: all that either knows of the other. */
import type { RequestListener } from 'node:http';
import type {
  Address,
  AskedKey,
  ConversationKey,
  ImageRef,
  MessageKey,
  PlatformName,
  Question,
  Spot,
  User,
} from '../question.ts';
import type { ButtonKind, ReplySurface } from '../reply/surface.ts';

export type * from '../question.ts';
export { buttonId, buttonLabels, parseButtonId } from '../reply/buttons.ts';
export type {
  Budget,
  ButtonKind,
  Dialect,
  Page,
  Receipt,
  ReplySurface,
  SeenLimit,
  Spare,
  WriteOp,
  WriteOptions,
} from '../reply/surface.ts';
export { WriteError, type WriteFault } from '../reply/surface.ts';

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

export interface Press extends Omit<MessageKey, 'message'> {
  readonly button: ButtonKind;
  readonly turn: string;
  readonly user: User;
}

/** What a press came to. */
export interface Pressed {
  /** A short private answer for the person; null when the chat shows it. */
  readonly answer: string | null;
  /** True when the answer went on in new messages: nobody writes this one any more, and its buttons do nothing. */
  readonly spent: boolean;
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
  /** The newest question of each conversation in which one was asked since then (ms since the epoch), newest first. */
  lastAsked(platform: PlatformName, since: number): Promise<readonly AskedKey[]>;
  /** Acts on a button. The adapter takes the buttons of a message that is spent away, as far as it may. */
  press(press: Press): Promise<Pressed>;
  /** Stops every running turn of a conversation, for a platform's own stop control. */
  stopConversation(conversation: ConversationKey, user: User): Promise<void>;
  /** Somebody deleted one of the bot's messages: a Stop. */
  messageDeleted(message: MessageKey): Promise<void>;
}

/** What somebody else may have shown of a reply without our hearing of it: at most a line alone, or its text. */
export type Begun = 'nothing' | 'line' | 'text';

/** What an adapter offers to the bot core. */
export interface ChatPlatform {
  readonly platform: PlatformName;
  /**
   * Connects and starts to listen. Rejects with an OperatorError that says what to do; after an Unreachable it may
   * be called again. Replies can be opened and written without it.
   */
  start(bot: Bot): Promise<void>;
  /** Stops listening; open replies may still be written until `close`. */
  stop(): Promise<void>;
  close(): Promise<void>;
  /** True while connected; for /readyz. */
  readonly connected: boolean;
  /**
   * Opens the reply to a question, now or after a restart. `attempt` is 0 and one more for each Retry: a
   * retried answer goes into new messages, since what was shown is never erased. What may have `begun` is
   * looked for before it is posted.
   */
  open(address: Address, attempt: number, begun?: Begun): ReplySurface;
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
