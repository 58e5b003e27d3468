import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Origin, TargetState, WarmStore } from '../store/warm-store.ts';
import type { Budget, Costs } from './costs.ts';
import type { Desired } from './desired.ts';
import type { TargetStore } from './target-store.ts';

/** People are told this long before the end, unless the whole of it was not twice as long; ms. */
const NEAR_END = 600_000;

/** What people are told without having asked. */
export type Notice =
  | { readonly about: 'ending'; readonly until: number; readonly containers: number }
  | { readonly about: 'not-asleep'; readonly since: number; readonly reason: string }
  | { readonly about: 'asleep-after-all' }
  /** The settings name another server now; Modal was told to let the old one sleep, or knows it no more. */
  | { readonly about: 'let-go'; readonly isGone: boolean }
  | {
      readonly about: 'budget';
      readonly level: 'near' | 'past';
      readonly usd: number;
      readonly budgetUsd: number;
    };

/** Tells the people where a change was asked for, if any was; those that concern money, the admins too. */
export type Tell = (to: Origin | undefined, notice: Notice) => Promise<void>;

export interface NoticesOptions {
  readonly tell: Tell;
  readonly store: WarmStore;
  readonly state: TargetStore;
  readonly costs: Costs;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tells each thing once, to whom it concerns. */
export class Notices {
  readonly #options: NoticesOptions;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Best effort: chat may be down, and money is what matters. */
  async tell(state: TargetState, notice: Notice): Promise<void> {
    const to = whoAsked(state);
    await this.#options.tell(to, notice).catch((error) => {
      this.#options.log.warn(
        { channel: to?.channel, about: notice.about, err: error },
        'cannot tell of warm mode',
      );
    });
  }

  async ofEnd({ manual }: TargetState, { until, containers, because }: Desired): Promise<void> {
    if (!manual || manual.told || because !== 'manual' || until === undefined) return;
    const left = until - this.#options.clock.now();
    if (left > NEAR_END || manual.until - manual.since < 2 * NEAR_END) return;
    const state = await this.#options.state.change((now) =>
      now.manual ? { ...now, manual: { ...now.manual, told: true } } : now,
    );
    await this.tell(state, { about: 'ending', until, containers });
  }

  async ofBudget(state: TargetState, level: Budget): Promise<void> {
    const { costs, store, log, clock } = this.#options;
    const { month, budgetUsd } = costs;
    if (level === 'ok' || budgetUsd === undefined) return;
    const usd = (await costs.spent()).month.microUsd / 1e6;
    const word = `${month} ${level}`;
    let isNews = false;
    await store.change(
      (all) => {
        isNews = all.budgetTold !== word && all.budgetTold !== `${month} past`;
        return isNews ? { ...all, budgetTold: word } : all;
      },
      { at: clock.now(), origin: null, action: 'budget', detail: level },
    );
    if (!isNews) return;
    log.warn({ level, usd, budgetUsd }, 'the GPU budget of the month');
    await this.tell(state, { about: 'budget', level, usd, budgetUsd });
  }
}

export const whoAsked = ({ manual, endedBy, schedule }: TargetState): Origin | undefined =>
  manual?.by ?? endedBy ?? schedule?.by;
