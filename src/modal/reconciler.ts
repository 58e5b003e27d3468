import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Origin, WarmState, WarmStore } from '../store/warm-store.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Costs } from './costs.ts';
import { type Desired, desiredAt, nextChange } from './desired.ts';

/** Looking whether all is as wanted, and what runs; ms. */
const LOOK = 60_000;
/** A deploy resets the settings: said again this often; ms. */
const SAY_AGAIN = 300_000;
/** After a failure, doubled up to {@link LOOK}; ms. */
const FIRST_RETRY = 5_000;
/** Another process takes over this long after the leading one died; ms. */
const LEASE = 90_000;
/** People are told this long before the end, unless the whole of it was not twice as long; ms. */
const NEAR_END = 600_000;
/** A model that cannot be put to sleep for this long is told of; ms. */
const WORRY = 60_000;
/** The wall clock was set, not just corrected; ms. */
const CLOCK_STEP = 5_000;

/** What admins are told without having asked. */
export type Notice =
  | { readonly about: 'ending'; readonly until: number; readonly containers: number }
  | { readonly about: 'not-asleep'; readonly since: number; readonly reason: string }
  | { readonly about: 'asleep-after-all' }
  | {
      readonly about: 'budget';
      readonly level: 'near' | 'past';
      readonly usd: number;
      readonly budgetUsd: number;
    };

export interface ReconcilerOptions {
  readonly autoscaler: Autoscaler;
  readonly store: WarmStore;
  readonly costs: Costs;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells the people where a change was asked for. */
  readonly tell: (to: Origin, notice: Notice) => Promise<void>;
}

