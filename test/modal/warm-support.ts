import { pino } from 'pino';
import type { Autoscaler, ScalingChange } from '../../src/modal/autoscaler.ts';
import { Costs } from '../../src/modal/costs.ts';
import { ScalingError } from '../../src/modal/faults.ts';
import { Lead } from '../../src/modal/lead.ts';
import type { Notice } from '../../src/modal/notices.ts';
import { WarmMode } from '../../src/modal/warm-mode.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import type { Origin, Target } from '../../src/store/warm-store.ts';
import { SharedLeases } from '../support/shared-leases.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const admin: Origin = { platform: 'slack', channel: 'C1', user: 'UADMIN', name: 'admin' };
export const colleague: Origin = { platform: 'discord', channel: '1', user: '2', name: 'colleague' };

export const target: Target = { app: 'app', server: 'Server' };

/** An app on Modal as far as its autoscaler goes: containers come and go with min_containers. */
export class AppDouble implements Autoscaler {
  /** What the decorator says. */
  declared: ScalingChange = {};
  settings: ScalingChange = {};
  /** What was changed, oldest first. */
  readonly said: ScalingChange[] = [];
  /** How often it was asked or told. */
  calls = 0;
  reachable = true;
  /** No app of this name is deployed. */
  missing = false;
  /** What is said arrives, and its answer does not. */
  losesAnswers = false;
  /** The next answer comes no sooner than this. */
  delayOnce: Promise<void> | undefined;
  /** No GPU is to be had: containers are wanted, and there are none. */
  waitsForGpu = false;

  get minContainers(): number {
    return this.settings.minContainers ?? 0;
  }

  async update(change: ScalingChange): Promise<ScalingChange> {
    this.calls += 1;
    const delay = this.delayOnce;
    this.delayOnce = undefined;
    await delay;
    this.#reach();
    this.settings = { ...this.settings, ...change };
    const { minContainers = 0, maxContainers = 100 } = this.settings;
    if (minContainers > maxContainers) throw new Error(`min ${minContainers} over max ${maxContainers}`);
    if (Object.keys(change).length === 0) return this.settings;
    this.said.push(change);
    if (this.losesAnswers) throw new ScalingError('unreachable', 'Modal cannot be reached just now.');
    return this.settings;
  }

  async stats(): Promise<{ containers: number; backlog: number }> {
    this.#reach();
    if (this.waitsForGpu) return { containers: 0, backlog: 1 };
    return { containers: this.minContainers, backlog: 0 };
  }

  /** A new version: the settings are the decorator's again. */
  deploy(declared = this.declared): void {
    this.declared = declared;
    this.settings = declared;
  }

  close(): void {}

  #reach(): void {
    if (this.missing) throw new ScalingError('missing', 'Modal knows no such app.');
    if (!this.reachable) throw new ScalingError('unreachable', 'Modal cannot be reached just now.');
  }
}

/** Warm mode with all time, Modal and chat of its own; `restart` goes on with the same store. */
export class Play {
  readonly app = new AppDouble();
  readonly clock: VirtualClock;
  readonly notices: { readonly to: Origin | undefined; readonly notice: Notice }[] = [];
  readonly store = new SqliteStore(':memory:').warm;
  readonly leases: SharedLeases;
  #processes = 0;
  readonly #budgetUsd: number | undefined;
  readonly #several: boolean;
  readonly #maxContainers: number;
  costs!: Costs;
  warm!: WarmMode;

  /**
   * @param options.at default a Monday, 12:00 UTC
   * @param options.several more than one process at a time
   */
  constructor(options: { budgetUsd?: number; at?: number; several?: boolean; maxContainers?: number } = {}) {
    this.clock = new VirtualClock(options.at ?? Date.UTC(2026, 0, 5, 12));
    this.leases = new SharedLeases(this.clock);
    this.#budgetUsd = options.budgetUsd;
    this.#several = options.several ?? false;
    this.#maxContainers = options.maxContainers ?? 4;
    this.open();
  }

  /** Another process on the same store. */
  open(): WarmMode {
    const { app: autoscaler, clock, store } = this;
    const price = { gpu: 'X', count: 1, usdPerSecond: 0.001 };
    this.costs = new Costs({ price, budgetUsd: this.#budgetUsd, store, clock });
    const log = pino({ level: 'silent' });
    const lead = new Lead({
      leases: { ...this.leases.of(`process ${++this.#processes}`), shared: this.#several },
      clock,
      log,
      onTaken: () => warm.start(),
    });
    const warm = new WarmMode({
      target,
      name: 'default',
      lead,
      autoscaler,
      store,
      costs: this.costs,
      clock,
      log,
      tell: async (to, notice) => void this.notices.push({ to, notice }),
      maxMs: 24 * HOUR,
      maxContainers: this.#maxContainers,
    });
    const stop = warm.stop.bind(warm);
    warm.stop = async () => {
      await stop();
      await lead.stop();
    };
    lead.start();
    warm.start();
    this.warm = warm;
    return warm;
  }

  get abouts(): string[] {
    return this.notices.map(({ notice }) => notice.about);
  }
}
