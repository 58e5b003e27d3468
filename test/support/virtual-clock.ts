import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/clock.ts';

/** A clock that stands still until a test moves it; timers run in order of time, then of setting. */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #wall: number;
  #order = 0;
  #timers: { at: number; order: number; run: () => void }[] = [];

  constructor(wall = Date.UTC(2026, 0, 5, 12)) {
    this.#wall = wall;
  }

  /** Whole ms, as Date.now() gives. */
  now = (): number => Math.floor(this.#wall + this.#elapsed);
  monotonic = (): number => this.#elapsed;

  after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Moves time on by `ms`, running every timer on the way and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await nextTurn();
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end);
      const next = due.sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.run();
      await nextTurn();
    }
    this.#elapsed = end;
  }

  /** Moves the wall clock alone, as an NTP step or a user would. */
  shiftWall(ms: number): void {
    this.#wall += ms;
  }
}
