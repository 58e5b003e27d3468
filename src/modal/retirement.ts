import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Target, TargetState, WarmStore } from '../store/warm-store.ts';
import { makeAgree } from './agreement.ts';
import type { Autoscaler } from './autoscaler.ts';
import { ScalingError } from './faults.ts';
import type { Lead } from './lead.ts';
import { type Tell, whoAsked } from './notices.ts';
import { TargetStore } from './target-store.ts';

/** Between two tries; ms. */
const RETRY = 60_000;
const ASLEEP = { containers: 0, tuning: {}, because: 'nothing' } as const;

export interface RetirementOptions {
  readonly target: Target;
  readonly autoscaler: Autoscaler;
  readonly store: WarmStore;
  readonly lead: Pick<Lead, 'held'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tell: Tell;
}

/** Sees a target to sleep that the settings name no more, so that nothing stays warm unseen; then forgets it. */
export class Retirement {
  readonly #options: RetirementOptions;
  readonly #state: TargetStore;
  #running: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #stopped = false;
  #over = false;
  #failingSince: number | undefined;
  #told = false;

  constructor(options: RetirementOptions) {
    this.#options = options;
    this.#state = new TargetStore(options.store, options.target);
  }

  /** True once there is nothing left to do. */
  get isOver(): boolean {
    return this.#over;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#options.autoscaler.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { lead, clock, log } = this.#options;
    try {
      const leads = await lead.held;
      const state = await this.#state.load();
      this.#over = !state || (leads && (await this.#letGo(state)));
    } catch (error) {
      log.error({ err: error }, 'a model that is not used any more could not be let sleep');
    }
    if (!this.#over && !this.#stopped) this.#cancel = clock.after(RETRY, () => this.start());
  }

  /** True when there is nothing left to do. */
  async #letGo(state: TargetState): Promise<boolean> {
    const { autoscaler, clock, log, target } = this.#options;
    const wasAsleep = state.agreed?.containers === 0 && !state.failing && !state.sent;
    try {
      if (!wasAsleep) await makeAgree(ASLEEP, { autoscaler, state: this.#state, clock });
    } catch (error) {
      if (this.#stopped) return true;
      if (!(error instanceof ScalingError)) throw error;
      const { fault, message } = error;
      log.warn({ ...target, reason: message }, 'a model that is not used any more cannot be let sleep');
      if (fault !== 'missing') {
        // The first failure may be a short one.
        if (this.#failingSince === undefined) this.#failingSince = clock.now();
        else if (!this.#told) {
          this.#told = true;
          await this.#tell(state, { about: 'not-asleep', since: this.#failingSince, reason: message });
        }
        return false;
      }
      await this.#forget(state, true);
      return true;
    }
    if (wasAsleep) await this.#state.forget();
    else await this.#forget(state, false);
    return true;
  }

  async #forget(state: TargetState, isGone: boolean): Promise<void> {
    const { clock, target } = this.#options;
    const detail = `${target.server} in ${target.app}, which the settings name no more`;
    await this.#state.forget({ at: clock.now(), origin: null, action: 'ended', detail });
    await this.#tell(state, { about: 'let-go', isGone });
  }

  async #tell(state: TargetState, notice: Parameters<Tell>[1]): Promise<void> {
    await this.#options.tell(whoAsked(state), notice).catch((error) => {
      this.#options.log.warn({ about: notice.about, err: error }, 'cannot tell of warm mode');
    });
  }
}
