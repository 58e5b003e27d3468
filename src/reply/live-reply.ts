import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Backlog } from './backlog.ts';
import { Backoff } from './backoff.ts';
import type { BudgetWindow } from './budget.ts';
import type { EditPacer, Outcome, PacedReply, WindowsOf } from './pacer.ts';
import type { ReplyState, Want } from './policy.ts';
import { type Draft, Screen } from './screen.ts';
import { type ButtonKind, type Receipt, type ReplySurface, WriteError, type WriteOp } from './surface.ts';

/**
 * How a reply ended in the chat: its whole text stands; somebody deleted it; the platform refused it for
 * good or for too long, which the log tells; or it was let go, and another writer ends it.
 */
export type Delivery = 'stands' | 'gone' | 'undeliverable' | 'let go';

/** What is on screen: message ids in page order, and the model's text that they show. */
export interface ShownState {
  readonly messages: readonly string[];
  readonly text: string;
}

export interface ReplyOptions {
  /** The turn, for button ids and for keys that make a repeated post the same post. */
  readonly turn: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What an earlier process had shown: the same messages are edited in place. */
  readonly resume?: ShownState;
  /**
   * Called before each write with all the text that it may show, so that a crash in the midst of it takes nothing
   * back that people saw; and after one that made a new message.
   */
  readonly onShown?: (state: ShownState) => void;
}

export interface ReplyEnd {
  /** A short plain line under the text; shown as the text when there is none. */
  readonly footer?: string;
  readonly buttons: readonly ButtonKind[];
}

/** A finished reply is retried this long after the last write that worked, ms. */
const giveUpMs = 15 * 60_000;
/** An adapter that does not answer for this long has lost the write, ms. */
const writeTimeoutMs = 30_000;

/**
 * Opens the reply to one question. It takes text as fast as the model writes it, and the pacer has it write
 * to the surface when there is a slot worth using.
 */
export function openReply(pacer: EditPacer, surface: ReplySurface, options: ReplyOptions): LiveReply {
  return new LiveReply(pacer, surface, options);
}

export class LiveReply {
  readonly #pacer: EditPacer;
  readonly #surface: ReplySurface;
  readonly #options: ReplyOptions;
  readonly #screen: Screen;
  readonly #backlog = new Backlog();
  readonly #backoff = new Backoff();
  readonly #gone = new AbortController();
  readonly #delivered = Promise.withResolvers<Delivery>();
  readonly #paced: PacedReply;
  /** Characters that `onShown` was told of. */
  #told = 0;
  #status: string | null = null;
  #ended = false;
  #settled = false;
  #busy = false;
  /** The last write; resolves when it is over, however it went. */
  #writing: Promise<unknown> = Promise.resolve();
  #firstShownAt: number | undefined;
  #failingSince: number | undefined;
  #wroteAt = Number.NEGATIVE_INFINITY;
  #wanted: { readonly want: Want; readonly since: number } | undefined;
  /** A post whose answer was lost: it is repeated as it was, since it may stand already. */
  #lostPost: Draft | undefined;

