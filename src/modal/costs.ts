import type { Clock } from '../clock.ts';
import type { Usage, WarmStore } from '../store/warm-store.ts';
import type { GpuPrice } from './prices.ts';

/** Past this part of the budget people are warned. */
const NEAR = 0.8;
/** A container that was not seen before cannot have run for longer than samples are apart; ms. */
const BETWEEN_SAMPLES = 60_000;

/** How far the month's budget is used up. */
export type Budget = 'ok' | 'near' | 'past';

export interface Spent {
  readonly today: Usage;
  readonly month: Usage;
}

/** What containers cost: an estimate from how many were seen running, in UTC days as Modal bills. */
export class Costs {
  /** Unknown without MODAL_GPU. */
  readonly price: GpuPrice | undefined;
  /** Dollars a month. */
  readonly budgetUsd: number | undefined;
  readonly #store: WarmStore;
  readonly #clock: Clock;
  #last: { at: number; containers: number } | undefined;

  constructor(options: {
    price: GpuPrice | undefined;
    budgetUsd: number | undefined;
    store: WarmStore;
    clock: Clock;
  }) {
    this.price = options.price;
    this.budgetUsd = options.budgetUsd;
    this.#store = options.store;
    this.#clock = options.clock;
  }

  /** What so many containers cost in that time, dollars; undefined when the price is unknown. */
  of(containers: number, ms: number): number | undefined {
    return this.price && (containers * ms * this.price.usdPerSecond) / 1_000;
  }

  /** Counts containers that are seen running now. */
  async saw(containers: number): Promise<void> {
    const at = this.#clock.monotonic();
    const last = this.#last ?? { at, containers: 0 };
    this.#last = { at, containers };
    const ms = at - last.at;
    // Those there before and after ran all the time; those that came or went, for half of it.
    const both = Math.min(containers, last.containers) * ms;
    const some = (Math.abs(containers - last.containers) * Math.min(ms, BETWEEN_SAMPLES)) / 2;
    const containerMs = both + some;
    if (containerMs === 0) return;
    const microUsd = (this.of(1, containerMs) ?? 0) * 1_000_000;
    const gpuMs = containerMs * (this.price?.count ?? 1);
    await this.#store.addUsage(this.today, { containerMs: gpuMs, microUsd });
  }

  /** Somebody else counts from now on. */
  leave(): void {
    this.#last = undefined;
  }

  async spent(): Promise<Spent> {
    const [today, month] = await Promise.all([this.#store.usage(this.today), this.#store.usage(this.month)]);
    return { today, month };
  }

  async budget(): Promise<Budget> {
    if (this.budgetUsd === undefined) return 'ok';
    const { microUsd } = await this.#store.usage(this.month);
    const share = microUsd / 1_000_000 / this.budgetUsd;
    if (share >= 1) return 'past';
    return share >= NEAR ? 'near' : 'ok';
  }

  /** 2026-01-31 */
  get today(): string {
    return new Date(this.#clock.now()).toISOString().slice(0, 10);
  }

  /** 2026-01 */
  get month(): string {
    return this.today.slice(0, 7);
  }
}
