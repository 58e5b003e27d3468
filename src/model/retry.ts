import { type Clock, sleep } from '../clock.ts';
import type { Setback } from './failures.ts';

/** How often one question is sent again, and how long all its pauses may be together, ms. */
const MAX_RETRIES = 4;
const MAX_PAUSE_MS = 60_000;
const FIRST_PAUSE_MS = 500;

/** One budget for everything that can go wrong before the first word of one answer. */
export class RetryBudget {
  readonly #clock: Clock;
  readonly #random: () => number;
  #used = 0;
  #pausedMs = 0;

  /** `random` gives 0 to 1, for the jitter. */
  constructor(clock: Clock, random: () => number = Math.random) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Waits before the next try: as long as the server asked, or twice as long each time, with jitter so that
   * many who failed together do not come back together.
   * @throws setback.final when the budget is used up, or the signal's reason
   */
  async pause(setback: Setback, signal: AbortSignal): Promise<void> {
    const backoff = FIRST_PAUSE_MS * 2 ** this.#used * (0.5 + this.#random() / 2);
    // A cold endpoint is knocked at right away; the wake-up does the waiting.
    const ms = setback.cold && this.#used === 0 ? 0 : Math.max(setback.retryAfterMs ?? 0, backoff);
    if (this.#used >= MAX_RETRIES || this.#pausedMs + ms > MAX_PAUSE_MS) throw setback.final;
    this.#used += 1;
    this.#pausedMs += ms;
    if (ms > 0) await sleep(this.#clock, ms, signal);
  }
}
