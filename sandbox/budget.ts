import type { Clock } from '../src/clock.ts';

/** What a budget says to one call. All figures are ms or calls. */
export type Taken =
  | {
      readonly ok: true;
      readonly remaining: number /** until all of it is free again */;
      readonly resetAfterMs: number;
    }
  | {
      readonly ok: false;
      readonly remaining: 0 /** until one call is free */;
      readonly retryAfterMs: number;
    };

export interface Limiter {
  /** Counts one call if there is room for it; a refused call is not counted. */
  take(): Taken;
}

/** At most `limit` calls in any window of `windowMs`: the strictest reading of a published limit. */
export class StrictWindow implements Limiter {
  readonly limit: number;
  readonly windowMs: number;
  readonly #clock: Clock;
  #taken: number[] = [];

  constructor(limit: number, windowMs: number, clock: Clock) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.#clock = clock;
  }

  take(): Taken {
    const now = this.#clock.monotonic();
    this.#taken = this.#taken.filter((at) => at > now - this.windowMs);
    if (this.#taken.length >= this.limit) {
      return { ok: false, remaining: 0, retryAfterMs: this.#taken[0]! + this.windowMs - now };
    }
    this.#taken.push(now);
    return { ok: true, remaining: this.limit - this.#taken.length, resetAfterMs: this.windowMs };
  }

  /** Until the oldest call leaves the window, that is until one more is free; 0 when none is counted. */
  freesAfterMs(): number {
    const oldest = this.#taken[0];
    return oldest === undefined ? 0 : Math.max(0, oldest + this.windowMs - this.#clock.monotonic());
  }
}

/** Refills evenly with `limit` calls per `windowMs` and saves up at most `burst` of them. */
export class TokenBucket implements Limiter {
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  constructor(limit: number, windowMs: number, burst: number, clock: Clock) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.burst = burst;
    this.#clock = clock;
    this.#tokens = burst;
    this.#at = clock.monotonic();
  }

  take(): Taken {
    const perToken = this.windowMs / this.limit;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.burst, this.#tokens + (now - this.#at) / perToken);
    this.#at = now;
    // A caller that waited exactly as long as it was told must not fail by a rounding error.
    if (this.#tokens < 1 - 1e-9)
      return { ok: false, remaining: 0, retryAfterMs: (1 - this.#tokens) * perToken };
    this.#tokens -= 1;
    return {
      ok: true,
      remaining: Math.floor(this.#tokens),
      resetAfterMs: (this.burst - this.#tokens) * perToken,
    };
  }
}