/**
 * Makes Modal agree with what is stored: at start, on change, at the end, and every 5 minutes, since a deploy
 * resets it. With several processes one of them does. Counts what runs, and tells people what they must know.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #id = randomUUID();
  /** One after the other: what Modal is told last is what is wanted last. */
  #queue: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #stopped = false;
  #saidAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  /** Containers may be running, also without warm mode; an earlier process may have left some. */
  #mayRun = true;
  #lookFault = '';
  #usedAt = Number.NEGATIVE_INFINITY;
  #clocks: { wall: number; monotonic: number };

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#clocks = { wall: options.clock.now(), monotonic: options.clock.monotonic() };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#options.autoscaler.close();
    await this.#queue;
    await this.#options.store.yieldLead(this.#id);
  }

  /** Somebody uses the model: from now on it is looked how much runs, until nothing does. */
  used(): void {
    this.#usedAt = this.#options.clock.monotonic();
    if (this.#mayRun || this.#stopped) return;
    this.#mayRun = true;
    void this.run(false);
  }

  /** `now` says it to Modal whoever leads and whatever was said before. */
  run(now: boolean): Promise<void> {
    const run = this.#queue.then(async () => {
      if (this.#stopped) return;
      this.#cancel();
      try {
        await this.#agree(now);
      } catch (error) {
        this.#options.log.error({ err: error }, 'warm mode could not be looked after');
        this.#later(LOOK);
      }
    });
    this.#queue = run;
    return run;
  }

  async #agree(force: boolean): Promise<void> {
    const { store, clock, costs } = this.#options;
    const leads = await store.lead(this.#id, clock.now(), LEASE);
    const before = await store.load();
    const nothing = !before && !this.#mayRun;
    if (nothing || !(leads || force)) return this.#later(LOOK);
    const level = await costs.budget();
    const state = await this.#ended(await this.#clockChecked(before ?? {}));
    const desired = desiredAt(state, clock.now(), level === 'past');
    const stale = clock.monotonic() - this.#saidAt >= SAY_AGAIN;
    if (before && (force || stale || state.failing || state.agreed?.containers !== desired.containers))
      await this.#say(desired, state);
    if (this.#failures === 0) await this.#look(desired);
    await this.#tellEnd(state, desired);
    await this.#tellBudget(state, level);
    const waits = [LOOK, nextChange(state, clock.now()) - clock.now()];
    if (this.#failures > 0) waits.push(FIRST_RETRY * 2 ** (this.#failures - 1));
    this.#later(Math.max(0, Math.min(...waits)));
  }

  /**
   * When the wall clock is set back, the time asked for would last longer than was paid for: it is moved
   * along. Set forward, it ends early, which costs nothing.
   */
  async #clockChecked(state: WarmState): Promise<WarmState> {
    const { clock, store, log } = this.#options;
    const before = this.#clocks;
    this.#clocks = { wall: clock.now(), monotonic: clock.monotonic() };
    const step = this.#clocks.wall - before.wall - (this.#clocks.monotonic - before.monotonic);
    if (step > -CLOCK_STEP || !state.manual) return state;
    log.warn({ ms: step }, 'the clock was set back: the end of warm mode moves along');
    return store.change((now) =>
      now.manual && now.manual.until === state.manual?.until
        ? {
            ...now,
            manual: { ...now.manual, since: now.manual.since + step, until: now.manual.until + step },
          }
        : now,
    );
  }

  async #ended(state: WarmState): Promise<WarmState> {
    const { clock, store } = this.#options;
    const at = clock.now();
    if (!state.manual || at < state.manual.until) return state;
    return store.change(
      (now) => {
        const { manual, ...rest } = now;
        // What the end is told about needs somebody to tell.
        return manual && at >= manual.until ? { ...rest, endedBy: manual.by } : now;
      },
      { at, origin: null, action: 'ended', detail: '' },
    );
  }

  async #say({ containers }: Desired, { failing }: WarmState): Promise<void> {
    const { autoscaler, store, clock, log } = this.#options;
    try {
      const { maxContainers: max = 0 } = await autoscaler.update({ minContainers: containers });
      this.#saidAt = clock.monotonic();
      this.#failures = 0;
      if (containers > 0) this.#mayRun = true;
      const state = await store.change(({ failing: _, ...state }) => ({
        ...state,
        agreed: { containers, at: clock.now(), ...(max > 0 && max < containers && { max }) },
      }));
      log.info({ containers }, 'Modal agrees on min_containers');
      if (failing?.told) await this.#tell(state, { about: 'asleep-after-all' });
    } catch (error) {
      await this.#failed(containers, (error as Error).message);
    }
  }

  async #failed(containers: number, reason: string): Promise<void> {
    const { store, clock, log } = this.#options;
    if (this.#stopped) return;
    this.#failures += 1;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    const now = clock.now();
    log.warn({ containers, failures: this.#failures, reason }, 'Modal does not agree on min_containers');
    const { failing, ...state } = await store.change((state) => ({
      ...state,
      failing: { ...state.failing, since: state.failing?.since ?? now, reason },
    }));
    // It may go on costing money.
    const worrying = containers === 0 && failing && !failing.told && now - failing.since >= WORRY;
    if (!worrying) return;
    await store.change((state) => ({ ...state, failing: { ...failing, told: true } }));
    await this.#tell(state, { about: 'not-asleep', since: failing.since, reason });
  }

  /** Counts what runs, while something may. */
  async #look({ containers: wanted }: Desired): Promise<void> {
    const { autoscaler, costs, clock, log } = this.#options;
    if (!this.#mayRun) return;
    try {
      const { containers } = await autoscaler.stats();
      await costs.saw(containers);
      // A question that has just been asked may not have reached Modal yet.
      const justUsed = clock.monotonic() - this.#usedAt < 2 * LOOK;
      this.#mayRun = containers > 0 || wanted > 0 || justUsed;
      this.#lookFault = '';
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#lookFault) log.warn({ reason }, 'Modal does not say what runs');
      this.#lookFault = reason;
    }
  }

  async #tellEnd({ manual }: WarmState, { until, containers, because }: Desired): Promise<void> {
    if (!manual || manual.told || because !== 'manual' || until === undefined) return;
    const { clock, store } = this.#options;
    const left = until - clock.now();
    if (left > NEAR_END || manual.until - manual.since < 2 * NEAR_END) return;
    const state = await store.change((now) =>
      now.manual ? { ...now, manual: { ...now.manual, told: true } } : now,
    );
    await this.#tell(state, { about: 'ending', until, containers });
  }

  async #tellBudget(state: WarmState, level: 'ok' | 'near' | 'past'): Promise<void> {
    const { costs, store, log } = this.#options;
    const { month, budgetUsd } = costs;
    const told = state.budgetTold;
    if (level === 'ok' || budgetUsd === undefined || !whoAsked(state)) return;
    if (told === `${month} past` || told === `${month} ${level}`) return;
    const spent = (await costs.spent()).month.microUsd / 1e6;
    log.warn({ level, usd: spent, budgetUsd }, 'the GPU budget of the month');
    const now = await store.change((state) => ({ ...state, budgetTold: `${month} ${level}` }), {
      at: this.#options.clock.now(),
      origin: null,
      action: 'budget',
      detail: level,
    });
    await this.#tell(now, { about: 'budget', level, usd: spent, budgetUsd });
  }

  /** Best effort: chat may be down, and money is what matters. */
  async #tell(state: WarmState, notice: Notice): Promise<void> {
    const to = whoAsked(state);
    if (!to) return;
    await this.#options.tell(to, notice).catch((error) => {
      this.#options.log.warn(
        { channel: to.channel, about: notice.about, err: error },
        'cannot tell of warm mode',
      );
    });
  }

  #later(ms: number): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#cancel = this.#options.clock.after(ms, () => void this.run(false));
  }
}

const whoAsked = ({ manual, endedBy, schedule }: WarmState): Origin | undefined =>
  manual?.by ?? endedBy ?? schedule?.by;
