import type { Clock } from '../../src/clock.ts';

/** A token bucket for calls that may be left out. */
export class Throttle {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, { limit, windowMs, burst }: { limit: number; windowMs: number; burst: number }) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perMs = limit / windowMs;
    this.#tokens = burst;
    this.#at = clock.monotonic();
  }

  /** Takes a call's place, if there is one. */
  take(): boolean {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
