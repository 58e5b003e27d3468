import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { BudgetWindow } from './budget.ts';
import type { Ledger, Slot } from './ledger.ts';
import { decide, type ReplyState, tuning } from './policy.ts';
import { type Budget, type Receipt, type Spare, WriteError, type WriteOp } from './surface.ts';

/** What a write came to, as far as budgets go. */
export interface Outcome {
  readonly seen?: Receipt['seen'];
  /** The platform said to wait; `budgets` undefined: whatever the write used. */
  readonly limited?: { readonly retryAfterMs: number; readonly budgets: readonly string[] | undefined };
}

/** How far these budgets are used; quickest for a list that was asked for before. */
export type WindowsOf = (budgets: readonly Budget[]) => readonly BudgetWindow[];

/** What the pacer needs of a reply. */
export interface PacedReply {
  /** What it would write now; undefined: it is done and leaves the pacer. */
  state(now: number, windowsOf: WindowsOf): ReplyState<BudgetWindow> | undefined;
  /** Starts a write with the text of this moment; undefined when there turns out to be nothing to write. */
  write(op: WriteOp): Promise<Outcome> | undefined;
}

/** While text is unseen the policy is asked at least this often, because tokens come faster or slower. */
const lookEveryMs = 250;
/** A reply that had nothing to write after all is asked again no sooner. */
const emptyWriteMs = 10;
/** When the other processes cannot be asked for a slot, they are asked again no sooner. */
const askAgainMs = 500;
/** Among a thousand replies a look takes some ms: the next comes after so many times that, but soon; ms. */
const restAfterLook = { times: 19, mostMs: 120 };
/** Writes are started for so long at once, and then not for a while: the event loop is everybody's, ms. */
const startsMs = 6;
const restAfterStartsMs = 16;

/**
 * Decides when which reply may write, so that all replies on a budget share it and none exceeds it. The
 * policy is in policy.ts, the counting in budget.ts; this is the loop between them.
 */
export class EditPacer implements Spare {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #share: number;
  readonly #ledger: Ledger | undefined;
  readonly #tune: typeof tuning;
  readonly #replies = new Set<PacedReply>();
  readonly #windows = new Map<string, BudgetWindow>();
  /** The same for whole lists, as surfaces keep them: they are asked for a thousand times in a look. */
  #known = new WeakMap<readonly Budget[], readonly BudgetWindow[]>();
  /** One list for all surfaces with the same budgets, by which the policy knows that they are the same. */
  readonly #lists = new Map<string, readonly BudgetWindow[]>();
  /** Replies for whose write a slot is being asked for. */
  readonly #asking = new Set<PacedReply>();
  #cancelLook: (() => void) | undefined;
  #lookAt = Number.POSITIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;

  /**
   * `share`: this process's part of every budget when several use the same token; 1 = all. `ledger`: asked before
   * each write, where processes share their budgets as they need them.
   */
  constructor(options: {
    clock: Clock;
    log: Logger;
    share?: number;
    ledger?: Ledger | undefined;
    tune?: Partial<typeof tuning>;
  }) {
    const { share = 1 } = options;
    if (!(share > 0 && share <= 1)) throw new RangeError(`share must be above 0 and at most 1, not ${share}`);
    this.#clock = options.clock;
    this.#log = options.log;
    this.#share = share;
    this.#ledger = options.ledger;
    this.#tune = { ...tuning, ...options.tune };
  }

  /** A reply has something new to write, or will write at another time: look again. */
  changed(reply: PacedReply): void {
    this.#replies.add(reply);
    this.#lookIn(0);
  }

