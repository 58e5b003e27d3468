import type { Clock } from '../clock.ts';
import { ModelError } from './model.ts';

/** So many failures in a row, one after the other, open the circuit … */
const FAILURES = 5;
/** … for so long at first, twice as long each time it fails again, and at most so long; ms. */
const FIRST_OPEN_MS = 15_000;
const MAX_OPEN_MS = 120_000;

/** Tells people at once that an endpoint keeps failing, instead of letting each of them wait for it. */
export class Breaker {
  readonly #clock: Clock;
  #failures = 0;
  #lastFailureAt = Number.NEGATIVE_INFINITY;
  #openUntil = Number.NEGATIVE_INFINITY;
  #last: ModelError | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * To be called before each question; the function it returns takes how it ended: a ModelError, or null
   * for an answer.
   * @throws ModelError with the last fault while the circuit is open
   */
  enter(): (end: ModelError | null) => void {
    const now = this.#clock.monotonic();
    if (now < this.#openUntil && this.#last) {
      const { fault, detail } = this.#last;
      const wait = Math.ceil((this.#openUntil - now) / 1_000);
      throw new ModelError(
        fault,
        `The model has failed ${this.#failures} times in a row and gets a pause. Try again in ${wait} seconds.`,
        { ...detail, openMs: this.#openUntil - now },
        this.#last,
      );
    }
    return (end) => this.#ended(now, end);
  }

  #ended(startedAt: number, end: ModelError | null): void {
    if (end === null) {
      this.#failures = 0;
      this.#openUntil = Number.NEGATIVE_INFINITY;
      return;
    }
    // What is wrong with one question is no failure of the endpoint, and a model that sleeps too long may
    // be asked again at once.
    if (!['unreachable', 'failed', 'cut'].includes(end.fault)) return;
    // Answers that ran side by side break together: that is one failure.
    if (startedAt < this.#lastFailureAt) return;
    const now = this.#clock.monotonic();
    this.#failures += 1;
    this.#lastFailureAt = now;
    this.#last = end;
    const beyond = this.#failures - FAILURES;
    if (beyond >= 0) this.#openUntil = now + Math.min(FIRST_OPEN_MS * 2 ** beyond, MAX_OPEN_MS);
  }
}
