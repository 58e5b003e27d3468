import type { Budget, SeenLimit } from './surface.ts';

/** Two clocks drift and timers fire early: a slot counts as taken this much longer than its window. */
export const marginMs = (windowMs: number) => 15 + windowMs / 1000;

/** After a refusal the limit is read this much lower, and as much higher again after quiet windows. */
const caution = { drop: 0.75, rise: 1.1, quietWindows: 4 };

/**
 * How many writes one budget allows, now and later: the strict reading of its limit. A write takes a slot
 * from the moment it is sent until a full window after its *answer*, since the platform counted it somewhere
 * in between; so no latency, however it changes, makes us exceed the limit. All times are ms of one
 * monotonic clock.
 */
export class BudgetWindow {
  readonly id: string;
  readonly budget: Budget;
  readonly #rate: number;
  readonly #burst: number;
  readonly #limit: number;
  readonly #windowMs: number;
  /** When each write still in the window was answered, oldest first. */
  #answered: number[] = [];
  #inFlight = 0;
  #takenAt = Number.NEGATIVE_INFINITY;
  /** Evenly refilling budgets: slots saved up at `#savedAt`. */
  #saved: number;
  #savedAt = 0;
  #closedUntil = 0;
  #caution = 1;
  #cautionAt = 0;

  /** `share`: the part of the budget that this process may use, 0 < share ≤ 1. */
  constructor(budget: Budget, share = 1) {
    this.id = budget.id;
    this.budget = budget;
    const limit = budget.limit * share;
    // Less than one write a window is one write in a longer window.
    this.#limit = Math.max(1, Math.floor(limit));
    this.#windowMs = limit < 1 ? budget.windowMs / limit : budget.windowMs;
    this.#burst = Math.min(this.#limit, Math.max(1, Math.floor((budget.burst ?? budget.limit) * share)));
    this.#rate = (this.#limit * 1000) / (this.#windowMs + marginMs(this.#windowMs));
    this.#saved = this.#burst;
  }

  /** Writes per second in the long run. */
  get rate(): number {
    return this.#rate * this.#caution;
  }

  /** The most writes at once after a rest. */
  get burst(): number {
    return this.#cautious(this.#burst);
  }

  /** The earliest time at which `slots` writes could start at once; Infinity when there are never so many. */
  freeAt(slots: number, now: number): number {
    this.#forget(now);
    const limit = this.#cautious(this.#limit);
    if (slots > this.burst) return Number.POSITIVE_INFINITY;
    const missing = this.#answered.length + this.#inFlight + slots - limit;
    const expiring = this.#answered[missing - 1] ?? now;
    const byWindow = missing > 0 ? expiring + this.#keepMs : now;
    return Math.max(now, byWindow, this.#refilledAt(slots, now), this.#closedUntil);
  }

  /** When the latest write was sent. */
  get takenAt(): number {
    return this.#takenAt;
  }

  /** Slots are saved up and refill evenly; else each comes back a window after its use. */
  get saves(): boolean {
    return this.#burst < this.#limit;
  }

  /** How many writes could start now. */
  free(now: number): number {
    let slots = 0;
    while (this.freeAt(slots + 1, now) <= now) slots += 1;
    return slots;
  }

  /** A write was sent. */
  take(now: number): void {
    this.#takenAt = now;
    this.#inFlight += 1;
  }

  /** A write was answered, or will never be: it counts in either case, refused by another budget or not. */
  answered(now: number): void {
    this.#inFlight -= 1;
    this.#count(now);
  }

  /**
   * A write was refused because this budget was exhausted: nothing for `waitMs`, and less from then on.
   * It counts all the same, since some platforms count refusals.
   */
  refused(now: number, waitMs: number): void {
    this.answered(now);
    this.#closedUntil = Math.max(this.#closedUntil, now + waitMs);
    // Writes that were under way together are refused together: one lesson, not many.
    if (now - this.#cautionAt < this.#windowMs && this.#caution < 1) return;
    this.#caution *= caution.drop;
    this.#cautionAt = now;
  }

  /** A write that was taken was not sent, since other processes have used up the budget for `waitMs`, if so. */
  giveBack(now: number, waitMs = 0): void {
    this.#inFlight -= 1;
    this.#closedUntil = Math.max(this.#closedUntil, now + waitMs);
  }

  /**
   * Takes in what a platform's header said after a write. It can only make us slower: fewer slots left than
   * we count means that somebody else uses the budget too; more may be wrong, and is ignored.
   */
  learn(seen: SeenLimit, now: number): void {
    if (!(seen.remaining >= 0)) return;
    const foreign = Math.min(this.#limit, this.free(now) - Math.floor(seen.remaining));
    for (let i = 0; i < foreign; i += 1) this.#count(now);
  }

  /** True when forgetting this object would forget nothing. */
  isIdle(now: number): boolean {
    this.#forget(now);
    const rested = this.#refilledAt(this.#burst, now) <= now && this.#closedUntil <= now;
    return this.#inFlight === 0 && this.#answered.length === 0 && rested && this.#caution === 1;
  }

  /** The shortest wait worth believing after a refusal: the time one slot takes to come back. */
  get floorMs(): number {
    return Math.max(100, this.#windowMs / this.#limit);
  }

  get #keepMs(): number {
    return this.#windowMs + marginMs(this.#windowMs);
  }

  #cautious(slots: number): number {
    return Math.max(1, Math.floor(slots * this.#caution));
  }

  #count(now: number): void {
    this.#answered.push(now);
    if (!this.saves) return;
    this.#saved = Math.min(this.#burst, this.#saved + this.#refill(now)) - 1;
    this.#savedAt = now;
  }

  #refill(now: number): number {
    return ((now - this.#savedAt) / 1000) * this.rate;
  }

  #refilledAt(slots: number, now: number): number {
    if (!this.saves) return now;
    const saved = Math.min(this.#burst, this.#saved + this.#refill(now)) - this.#inFlight;
    return now + Math.max(0, ((slots - saved) * 1000) / this.rate);
  }

  #forget(now: number): void {
    const oldest = now - this.#keepMs;
    while (this.#answered.length > 0 && this.#answered[0]! <= oldest) this.#answered.shift();
    if (this.#caution === 1 || now - this.#cautionAt < caution.quietWindows * this.#windowMs) return;
    this.#caution = Math.min(1, this.#caution * caution.rise);
    this.#cautionAt = now;
  }
}