  constructor(pacer: EditPacer, surface: ReplySurface, options: ReplyOptions) {
    this.#pacer = pacer;
    this.#surface = surface;
    this.#options = options;
    this.#screen = new Screen(surface.dialect, options.resume);
    this.#paced = {
      state: (now, windowsOf) => this.#state(now, windowsOf),
      write: (op) => this.#write(op),
    };
    if (options.resume) {
      this.#told = options.resume.text.length;
      this.#backlog.add(this.#told, this.#now());
      this.#backlog.shown(this.#told);
    }
  }

  /** The model's text so far. */
  get text(): string {
    return this.#screen.text;
  }

  /** Aborted when somebody deleted a message of this reply, or the platform will not take it any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** When the first of the model's text was on screen, ms of the clock's `monotonic`. */
  get firstShownAt(): number | undefined {
    return this.#firstShownAt;
  }

  /** Shows life by what costs no edit, until the first text is on screen or the reply is finished. */
  working(status: string): void {
    if (this.#ended || this.#firstShownAt !== undefined || status === this.#status) return;
    this.#setStatus(status);
  }

  /**
   * Shows a line worth a message, e.g. how long waking takes: under the text, or as the text while there is
   * none. The latest replaces the one before; null removes it.
   */
  notice(text: string | null): void {
    if (this.#ended) return;
    this.#screen.footer = text ?? undefined;
    this.#changed();
  }

  /** Takes in more of the model's text. Never blocks. */
  append(text: string): void {
    if (this.#ended || text === '') return;
    this.#screen.append(text);
    this.#backlog.add(text.length, this.#now());
    // While something is wanted the pacer looks by itself.
    if (this.#wanted === undefined) this.#changed();
  }

  /** Ends the text. Resolves when all of it is on screen as it will stay; retried until then. */
  finish(end: ReplyEnd): Promise<Delivery> {
    if (this.#ended) return this.#delivered.promise;
    this.#ended = true;
    this.#screen.end(end.footer, end.buttons);
    this.#setStatus(null);
    this.#changed();
    return this.#delivered.promise;
  }

  /** Somebody deleted one of this reply's messages: nothing is written any more. */
  deleted(): void {
    this.#close('gone', new WriteError('gone', 'The reply was deleted.'));
  }

  /**
   * Leaves the reply to another writer: nothing is written any more. Resolves when the write under way, if
   * any, is over and `onShown` knows of it: to true when a post's answer was lost, so that a message may stand
   * which nobody knows of.
   */
  async letGo(): Promise<boolean> {
    if (!this.#settled) {
      this.#settled = true;
      this.#setStatus(null);
      this.#deliver('let go');
      this.#pacer.changed(this.#paced);
    }
    await this.#writing;
    return this.#lostPost !== undefined;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #changed(): void {
    if (!this.#settled) this.#pacer.changed(this.#paced);
  }

  #setStatus(status: string | null): void {
    if (status === this.#status) return;
    this.#status = status;
    this.#surface.activity(status);
  }

  #state(now: number, windowsOf: WindowsOf): ReplyState<BudgetWindow> | undefined {
    const want = this.#want(now);
    if (this.#settled || (this.#ended && !want && !this.#busy)) {
      this.#deliver('stands');
      return undefined;
    }
    return {
      want,
      busy: this.#busy,
      live: want === 'final' || want === 'text' || (!this.#ended && this.#screen.hasText),
      shows: this.#firstShownAt !== undefined,
      notBefore: this.#backoff.until,
      unseen: this.#backlog.unseen,
      unseenMs: this.#backlog.unseenMs(now),
      waitedMs: now - (this.#wanted?.since ?? now),
      sinceWriteMs: now - this.#wroteAt,
      filled: this.#screen.filled,
      room: this.#screen.room,
      rate: this.#backlog.rate(now),
      canEdit: this.#screen.canEdit,
      canPost: this.#screen.canPost,
      edit: windowsOf(this.#surface.budgets('edit', this.#screen.lastMessage)),
      post: windowsOf(this.#surface.budgets('post')),
    };
  }

  #want(now: number): Want | undefined {
    const change = this.#screen.change;
    const want = change === 'text' ? (this.#ended ? 'final' : 'text') : change;
    if (want !== this.#wanted?.want) this.#wanted = want && { want, since: now };
    return want;
  }

  #write(op: WriteOp): Promise<Outcome> | undefined {
    const draft = this.#screen.take(op);
    if (!draft) {
      this.#backlog.shown(this.#screen.shows);
      return undefined;
    }
    this.#busy = true;
    const lost =
      draft.message === undefined && this.#lostPost?.index === draft.index ? this.#lostPost : undefined;
    const sending = this.#send(lost ?? draft);
    this.#writing = sending;
    return sending;
  }

  async #send(draft: Draft): Promise<Outcome> {
    try {
      if (this.text.length > this.#told) this.#tell();
      const receipt = await this.#withTimeout((signal) => {
        const { turn } = this.#options;
        const options = { turn, key: `${turn}:${draft.index}`, final: draft.final, signal };
        if (draft.message === undefined) return this.#surface.post(draft.page, options);
        return this.#surface.edit(draft.message, draft.page, options);
      });
      this.#landed(draft, receipt);
      return receipt.seen ? { seen: receipt.seen } : {};
    } catch (error) {
      return this.#failed(draft, error);
    } finally {
      this.#busy = false;
      this.#wroteAt = this.#now();
    }
  }

  #landed(draft: Draft, receipt: Receipt): void {
    this.#backoff.succeeded();
    this.#failingSince = undefined;
    this.#lostPost = undefined;
    this.#screen.shown(draft.index, receipt.message, draft.page);
    this.#backlog.shown(this.#screen.shows);
    if (draft.page.source !== '') {
      this.#firstShownAt ??= this.#now();
      this.#setStatus(null);
    }
    if (draft.message === undefined) this.#tell();
    if (this.#screen.stands) this.#deliver('stands');
  }

  #tell(): void {
    this.#told = this.text.length;
    this.#options.onShown?.({ messages: this.#screen.messages, text: this.text });
  }

  #failed(draft: Draft, error: unknown): Outcome {
    const now = this.#now();
    this.#failingSince ??= now;
    const fault = error instanceof WriteError ? error.fault : 'unavailable';
    const retryAfterMs = error instanceof WriteError ? error.retryAfterMs : undefined;
    const { log, turn } = this.#options;
    const op = draft.message === undefined ? 'post' : 'edit';
    log.warn({ turn, op, fault, retryAfterMs, err: error }, 'a write to the chat failed');
    if (fault === 'too-long') this.#lostPost = undefined;
    if (fault === 'gone') this.#close('gone', error);
    else if (fault === 'denied') this.#close('undeliverable', error);
    else if (fault === 'too-long' && !this.#screen.shrink(draft.page)) this.#close('undeliverable', error);
    else if (this.#ended && now - this.#failingSince > giveUpMs) this.#close('undeliverable', error);
    else if (fault === 'unavailable') {
      if (op === 'post') this.#lostPost = draft;
      this.#backoff.failed(now, retryAfterMs);
    } else if (fault === 'rate-limited') {
      return { limited: { retryAfterMs: retryAfterMs ?? 0, budgets: (error as WriteError).budgets } };
    }
    return {};
  }

  /** An adapter that never answers must not hold up the reply for ever. */
  async #withTimeout(write: (signal: AbortSignal) => Promise<Receipt>): Promise<Receipt> {
    const timeout = new AbortController();
    const timedOut = Promise.withResolvers<never>();
    const cancel = this.#options.clock.after(writeTimeoutMs, () => {
      const error = new WriteError('unavailable', 'The platform did not answer in time.');
      timedOut.reject(error);
      timeout.abort(error);
    });
    try {
      return await Promise.race([write(timeout.signal), timedOut.promise]);
    } finally {
      cancel();
    }
  }

  #close(delivery: 'gone' | 'undeliverable', reason: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#setStatus(null);
    this.#surface.abandon?.();
    const { log, turn } = this.#options;
    log.warn({ turn, unseen: this.#backlog.unseen, delivery }, 'a reply is written no further');
    this.#gone.abort(reason);
    this.#deliver(delivery);
    this.#pacer.changed(this.#paced);
  }

  #deliver(delivery: Delivery): void {
    this.#delivered.resolve(delivery);
  }
}
