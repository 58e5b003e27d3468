import type { Clock } from '../../src/clock.ts';
import type { Leases } from '../../src/cluster/leases.ts';

/** Leases as several processes share them, in memory. */
export class SharedLeases {
  readonly #clock: Clock;
  readonly #held = new Map<string, { holder: string; until: number }>();
  readonly #cutOff = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who has this lease now. */
  holder(name: string): string | undefined {
    const lease = this.#held.get(name);
    return lease && lease.until > this.#clock.monotonic() ? lease.holder : undefined;
  }

  /** Another process has it, as after a time in which its holder slept. */
  give(name: string, holder: string, forMs: number): void {
    this.#held.set(name, { holder, until: this.#clock.monotonic() + forMs });
  }

  /** From now on this process cannot reach the others. */
  cutOff(process: string): void {
    this.#cutOff.add(process);
  }

  /** What one process has of them. */
  of(process: string): Leases {
    const reach = () => {
      if (this.#cutOff.has(process)) throw new Error('the database cannot be reached');
    };
    return {
      shared: true,
      hold: async (name, forMs) => {
        reach();
        if ((this.holder(name) ?? process) !== process) return false;
        this.#held.set(name, { holder: process, until: this.#clock.monotonic() + forMs });
        return true;
      },
      release: async (name) => {
        reach();
        if (this.holder(name) === process) this.#held.delete(name);
      },
    };
  }
}
