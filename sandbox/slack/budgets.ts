/** Slack's rate limits: each method has a budget per workspace, chat.postMessage one per channel. */
import type { Clock } from '../../src/clock.ts';
import { TokenBucket } from '../budget.ts';
import type { RateLimitHit } from '../chat.ts';

export interface BudgetRule {
  /** So many calls … */
  readonly limit: number;
  /** … in this many ms, refilled evenly … */
  readonly windowMs: number;
  /** … of which so many may come at once after a rest. */
  readonly burst: number;
  readonly per: 'team' | 'channel';
}

const perMinute = (limit: number, burst: number): BudgetRule => ({
  limit,
  windowMs: 60_000,
  burst,
  per: 'team',
});

/**
 * Docs: tier 2 is 20+, tier 3 50+, tier 4 100+ a minute; posting is about one message a second and channel
 * with short bursts. Slack publishes no size for a burst: these are guesses on the low side.
 */
export const slackBudgets: Readonly<Record<string, BudgetRule>> = {
  default: perMinute(50, 10),
  'chat.postMessage': { limit: 1, windowMs: 1000, burst: 3, per: 'channel' },
  'chat.update': perMinute(50, 5),
  'chat.startStream': perMinute(20, 5),
  'chat.appendStream': perMinute(100, 10),
  'chat.stopStream': perMinute(20, 5),
  'chat.postEphemeral': perMinute(100, 10),
  'users.info': perMinute(100, 20),
  'files.info': perMinute(100, 20),
  'auth.test': perMinute(600, 60),
  'assistant.threads.setStatus': perMinute(600, 60),
};

export class SlackBudgets {
  readonly hits: RateLimitHit[] = [];
  readonly #rules: Readonly<Record<string, BudgetRule | undefined>>;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(rules: Readonly<Record<string, BudgetRule | undefined>>, clock: Clock) {
    this.#rules = { ...slackBudgets, ...rules };
    this.#clock = clock;
  }

  /** Counts a call. Returns the seconds to wait when it is refused. */
  take(method: string, team: string, channel: string | undefined): number | undefined {
    const rule = this.#rules[method] ?? this.#rules.default!;
    const budget = [method, team, ...(rule.per === 'channel' ? [channel ?? ''] : [])].join(' ');
    let bucket = this.#buckets.get(budget);
    if (!bucket) {
      bucket = new TokenBucket(rule.limit, rule.windowMs, rule.burst, this.#clock);
      this.#buckets.set(budget, bucket);
    }
    const taken = bucket.take();
    if (taken.ok) return undefined;
    this.hits.push({ call: method, budget, at: this.#clock.now() });
    return Math.ceil(taken.retryAfterMs / 1000);
  }
}
