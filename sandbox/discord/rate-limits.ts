import { createHash } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import { StrictWindow } from '../budget.ts';
import type { RateLimitHit } from '../chat.ts';

export interface Window {
  readonly limit: number;
  readonly windowMs: number;
}

/** Discord promises no figures. These are how it behaves, or stricter. */
export const BUDGETS = {
  /** Messages posted, per channel. */
  message: { limit: 5, windowMs: 5000 },
  /** Messages edited, per channel: a counter of its own under the bucket of `message`. */
  edit: { limit: 5, windowMs: 5000 },
  /** All writes by one interaction's token. */
  webhook: { limit: 5, windowMs: 5000 },
  /** Pages of a channel's messages read, per channel. */
  history: { limit: 5, windowMs: 5000 },
  /** Per channel. */
  typing: { limit: 5, windowMs: 5000 },
  /** Per channel. */
  reaction: { limit: 1, windowMs: 250 },
  /** Edits of messages older than an hour, per channel (30046). */
  oldEdit: { limit: 3, windowMs: 6000 },
  /** All of a bot's requests but those to interaction endpoints. */
  global: { limit: 50, windowMs: 1000 },
} satisfies Record<string, Window>;

export type BudgetName = keyof typeof BUDGETS;
export type Budgets = Readonly<Record<BudgetName, Window>>;

export interface RateLimited {
  readonly status: 429;
  readonly headers: Record<string, string>;
  readonly body: object;
}

const bucketHash = (name: string) => createHash('md5').update(name).digest('hex');

/** The bucket that a budget's headers name. Posting and editing name the same, and yet count apart. */
const BUCKET = { message: 'messages', edit: 'messages' } as Record<BudgetName, string>;

export class RateLimits {
  readonly hits: RateLimitHit[] = [];
  readonly #clock: Clock;
  readonly #budgets: Budgets;
  readonly #windows = new Map<string, StrictWindow>();

  constructor(clock: Clock, budgets: Partial<Budgets>) {
    this.#clock = clock;
    this.#budgets = { ...BUDGETS, ...budgets };
  }

  /** Counts a request against the bot's global limit. */
  takeGlobal(call: string): RateLimited | null {
    const taken = this.#window('global', '').take();
    if (taken.ok) return null;
    return this.#refuse(call, 'global', taken.retryAfterMs, {}, { global: true });
  }

  /**
   * Counts a request against one budget of a channel or token (`major`): either the headers for its answer
   * or the answer that refuses it.
   */
  take(call: string, name: BudgetName, major: string): { headers: Record<string, string> } | RateLimited {
    const window = this.#window(name, major);
    const taken = window.take();
    const resetMs = taken.ok ? window.freesAfterMs() : taken.retryAfterMs;
    const headers = {
      'x-ratelimit-limit': String(window.limit),
      'x-ratelimit-remaining': String(taken.remaining),
      'x-ratelimit-reset': ((this.#clock.now() + resetMs) / 1000).toFixed(3),
      'x-ratelimit-reset-after': (resetMs / 1000).toFixed(3),
      'x-ratelimit-bucket': bucketHash(BUCKET[name] ?? name),
    };
    if (taken.ok) return { headers };
    return this.#refuse(call, `${name}:${major}`, taken.retryAfterMs, headers, { global: false });
  }

  /** Counts an edit of a message older than an hour, a limit that no header announces. */
  takeOldEdit(call: string, channel: string): RateLimited | null {
    const taken = this.#window('oldEdit', channel).take();
    if (taken.ok) return null;
    const extra = { global: false, code: 30046, message: OLD_EDITS };
    return this.#refuse(call, `oldEdit:${channel}`, taken.retryAfterMs, {}, extra);
  }

  #window(name: BudgetName, major: string): StrictWindow {
    const key = `${name}:${major}`;
    const { limit, windowMs } = this.#budgets[name];
    const window = this.#windows.get(key) ?? new StrictWindow(limit, windowMs, this.#clock);
    this.#windows.set(key, window);
    return window;
  }

  #refuse(
    call: string,
    budget: string,
    retryAfterMs: number,
    headers: Record<string, string>,
    extra: { global: boolean; code?: number; message?: string },
  ): RateLimited {
    this.hits.push({ call, budget, at: this.#clock.now() });
    return {
      status: 429,
      headers: {
        ...headers,
        'retry-after': String(Math.ceil(retryAfterMs / 1000)),
        'x-ratelimit-scope': extra.global ? 'global' : 'user',
        ...(extra.global && { 'x-ratelimit-global': 'true' }),
      },
      body: { message: 'You are being rate limited.', retry_after: retryAfterMs / 1000, ...extra },
    };
  }
}

const OLD_EDITS = 'Maximum number of edits to messages older than 1 hour reached. Try again later';
