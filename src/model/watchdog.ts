import type { Clock } from '../clock.ts';

/**
 * Barks when nothing was heard for too long. Hearing something only notes the time, so that it costs
 * nothing per chunk; one timer looks at the note now and then.
 */
export class Watchdog {
  readonly #clock: Clock;
  #limitMs: number;
  #bark: () => void;
  #heardAt: number;
  #cancel: () => void = () => {};

  constructor(clock: Clock, limitMs: number, bark: () => void) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#bark = bark;
    this.#heardAt = clock.monotonic();
    this.#arm(limitMs);
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  /** From now on another limit and another bark. */
  become(limitMs: number, bark: () => void): void {
    this.#limitMs = limitMs;
    this.#bark = bark;
    this.heard();
    this.#arm(limitMs);
  }

  stop(): void {
    this.#cancel();
  }

  #arm(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => {
      const left = this.#limitMs - (this.#clock.monotonic() - this.#heardAt);
      if (left > 0) this.#arm(left);
      else this.#bark();
    });
  }
}
