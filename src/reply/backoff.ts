const firstMs = 500;
const mostMs = 30_000;

/** Waits longer after each failure in a row, with jitter. Times are ms of one monotonic clock. */
export class Backoff {
  #failures = 0;
  #until = 0;

  /** Do nothing before this. */
  get until(): number {
    return this.#until;
  }

  /** Waits, at least this long. */
  failed(now: number, atLeastMs = 0): void {
    const wait = Math.min(mostMs, firstMs * 2 ** this.#failures);
    this.#failures += 1;
    this.#until = now + Math.max(atLeastMs, wait * (0.75 + Math.random() / 2));
  }

  succeeded(): void {
    this.#failures = 0;
    this.#until = 0;
  }
}
