import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Leases } from '../cluster/leases.ts';

const NAME = 'warm mode';
/** A process that died leads no more after this; ms. */
const LEASE = 5_000;
/** Between two looks who leads, each of which renews the lease; ms. */
const LOOK = 1_500;

export interface LeadParts {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
  /** This process leads from now on, in place of another. */
  readonly onTaken: () => void;
}

/**
 * Which process looks after warm mode: one of all, and another within seconds when that one is gone. Two may for a
 * moment, which harms nothing: both make Modal agree with the same store.
 */
export class Lead {
  readonly #parts: LeadParts;
  #held: Promise<boolean> = Promise.resolve(false);
  #stopped = false;
  #cancel: () => void = () => {};

  constructor(parts: LeadParts) {
    this.#parts = parts;
  }

  /** False for a process that is alone. */
  get shared(): boolean {
    return this.#parts.leases.shared;
  }

  /** Whether it is this process, as of the last look. */
  get held(): Promise<boolean> {
    return this.#held;
  }

  start(): void {
    this.#held = this.#hold(false);
    // A process that is alone keeps it.
    if (this.#parts.leases.shared) this.#later();
  }

  /** Leaves it to another process, at once. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#held;
    await this.#parts.leases.release(NAME).catch(() => {}); // it ends by itself
  }

  #later(): void {
    this.#cancel = this.#parts.clock.after(LOOK, () => void this.#look());
  }

  async #look(): Promise<void> {
    const before = await this.#held;
    if (this.#stopped) return;
    this.#held = this.#hold(before);
    const held = await this.#held;
    if (this.#stopped) return;
    this.#later();
    if (held && !before) this.#parts.onTaken();
  }

  async #hold(before: boolean): Promise<boolean> {
    const { leases, log } = this.#parts;
    try {
      const held = await leases.hold(NAME, LEASE);
      if (held && !before && leases.shared) log.info('this process looks after warm mode');
      return held;
    } catch (error) {
      if (before) log.warn({ err: error }, 'cannot tell who looks after warm mode');
      return false;
    }
  }
}
