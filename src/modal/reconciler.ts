import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Target, TargetState, WarmStore } from '../store/warm-store.ts';
import { makeAgree } from './agreement.ts';
import type { Autoscaler } from './autoscaler.ts';
import type { Costs } from './costs.ts';
import { type Desired, desiredAt, nextChange } from './desired.ts';
import { ScalingError } from './faults.ts';
import type { Lead } from './lead.ts';
import { Notices, type Tell } from './notices.ts';
import { TargetStore } from './target-store.ts';
import { isConfirmed } from './tuning.ts';

/** Looking whether all is as wanted, and what runs; ms. */
const LOOK = 60_000;
/** A deploy resets the settings: said again this often; ms. */
const SAY_AGAIN = 300_000;
/** After a failure, doubled up to {@link LOOK}; ms. */
const FIRST_RETRY = 5_000;
/** A model that cannot be put to sleep for this long is told of; ms. */
const WORRY = 60_000;
/** The wall clock was set, not just corrected; ms. */
const CLOCK_STEP = 5_000;

export interface ReconcilerOptions {
  readonly target: Target;
  /** The model's, as the settings call it. */
  readonly name: string;
  readonly autoscaler: Autoscaler;
  readonly store: WarmStore;
  readonly lead: Pick<Lead, 'held' | 'shared'>;
  readonly costs: Costs;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: Tell;
}

/**
 * Makes Modal agree with what is stored: at start, on change, at the end, and every 5 minutes, since a deploy
 * resets it. With several processes one of them does. Counts what runs, and tells people what they must know.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #state: TargetStore;
  readonly #notices: Notices;
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
    this.#state = new TargetStore(options.store, options.target, options.name);
    this.#notices = new Notices({ ...options, state: this.#state });
    this.#clocks = { wall: options.clock.now(), monotonic: options.clock.monotonic() };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#options.autoscaler.close();
    await this.#queue;
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
    const { lead, clock, costs } = this.#options;
    const leads = await lead.held;
    const before = await this.#state.load();
    const nothing = !before && !this.#mayRun;
    const clockStep = this.#clockStep();
    if (!leads) costs.leave();
    if (nothing || !(leads || force)) return this.#later(LOOK);
    const level = await costs.budget();
    const state = await this.#ended(await this.#moved(before ?? {}, leads ? clockStep : 0));
    const at = clock.now();
    const desired = desiredAt(state, at, level === 'past');
    const stale = clock.monotonic() - this.#saidAt >= SAY_AGAIN;
    if (before && (force || stale || !isConfirmed(state, desired))) await this.#say(desired, state);
    if (this.#stopped) return;
    if (leads && this.#failures === 0) await this.#look(desired);
    await this.#notices.ofEnd(state, desired);
    await this.#notices.ofBudget(state, level);
    // What was to change while Modal was told is late already.
    const waits = [LOOK, nextChange(state, at) - clock.now()];
    if ((await costs.budget()) !== level) waits.push(0);
    if (this.#failures > 0) waits.push(FIRST_RETRY * 2 ** (this.#failures - 1));
    this.#later(Math.max(0, Math.min(...waits)));
  }

  /** By how much the wall clock was set since the last time, ms. */
  #clockStep(): number {
    const { clock } = this.#options;
    const before = this.#clocks;
    this.#clocks = { wall: clock.now(), monotonic: clock.monotonic() };
    return this.#clocks.wall - before.wall - (this.#clocks.monotonic - before.monotonic);
  }

  /**
   * When the wall clock is set back, the time asked for would last longer than was paid for: it is moved
   * along. Set forward, it ends early, which costs nothing.
   */
  async #moved(state: TargetState, step: number): Promise<TargetState> {
    if (step > -CLOCK_STEP || !state.manual) return state;
    this.#options.log.warn({ ms: step }, 'the clock was set back: the end of warm mode moves along');
    return this.#state.change((now) =>
      now.manual && now.manual.until === state.manual?.until
        ? {
            ...now,
            manual: { ...now.manual, since: now.manual.since + step, until: now.manual.until + step },
          }
        : now,
    );
  }

  async #ended(state: TargetState): Promise<TargetState> {
    const at = this.#options.clock.now();
    if (!state.manual || at < state.manual.until) return state;
    return this.#state.change(
      (now) => {
        const { manual, ...rest } = now;
        // What the end is told about needs somebody to tell.
        return manual && at >= manual.until ? { ...rest, endedBy: manual.by } : now;
      },
      { at, origin: null, action: 'ended', detail: '' },
    );
  }

  async #say(desired: Desired, before: TargetState): Promise<void> {
    const { autoscaler, clock, log } = this.#options;
    try {
      await makeAgree(desired, { autoscaler, state: this.#state, clock });
      this.#saidAt = clock.monotonic();
      this.#failures = 0;
      if (desired.containers > 0) this.#mayRun = true;
      log.info({ containers: desired.containers }, 'Modal agrees on min_containers');
      if (before.failing?.told) await this.#notices.tell(before, { about: 'asleep-after-all' });
    } catch (error) {
      if (!(error instanceof ScalingError)) throw error;
      await this.#failed(desired, error.message);
    }
  }

  async #failed({ containers }: Desired, reason: string): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#stopped) return;
    this.#failures += 1;
    this.#saidAt = Number.NEGATIVE_INFINITY;
    log.warn({ containers, failures: this.#failures, reason }, 'Modal does not agree on min_containers');
    const now = clock.now();
    const { failing, ...state } = await this.#state.change((state) => {
      const known = state.failing?.containers === containers ? state.failing : undefined;
      return { ...state, failing: { containers, since: now, ...known, reason } };
    });
    // It may go on costing money.
    const worrying = containers === 0 && failing && !failing.told && now - failing.since >= WORRY;
    if (!worrying) return;
    await this.#state.change((state) => ({ ...state, failing: { ...failing, told: true } }));
    await this.#notices.tell(state, { about: 'not-asleep', since: failing.since, reason });
  }

  /** Counts what runs, while something may. */
  async #look({ containers: wanted }: Desired): Promise<void> {
    const { autoscaler, costs, clock, log, lead } = this.#options;
    if (!this.#mayRun) return;
    try {
      const { containers, backlog } = await autoscaler.stats();
      await costs.saw(containers);
      // A question that has just been asked may not have reached Modal yet.
      const justUsed = clock.monotonic() - this.#usedAt < 2 * LOOK;
      // What wakes the model in another process is not heard of here.
      this.#mayRun = containers > 0 || backlog > 0 || wanted > 0 || justUsed || lead.shared;
      this.#lookFault = '';
    } catch (error) {
      if (this.#stopped) return;
      const reason = (error as Error).message;
      if (reason !== this.#lookFault) log.warn({ reason }, 'Modal does not say what runs');
      this.#lookFault = reason;
    }
  }

  #later(ms: number): void {
    if (this.#stopped) return;
    this.#cancel();
    this.#cancel = this.#options.clock.after(ms, () => void this.run(false));
  }
}
