import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Leases } from '../../src/cluster/leases.ts';

/** How long a lease lasts that nobody renews: so long a shard is without a connection after a kill; ms. */
const LEASE = 5_000;
const RENEW = 1_500;
/** From the last renewal's beginning until the lease counts as lost, before anybody else may have it; ms. */
const SURE = 4_000;
/** Between two tries to renew; ms. */
const RETRY = 250;

/** A lease that this process holds, renewed until it is ended or lost. */
export class Tenure {
  readonly #leases: Leases;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lost = new AbortController();
  /** Until when nobody else may have it; ms of the clock's `monotonic`. */
  #sureUntil: number;
  #renewing: Promise<boolean> | null = null;
  /** The last call for the lease. */
  #asked: Promise<unknown> = Promise.resolve();
  #cancel: () => void = () => {};

  /** Null while another process has the lease. Rejects when that cannot be told. */
  static async take(
    leases: Leases,
    name: string,
    { clock, log }: { clock: Clock; log: Logger },
  ): Promise<Tenure | null> {
    const since = clock.monotonic();
    return (await leases.hold(name, LEASE)) ? new Tenure(leases, name, since, clock, log) : null;
  }

  private constructor(leases: Leases, name: string, since: number, clock: Clock, log: Logger) {
    this.#leases = leases;
    this.#name = name;
    this.#clock = clock;
    this.#log = log;
    this.#sureUntil = since + SURE;
    this.#later();
  }

  /** Aborts when the lease is lost, also when that is only feared, and when it was ended. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether it is this process's now. A process that was paused asks again before it answers. */
  async holds(): Promise<boolean> {
    if (this.#lost.signal.aborted) return false;
    return this.#clock.monotonic() < this.#sureUntil || this.#renew();
  }

  /** Gives the lease up, so that another process has it at once. Does not reject. */
  async end(): Promise<void> {
    this.#cancel();
    this.#lost.abort();
    // A renewal under way would take it again.
    await this.#within(RENEW, this.#asked);
    await this.#leases.release(this.#name).catch((error) => {
      this.#log.warn({ lease: this.#name, err: error }, 'a lease could not be given up; it ends by itself');
    });
  }

  #later(): void {
    this.#cancel = this.#clock.after(RENEW, async () => {
      if (await this.#renew()) this.#later();
    });
  }

  #renew(): Promise<boolean> {
    this.#renewing ??= this.#tryToRenew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Tries as long as nobody else may have it; at least once, for a process that was paused. */
  async #tryToRenew(): Promise<boolean> {
    const { signal } = this.#lost;
    do {
      const since = this.#clock.monotonic();
      const patience = Math.max(this.#sureUntil - since, RENEW);
      const asked = this.#leases.hold(this.#name, LEASE);
      this.#asked = asked;
      const held = await this.#within(patience, asked);
      if (signal.aborted) return false;
      if (held === true) {
        this.#sureUntil = since + SURE;
        return true;
      }
      if (held === false) break;
      await sleep(this.#clock, RETRY, signal).catch(() => {});
    } while (this.#clock.monotonic() < this.#sureUntil && !signal.aborted);
    this.#lost.abort();
    return false;
  }

  /** Null when it was refused to say, or took too long. */
  async #within<T>(ms: number, asked: Promise<T>): Promise<T | null> {
    const done = new AbortController();
    const late = sleep(this.#clock, ms, done.signal).then(
      () => null,
      () => null,
    );
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      this.#log.warn({ lease: this.#name, err: error }, 'a lease could not be renewed');
      return null;
    } finally {
      done.abort();
    }
  }
}