  async spare<T>(budgets: readonly Budget[], call: () => Promise<T>): Promise<T | undefined> {
    const now = this.#clock.monotonic();
    const windows = this.#windowsOf(budgets);
    if (windows.some((window) => window.freeAt(1, now) > now)) return undefined;
    const shared = this.#ledger ? windows.filter(({ budget }) => !budget.unshared) : [];
    const slot = shared.length > 0 ? await this.#reserve(this.#ledger!, shared) : undefined;
    if (shared.length > 0 && !slot) return undefined;
    for (const window of windows) window.take(this.#clock.monotonic());
    let outcome: Outcome = {};
    try {
      return await call();
    } catch (error) {
      if (error instanceof WriteError && error.fault === 'rate-limited')
        outcome = { limited: { retryAfterMs: error.retryAfterMs ?? 0, budgets: error.budgets } };
      throw error;
    } finally {
      slot?.answered();
      this.#settle(windows, outcome);
    }
  }

  /** Writes nothing any more. Replies that had more to write never stand; what they are is in the store. */
  close(): void {
    this.#cancelLook?.();
    this.#lookAt = Number.NEGATIVE_INFINITY;
    this.#replies.clear();
  }

  #lookIn(ms: number): void {
    const now = this.#clock.monotonic();
    const at = Math.max(now + ms, this.#notBefore);
    if (at >= this.#lookAt) return;
    this.#cancelLook?.();
    this.#lookAt = at;
    this.#cancelLook = this.#clock.after(at - now, () => {
      this.#lookAt = Number.POSITIVE_INFINITY;
      this.#look();
    });
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const replies: PacedReply[] = [];
    const states: ReplyState<BudgetWindow>[] = [];
    const before = this.#replies.size;
    for (const reply of this.#replies) {
      const state = reply.state(now, this.#windowsOf);
      if (!state) this.#replies.delete(reply);
      else {
        replies.push(reply);
        states.push(this.#asking.has(reply) ? { ...state, busy: true } : state);
      }
    }
    const { writes, lookAt } = decide(states, now, this.#tune);
    const decided = this.#clock.monotonic();
    this.#notBefore = decided + Math.min((decided - now) * restAfterLook.times, restAfterLook.mostMs);
    for (const { reply, op } of writes) {
      if (this.#ledger) void this.#ask(this.#ledger, replies[reply]!, op, states[reply]![op]);
      else this.#start(replies[reply]!, op, states[reply]![op]);
      if (this.#clock.monotonic() - decided < startsMs) continue;
      this.#notBefore = this.#clock.monotonic() + restAfterStartsMs;
      this.#lookIn(0);
      break;
    }
    if (this.#replies.size < before) this.#forgetIdle(now);
    if (lookAt === undefined) return;
    const textWaits = states.some((state) => state.want === 'text' && !state.busy);
    this.#lookIn(Math.max(1, textWaits ? Math.min(lookAt - now, lookEveryMs) : lookAt - now));
  }

  #start(reply: PacedReply, op: WriteOp, windows: readonly BudgetWindow[], slot?: Slot): void {
    const writing = reply.write(op);
    if (!writing) {
      slot?.giveBack();
      this.#lookIn(emptyWriteMs);
      return;
    }
    for (const window of windows) window.take(this.#clock.monotonic());
    void writing.then((outcome) => {
      slot?.answered();
      this.#settle(windows, outcome);
      this.#lookIn(0);
    });
  }

  /** Starts a write once the other processes leave room for it. */
  async #ask(
    ledger: Ledger,
    reply: PacedReply,
    op: WriteOp,
    windows: readonly BudgetWindow[],
  ): Promise<void> {
    this.#asking.add(reply);
    const slot = await this.#reserve(ledger, windows);
    this.#asking.delete(reply);
    if (!slot) return this.#lookIn(0);
    if (this.#replies.has(reply) && reply.state(this.#clock.monotonic(), this.#windowsOf))
      this.#start(reply, op, windows, slot);
    else slot.giveBack();
  }

  /** Undefined when the other processes leave no room, or cannot be asked. */
  async #reserve(ledger: Ledger, windows: readonly BudgetWindow[]): Promise<Slot | undefined> {
    for (const window of windows) window.take(this.#clock.monotonic());
    const answer = await ledger.reserve(windows.map(({ budget }) => budget)).catch((error) => {
      this.#log.warn({ err: error }, 'cannot ask the other processes for a slot');
      return undefined;
    });
    const now = this.#clock.monotonic();
    const waits = new Map(answer?.full ? answer.budgets.map((full) => [full.id, full.retryAfterMs]) : []);
    for (const window of windows) window.giveBack(now, answer ? waits.get(window.id) : askAgainMs);
    if (!answer || answer.full) return undefined;
    // What is left of a slot counts this write, which the window counts once it starts.
    for (const { budget, remaining, resetAfterMs } of answer.seen)
      this.#windows.get(budget)?.learn({ budget, remaining: remaining + 1, resetAfterMs }, now);
    return answer;
  }

  #settle(windows: readonly BudgetWindow[], { seen = [], limited }: Outcome): void {
    const now = this.#clock.monotonic();
    const named = limited?.budgets && windows.filter((window) => limited.budgets!.includes(window.id));
    for (const window of windows) {
      const refuses = limited && (!named?.length || named.includes(window));
      if (refuses) window.refused(now, retryMs(limited.retryAfterMs, window.floorMs));
      else window.answered(now);
    }
    for (const limit of seen) this.#windows.get(limit.budget)?.learn(limit, now);
  }

  readonly #windowsOf: WindowsOf = (budgets) => {
    let windows = this.#known.get(budgets);
    if (!windows) {
      const key = budgets.map(({ id }) => id).join('\n');
      windows = this.#lists.get(key) ?? budgets.map((budget) => this.#windowOf(budget));
      this.#lists.set(key, windows);
      this.#known.set(budgets, windows);
    }
    return windows;
  };

  #windowOf(budget: Budget): BudgetWindow {
    let window = this.#windows.get(budget.id);
    if (!window) {
      window = new BudgetWindow(budget, this.#share);
      this.#windows.set(budget.id, window);
    }
    return window;
  }

  /** Channels come and go; those that rest need no memory. */
  #forgetIdle(now: number): void {
    this.#known = new WeakMap();
    this.#lists.clear();
    for (const [id, window] of this.#windows) if (window.isIdle(now)) this.#windows.delete(id);
  }
}

/** Retry-After, but never at once, and not all processes at the same moment. */
function retryMs(asked: number, floor: number): number {
  const wait = Math.max(asked, floor);
  return wait + Math.random() * Math.min(500, wait / 10);
}
