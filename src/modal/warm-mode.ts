import type { AuditEntry, Origin, TargetState } from '../store/warm-store.ts';
import type { Spent } from './costs.ts';
import { type Desired, desiredAt } from './desired.ts';
import { formatDuration } from './duration.ts';
import { InputError } from './input-error.ts';
import { formatUsd } from './prices.ts';
import { Reconciler, type ReconcilerOptions } from './reconciler.ts';
import type { Schedule } from './schedule.ts';
import { TargetStore } from './target-store.ts';
import { isConfirmed } from './tuning.ts';
import { checkWanted, formatWanted, type Wanted } from './wanted.ts';

export interface WarmModeOptions extends ReconcilerOptions {
  /** The longest that one can ask for, ms. */
  readonly maxMs: number;
  readonly maxContainers: number;
}

/** How things stand; `agreed` only when Modal has confirmed what is wanted. */
export interface Standing {
  readonly desired: Desired;
  readonly state: TargetState;
  readonly agreed: boolean;
  /** Why Modal does not agree, in plain words. */
  readonly problem?: string;
}

export interface Status extends Standing {
  /** Containers there are now; undefined when Modal did not say. */
  readonly running: number | undefined;
  readonly spent: Spent;
}

/** Keeps the model awake for as long as admins want and no longer. What they want is stored. */
export class WarmMode {
  readonly #options: WarmModeOptions;
  readonly #state: TargetStore;
  readonly #reconciler: Reconciler;

  constructor(options: WarmModeOptions) {
    this.#options = options;
    this.#state = new TargetStore(options.store, options.target, options.name);
    this.#reconciler = new Reconciler(options);
  }

  /** Begins to look after it; takes up what an earlier process left. */
  start(): void {
    void this.#reconciler.run(true);
  }

  /** What is wanted stays wanted. */
  async stop(): Promise<void> {
    await this.#reconciler.stop();
  }

  /** Somebody uses the model. */
  used(): void {
    this.#reconciler.used();
  }

  /** Keeps so many containers from now on; a time asked for earlier is replaced. @throws InputError */
  async warm(by: Origin, wanted: Wanted & { ms: number }): Promise<Standing> {
    const { ms, containers, tuning = {} } = wanted;
    await this.check(wanted);
    await this.#checkBudget();
    const now = this.#options.clock.now();
    return this.#change(
      (state) => ({ ...state, manual: { containers, tuning, since: now, until: now + ms, by } }),
      { at: now, origin: by, action: 'warm', detail: `${formatDuration(ms)}, ${formatWanted(wanted)}` },
    );
  }

  /** Adds to the time, up to the longest there may be from now. @throws InputError */
  async extend(by: Origin, { ms, containers }: { ms: number; containers: number }): Promise<Standing> {
    const { maxMs, clock } = this.#options;
    const now = clock.now();
    const { tuning } = desiredAt(await this.state(), now, false);
    await this.check({ ms, containers, tuning });
    await this.#checkBudget();
    return this.#change(
      (state) => {
        const from = Math.max(now, state.manual?.until ?? desiredAt(state, now, false).until ?? now);
        const until = Math.min(from + ms, now + maxMs);
        return { ...state, manual: { containers, tuning, since: now, until, by } };
      },
      {
        at: now,
        origin: by,
        action: 'extend',
        detail: `${formatDuration(ms)}, ${formatWanted({ containers })}`,
      },
    );
  }

  /** Lets the model sleep: now, and for the rest of the schedule's window if there is one. */
  async cold(by: Origin): Promise<Standing> {
    const now = this.#options.clock.now();
    return this.#change(
      ({ manual: _, ...state }) => {
        const { until } = desiredAt(state, now, false);
        return { ...state, endedBy: by, ...(until !== undefined && { pausedUntil: until }) };
      },
      { at: now, origin: by, action: 'cold', detail: '' },
    );
  }

  /** Sets the schedule in place of an earlier one; null for none. @throws InputError */
  async setSchedule(
    by: Origin,
    schedule: Schedule | null,
    wanted: Wanted = { containers: 1 },
  ): Promise<Standing> {
    const { containers, tuning = {} } = wanted;
    await this.check({ ms: 60_000, ...wanted });
    const detail = schedule ? `${schedule.rule}, ${formatWanted(wanted)}` : 'off';
    return this.#change(
      ({ schedule: _, pausedUntil: __, ...state }) =>
        schedule ? { ...state, schedule: { rule: schedule.rule, containers, tuning, by } } : state,
      { at: this.#options.clock.now(), origin: by, action: 'schedule', detail },
    );
  }

  /** @throws InputError when it cannot be asked for, whatever the budget */
  async check({ ms, ...wanted }: Wanted & { ms: number }): Promise<void> {
    const { maxMs, maxContainers } = this.#options;
    if (!(ms >= 60_000)) throw new InputError('The shortest time is a minute.');
    if (ms > maxMs) throw new InputError(`That is too long: the most is ${formatDuration(maxMs)} at once.`);
    checkWanted(wanted, maxContainers);
    const { containers, tuning = {} } = wanted;
    const own = (await this.state()).deployed?.maxContainers;
    if (tuning.maxContainers === undefined && own !== undefined && own < containers)
      throw new InputError(
        `The app allows ${own} at most (its own max_containers). Keep fewer, or ask for max ${containers} as well.`,
      );
  }

  async status(): Promise<Status> {
    const { autoscaler, costs } = this.#options;
    const [running, standing, spent] = await Promise.all([
      autoscaler.stats().then(
        ({ containers }) => containers,
        () => undefined,
      ),
      this.state().then((state) => this.#standing(state)),
      costs.spent(),
    ]);
    return { ...standing, running, spent };
  }

  /** What is wanted, and how far Modal agrees. */
  async state(): Promise<TargetState> {
    return (await this.#state.load()) ?? {};
  }

  async #change(change: (state: TargetState) => TargetState, entry: AuditEntry): Promise<Standing> {
    await this.#state.change(({ failing: _, ...state }) => change(state), entry);
    this.#options.log.info({ action: entry.action, user: entry.origin?.user }, 'warm mode changed');
    await this.#reconciler.run(true);
    return this.#standing(await this.state());
  }

  async #standing(state: TargetState): Promise<Standing> {
    const { clock, costs } = this.#options;
    const desired = desiredAt(state, clock.now(), (await costs.budget()) === 'past');
    const { failing } = state;
    return {
      desired,
      state,
      agreed: isConfirmed(state, desired),
      ...(failing && { problem: failing.reason }),
    };
  }

  async #checkBudget(): Promise<void> {
    const { costs } = this.#options;
    if ((await costs.budget()) !== 'past') return;
    const { month } = await costs.spent();
    throw new InputError(
      `This month's GPU budget is used up: ${formatUsd(month.microUsd / 1e6)} of ${formatUsd(costs.budgetUsd!)}. The model still wakes for questions. Whoever runs the bot can raise GPU_BUDGET_USD.`,
    );
  }
}
