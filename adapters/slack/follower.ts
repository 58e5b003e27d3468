import { type Clock, sleep } from '../../src/clock.ts';
import type { Throttle } from './throttle.ts';

/** Between two calls, and while there is no room for one; ms. */
const PAUSE = 2_000;

/**
 * Makes something in Slack follow a value: one call at a time, always the latest value, as often as is
 * allowed. A value that was replaced before its turn is never sent.
 */
export class Follower<T> {
  readonly #clock: Clock;
  readonly #throttle: (value: T) => Throttle;
  readonly #apply: (value: T) => Promise<boolean>;
  #wanted: T;
  #shown: T | undefined;
  #working = false;
  #ended = false;

  /**
   * `shown` is what stands now, undefined if that is not known. `apply` must not throw; false: Slack was not
   * reached, and is asked again.
   */
  constructor(options: {
    clock: Clock;
    throttle: (value: T) => Throttle;
    wanted: T;
    shown: T | undefined;
    apply: (value: T) => Promise<boolean>;
  }) {
    this.#clock = options.clock;
    this.#throttle = options.throttle;
    this.#apply = options.apply;
    this.#wanted = options.wanted;
    this.#shown = options.shown;
  }

  set(value: T): void {
    this.#wanted = value;
    if (!this.#working) void this.#work();
  }

  /** Sends the value again, for what goes by itself. */
  refresh(): void {
    this.#shown = undefined;
    this.set(this.#wanted);
  }

  end(): void {
    this.#ended = true;
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#wanted !== this.#shown && !this.#ended) {
      const value = this.#wanted;
      if (this.#throttle(value).take()) {
        // What Slack was asked for without an answer may stand.
        this.#shown = (await this.#apply(value)) ? value : undefined;
      }
      if (this.#wanted !== this.#shown) await sleep(this.#clock, PAUSE);
    }
    this.#working = false;
  }
}
