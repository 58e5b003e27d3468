import type { Clock } from '../../src/clock.ts';

/** Discord's ids count from the first second of 2015. */
const EPOCH = 1_420_070_400_000n;

/** Makes ids as Discord does: the time in the upper bits, so that later ids are larger. */
export class Snowflakes {
  readonly #clock: Clock;
  #last = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): string {
    const now = (BigInt(Math.floor(this.#clock.now())) - EPOCH) << 22n;
    // Never twice the same and never backwards, whatever the clock does.
    this.#last = now > this.#last ? now : this.#last + 1n;
    return String(this.#last);
  }
}

export const isSnowflake = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{17,20}$/.test(value);
