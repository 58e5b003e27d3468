/**
 * What a chat platform offers to one reply: the port between the live reply and an adapter. An adapter
 * writes when told to and never by itself; the pacer decides when.
 */

/** How a platform shows Markdown; see dialects in pages. */
export type Dialect = 'slack' | 'discord';

/** A limit on writes that replies share, e.g. Slack's (method, team) or a Discord channel. */
export interface Budget {
  /** Names the thing limited; equal ids share one budget in this process. */
  readonly id: string;
  /** At most this many writes … */
  readonly limit: number;
  /** … in any window of this many ms, read strictly (sliding). */
  readonly windowMs: number;
  /** At most this many at once when rested, for budgets that refill evenly; default: `limit`. */
  readonly burst?: number;
  /** Counted by each process for itself: all of them together do not come near the limit. */
  readonly unshared?: true;
}

export type WriteOp = 'post' | 'edit';

export type ButtonKind = 'stop' | 'retry' | 'continue' | 'reasoning';

/** What one message shows. */
export interface Page {
  /** Markdown of the dialect, complete in itself: open fences and inline marks are closed for display. */
  readonly text: string;
  /** The same text without the closing marks, so that it only ever grows; for surfaces that append. */
  readonly source: string;
  /** A short plain line under the text: progress, why it ended, what was left out. */
  readonly footer?: string;
  readonly buttons: readonly ButtonKind[];
}

export interface WriteOptions {
  /** The turn, for button ids. */
  readonly turn: string;
  /** Same key, same message: lets a platform refuse or find again a post repeated after a crash. */
  readonly key: string;
  /** True when this page will not change again. */
  readonly final: boolean;
  readonly signal?: AbortSignal;
}

/** What a write told us. */
export interface Receipt {
  /** The id of the message that now shows the page. */
  readonly message: string;
  /** What the platform's headers said of a budget, where it says so. */
  readonly seen?: readonly SeenLimit[];
}

export interface SeenLimit {
  readonly budget: string;
  readonly remaining: number;
  readonly resetAfterMs: number;
}

/**
 * Why a write did not happen.
 * - `rate-limited`: wait `retryAfterMs`; `budgets` names what was exhausted (all that the write used, if absent).
 * - `gone`: somebody deleted the message: a Stop, never recreated.
 * - `denied`: the platform will not let us write here any more (archived, kicked, permission withdrawn).
 * - `too-long`: the platform's limit was hit in spite of ours.
 * - `unavailable`: network, timeout, 5xx: it may work later. A post may have gone through all the same.
 */
export type WriteFault = 'rate-limited' | 'gone' | 'denied' | 'too-long' | 'unavailable';

export class WriteError extends Error {
  override name = 'WriteError';
  readonly fault: WriteFault;
  readonly retryAfterMs: number | undefined;
  readonly budgets: readonly string[] | undefined;

  constructor(
    fault: WriteFault,
    message: string,
    options: { retryAfterMs?: number; budgets?: readonly string[]; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.fault = fault;
    this.retryAfterMs = options.retryAfterMs;
    this.budgets = options.budgets;
  }
}

/** Lets calls through that show life: they share budgets with each other or with answers, and may be left out. */
export interface Spare {
  /**
   * Makes the call if there is room for it now in all of these budgets; else resolves to undefined. What the call
   * throws is thrown; a {@link WriteError} that says to wait counts for the budgets.
   */
  spare<T>(budgets: readonly Budget[], call: () => Promise<T>): Promise<T | undefined>;
}

export interface ReplySurface {
  readonly dialect: Dialect;
  /** The budgets that one write would use now. */
  budgets(op: WriteOp, message?: string): readonly Budget[];
  /** Posts a new message. Throws {@link WriteError}. */
  post(page: Page, options: WriteOptions): Promise<Receipt>;
  /** Makes a message show this page instead. Throws {@link WriteError}. */
  edit(message: string, page: Page, options: WriteOptions): Promise<Receipt>;
  /**
   * Shows life by what costs no edit (typing, thread status, reaction) and keeps it up until told
   * `null`. Best effort: never throws, returns at once.
   */
  activity(status: string | null): void;
  /** Nothing is written any more, though no final page stands: takes away what shows that the reply goes on. */
  abandon?(): void;
  /** Posts one short message that notifies the asker; edits notify nobody. Throws {@link WriteError}. */
  announce(text: string): Promise<void>;
}
