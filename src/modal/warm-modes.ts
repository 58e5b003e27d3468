import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Leases } from '../cluster/leases.ts';
import type { Target, WarmStore } from '../store/warm-store.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Costs } from './costs.ts';
import { Lead } from './lead.ts';
import type { Tell } from './notices.ts';
import { Retirement } from './retirement.ts';
import { keyOf } from './target-store.ts';
import { WarmMode } from './warm-mode.ts';

/** Until it is tried again to take up what the settings name; ms. */
const AGAIN_AFTER = 60_000;
/** Between two looks for what a process with other settings left; one replaces the other sooner than that; ms. */
const LOOK = 300_000;

/** A model that can be kept warm. */
export interface WarmModel extends Target {
  /** As models.yaml calls it; "default" for the one that MODEL_* describes. */
  readonly name: string;
  /** Its gpu= on Modal, for the price. */
  readonly gpu?: string | undefined;
}

/** Somebody who looks after a model. */
export interface Keeper {
  readonly model: WarmModel;
  /** Short, and the same after a restart. */
  readonly id: string;
  readonly mode: WarmMode;
  readonly costs: Costs;
}

export interface WarmModesOptions {
  readonly store: WarmStore;
  /** One process at a time looks after warm mode. */
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
  readonly scale: (target: Target) => Autoscaler;
  readonly costs: (gpu: string | undefined) => Costs;
  /** Tells of one model; `id` is absent where nobody looks after it any more. */
  readonly tell: (about: { readonly name: string; readonly id?: string }) => Tell;
  /** The longest that one can ask for, ms. */
  readonly maxMs: number;
  readonly maxContainers: number;
}

/** Warm mode for each model that has a server on Modal. */
export class WarmModes {
  readonly #options: WarmModesOptions;
  readonly #lead: Lead;
  readonly #keepers = new Map<string, Keeper>();
  readonly #retirements = new Map<string, Retirement>();
  /** What the last look found that our settings do not name. */
  #unnamed: ReadonlySet<string> = new Set();
  #started = false;
  /** One change after the other. */
  #queue: Promise<void> = Promise.resolve();
  #cancelAgain: () => void = () => {};
  #cancelLook: () => void = () => {};

  /** @param models what the settings name */
  constructor(models: readonly WarmModel[], options: WarmModesOptions) {
    this.#options = options;
    const onTaken = () => {
      for (const { mode } of this.all) mode.start();
    };
    this.#lead = new Lead({ ...options, onTaken });
    for (const [key, model] of byKey(models)) this.#keep(key, model);
  }

  get all(): readonly Keeper[] {
    return [...this.#keepers.values()];
  }

  of(target: Target): Keeper | undefined {
    return this.#keepers.get(keyOf(target));
  }

  /** Begins to look after them. Those of an earlier process that the settings name no more are let sleep. */
  start(): Promise<void> {
    this.#started = true;
    this.#lead.start();
    for (const { mode } of this.all) mode.start();
    if (this.#options.leases.shared) this.#lookLater();
    return this.use(this.all.map(({ model }) => model));
  }

  /** The settings name these from now on; tried until the store says what they named before. */
  use(models: readonly WarmModel[]): Promise<void> {
    const { log, clock } = this.#options;
    this.#queue = this.#queue
      .then(() => {
        this.#cancelAgain();
        return this.#use(byKey(models));
      })
      .catch((error) => {
        log.error({ err: error }, 'warm mode could not take up its models; trying again');
        this.#cancelAgain = clock.after(AGAIN_AFTER, () => void this.use(models));
      });
    return this.#queue;
  }

  async stop(): Promise<void> {
    this.#cancelLook();
    await this.#queue;
    this.#cancelAgain();
    const modes = this.all.map(({ mode }) => mode);
    await Promise.all([...modes, ...this.#retirements.values()].map((one) => one.stop()));
    await this.#lead.stop();
  }

  async #use(named: ReadonlyMap<string, WarmModel>): Promise<void> {
    for (const [key, keeper] of this.#keepers) {
      const model = named.get(key);
      if (model?.name === keeper.model.name && model.gpu === keeper.model.gpu) continue;
      this.#keepers.delete(key);
      await keeper.mode.stop();
    }
    for (const [key, model] of named) {
      await this.#retirements.get(key)?.stop();
      this.#retirements.delete(key);
      if (!this.#keepers.has(key)) this.#keep(key, model);
    }
    for (const [key, target] of await this.#findUnnamed()) this.#retire(key, target);
  }

  #lookLater(): void {
    this.#cancelLook = this.#options.clock.after(LOOK, () => {
      this.#queue = this.#queue
        .then(() => this.#look())
        .catch((err) => this.#options.log.warn({ err }, 'cannot look what another process kept warm'));
      this.#lookLater();
    });
  }

  /** While a deploy replaces processes, one with older settings may keep something warm that nobody looks after then. */
  async #look(): Promise<void> {
    const found = await this.#findUnnamed();
    for (const [key, target] of found) if (this.#unnamed.has(key)) this.#retire(key, target);
    this.#unnamed = new Set(found.keys());
  }

  /** What is stored, our settings do not name, and nobody here lets sleep yet. */
  async #findUnnamed(): Promise<ReadonlyMap<string, Target>> {
    const stored = (await this.#options.store.load())?.targets ?? {};
    const isKnown = (key: string) => this.#keepers.has(key) || this.#retirements.get(key)?.isOver === false;
    return new Map(
      Object.entries(stored).flatMap(([key, { target }]) => (isKnown(key) ? [] : [[key, target]])),
    );
  }

  #keep(key: string, model: WarmModel): void {
    const id = createHash('sha256').update(key).digest('hex').slice(0, 4);
    const costs = this.#options.costs(model.gpu);
    const { app, server, environment } = model;
    const target = { app, server, ...(environment && { environment }) };
    const mode = new WarmMode({
      ...this.#options,
      log: this.#options.log.child({ model: model.name }),
      target,
      lead: this.#lead,
      name: model.name,
      costs,
      autoscaler: this.#options.scale(target),
      tell: this.#options.tell({ name: model.name, id }),
    });
    this.#keepers.set(key, { model, id, mode, costs });
    if (this.#started) mode.start();
  }

  #retire(key: string, target: Target): void {
    const retirement = new Retirement({
      ...this.#options,
      target,
      lead: this.#lead,
      autoscaler: this.#options.scale(target),
      tell: this.#options.tell({ name: `${target.app}/${target.server}` }),
    });
    this.#retirements.set(key, retirement);
    retirement.start();
  }
}

/** Models that differ in their prompt or adapter alone share a server: the first gives it its name. */
const byKey = (models: readonly WarmModel[]): ReadonlyMap<string, WarmModel> =>
  new Map(models.toReversed().map((model) => [keyOf(model), model]));
