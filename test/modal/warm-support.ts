import { pino } from 'pino';
import type { Autoscaler, ScalingChange } from '../../src/modal/autoscaler.ts';
import { Costs } from '../../src/modal/costs.ts';
import { ScalingError } from '../../src/modal/faults.ts';
import type { Notice } from '../../src/modal/reconciler.ts';
import { WarmMode } from '../../src/modal/warm-mode.ts';
import { SqliteStore } from '../../src/store/sqlite.ts';
import type { Origin } from '../../src/store/warm-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const admin: Origin = { platform: 'slack', channel: 'C1', user: 'UADMIN', name: 'admin' };
export const colleague: Origin = { platform: 'discord', channel: '1', user: '2', name: 'colleague' };

/** An app on Modal as far as its autoscaler goes: containers come and go with min_containers. */
export class AppDouble implements Autoscaler {
  minContainers = 0;
  maxContainers: number | undefined;
  /** min_containers as they were set, oldest first. */
  readonly said: number[] = [];
  reachable = true;
  /** No GPU is to be had: containers are wanted, and there are none. */
  waitsForGpu = false;

  async update(change: ScalingChange): Promise<ScalingChange> {
    this.#reach();
    this.minContainers = change.minContainers ?? this.minContainers;
    this.said.push(this.minContainers);
    return {
      minContainers: this.minContainers,
      ...(this.maxContainers !== undefined && { maxContainers: this.maxContainers }),
    };
  }

  async stats(): Promise<{ containers: number; backlog: number }> {
    this.#reach();
    if (this.waitsForGpu) return { containers: 0, backlog: 1 };
    return { containers: Math.min(this.minContainers, this.maxContainers ?? 100), backlog: 0 };
  }

  /** A new version: the settings are the decorator's again. */
  deploy(): void {
    this.minContainers = 0;
  }

  close(): void {}

  #reach(): void {
    if (!this.reachable) throw new ScalingError('unreachable', 'Modal cannot be reached just now.');
  }
}

/** Warm mode with all time, Modal and chat of its own; `restart` goes on with the same store. */
export class Play {
  readonly app = new AppDouble();
  readonly clock: VirtualClock;
  readonly notices: { readonly to: Origin; readonly notice: Notice }[] = [];
  readonly store = new SqliteStore(':memory:').warm;
  readonly #budgetUsd: number | undefined;
  costs!: Costs;
  warm!: WarmMode;

  /** @param options.at default a Monday, 12:00 UTC */
  constructor(options: { budgetUsd?: number; at?: number } = {}) {
    this.clock = new VirtualClock(options.at ?? Date.UTC(2026, 0, 5, 12));
    this.#budgetUsd = options.budgetUsd;
    this.open();
  }

  /** Another process on the same store. */
  open(): WarmMode {
    const { app: autoscaler, clock, store } = this;
    const price = { gpu: 'X', usdPerSecond: 0.001 };
    this.costs = new Costs({ price, budgetUsd: this.#budgetUsd, store, clock });
    this.warm = new WarmMode({
      autoscaler,
      store,
      costs: this.costs,
      clock,
      log: pino({ level: 'silent' }),
      tell: async (to, notice) => void this.notices.push({ to, notice }),
      maxMs: 24 * HOUR,
      maxContainers: 4,
    });
    this.warm.start();
    return this.warm;
  }

  get abouts(): string[] {
    return this.notices.map(({ notice }) => notice.about);
  }
}
