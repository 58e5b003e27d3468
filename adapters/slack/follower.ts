import type { Budget, Spare } from '../../src/bot/ports.ts';
import { type Clock, sleep } from '../../src/clock.ts';

/** Between two calls, and while there is no room for one; ms. */
const PAUSE = 2_000;

/**
 * Makes something in Slack follow a value: one call at a time, always the latest value, as often as is
 * allowed. A value that was replaced before its turn is never sent.
 */
export class Follower<T> {
  readonly #clock: Clock;
  readonly #spare: Spare;
  readonly #budget: (value: T) => Budget;
  readonly #apply: (value: T) => Promise<void>;
  readonly #settled: () => void;
  #wanted: T;
  #shown: T | undefined;
  #working = false;
  #calling: Promise<unknown> = Promise.resolve();
  #ended = false;

  /**
   * `shown` is what stands now, undefined if that is not known. When `apply` throws, Slack is asked again.
   * `settled` is called when what stands is what was wanted last.
   */
  constructor(options: {
    clock: Clock;
    spare: Spare;
    budget: (value: T) => Budget;
    wanted: T;
    shown: T | undefined;
    apply: (value: T) => Promise<void>;
    settled: () => void;
  }) {
    this.#clock = options.clock;
    this.#spare = options.spare;
    this.#budget = options.budget;
    this.#apply = options.apply;
    this.#settled = options.settled;
    this.#wanted = options.wanted;
    this.#shown = options.shown;
  }

  set(value: T): void {
    this.#wanted = value;
    if (!this.#working) void this.#work();
  }

  /** Sends the value that is wanted already if it may not stand. */
  start(): void {
    this.set(this.#wanted);
  }

  /** Sends the value again, for what goes by itself. */
  refresh(): void {
    this.#shown = undefined;
    this.start();
  }

  /** True when this stands and nothing else is wanted. */
  rests(value: T): boolean {
    return this.#shown === value && this.#wanted === value;
  }

  /** Calls no more. */
  end(): void {
    this.#ended = true;
  }

  /** Makes this the last value, at once if there is room for a call. Resolves when Slack has answered. */
  async finish(value: T): Promise<void> {
    this.#wanted = value;
    this.#ended = true;
    await this.#calling;
    if (this.#wanted !== this.#shown) await this.#call(value);
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#wanted !== this.#shown && !this.#ended) {
      this.#calling = this.#call(this.#wanted);
      await this.#calling;
      if (this.#wanted !== this.#shown) await sleep(this.#clock, PAUSE);
    }
    this.#working = false;
    if (!this.#ended) this.#settled();
  }

  async #call(value: T): Promise<void> {
    const applied = this.#spare.spare([this.#budget(value)], async () => {
      // What Slack was asked for without an answer may stand.
      this.#shown = undefined;
      await this.#apply(value);
      this.#shown = value;
    });
    await applied.catch(() => {});
  }
}
