import { type Limiter, StrictWindow, TokenBucket } from '../../sandbox/budget.ts';
import type { Clock } from '../../src/clock.ts';
import {
  type Budget,
  type Dialect,
  type Page,
  type Receipt,
  type ReplySurface,
  type SeenLimit,
  WriteError,
  type WriteOp,
  type WriteOptions,
} from '../../src/reply/surface.ts';

export interface StandingMessage {
  readonly id: string;
  readonly channel: string;
  page: Page;
  edits: number;
}

export interface Write {
  /** When it reached the platform. */
  readonly at: number;
  readonly op: WriteOp;
  readonly message: string;
  readonly channel: string;
  readonly page: Page;
  readonly key: string;
}

export interface Rules {
  readonly dialect: Dialect;
  /** The budgets of a write in this channel. */
  readonly budgets: (op: WriteOp, channel: string) => readonly Budget[];
  /** Characters of text that a message may have. */
  readonly longest: number;
}

const discordBudgets = (op: WriteOp, channel: string): Budget[] => [
  { id: `discord ${op} ${channel}`, limit: 5, windowMs: 5000 },
  { id: 'discord global', limit: 50, windowMs: 1000 },
];

const slackBudgets = (op: WriteOp, channel: string): Budget[] => [
  op === 'edit'
    ? { id: 'slack chat.update', limit: 50, windowMs: 60_000, burst: 5 }
    : { id: `slack chat.postMessage ${channel}`, limit: 1, windowMs: 1000 },
];

export const discordRules: Rules = { dialect: 'discord', budgets: discordBudgets, longest: 2000 };
export const slackRules: Rules = { dialect: 'slack', budgets: slackBudgets, longest: 12_000 };

export type Fault = (op: WriteOp, channel: string) => WriteError | undefined;

/**
 * A chat platform in memory that enforces its budgets to the letter. A write reaches it and is answered after
 * half of `latencyMs` each.
 */
export class StrictPlatform {
  readonly messages: StandingMessage[] = [];
  readonly writes: Write[] = [];
  /** Writes refused because a budget was exceeded. */
  readonly refused: { readonly at: number; readonly budget: string }[] = [];
  /** What each surface was told to show as activity, in order. */
  readonly activities: (string | null)[] = [];
  /** Answers some writes with an error instead of doing them. */
  fault: Fault = () => undefined;
  /** Does the write, then loses the answer. */
  loseAnswer: (op: WriteOp) => boolean = () => false;
  /** Never answers, nor does anything. */
  hang = false;
  /** Says in receipts what is left of each budget. */
  tellsLimits = false;
  longest: number;
  readonly #clock: Clock;
  readonly #rules: Rules;
  readonly #latencyMs: () => number;
  readonly #limiters = new Map<string, Limiter>();
  #posted = 0;
  readonly #keys = new Map<string, StandingMessage>();

  constructor(clock: Clock, rules: Rules, latencyMs: () => number = () => 60) {
    this.#clock = clock;
    this.#rules = rules;
    this.#latencyMs = latencyMs;
    this.longest = rules.longest;
  }

  /** Where a reply in this channel is written. */
  surface(channel = 'general'): ReplySurface {
    const { dialect, budgets } = this.#rules;
    return {
      dialect,
      budgets: (op) => budgets(op, channel),
      post: (page, options) => this.#write('post', channel, undefined, page, options),
      edit: (message, page, options) => this.#write('edit', channel, message, page, options),
      activity: (status) => void this.activities.push(status),
      announce: async () => undefined,
    };
  }

  /** All that a channel shows, in order. */
  text(channel = 'general'): string {
    const shown = this.messages.filter((message) => message.channel === channel);
    return shown.map(({ page }) => page.text).join('');
  }

  /** Somebody deletes a message. */
  delete(id: string): void {
    this.messages.splice(
      this.messages.findIndex((message) => message.id === id),
      1,
    );
  }

  async #write(
    op: WriteOp,
    channel: string,
    message: string | undefined,
    page: Page,
    options: WriteOptions,
  ): Promise<Receipt> {
    if (this.hang) return new Promise(() => undefined);
    const latency = this.#latencyMs();
    await this.#wait(latency / 2);
    try {
      const seen = this.#take(op, channel);
      const fault = this.fault(op, channel);
      if (fault) throw fault;
      if (page.text === '') throw new Error('An empty message cannot be written.');
      if (page.text.length > this.longest) throw new WriteError('too-long', 'The message is too long.');
      const id = op === 'post' ? this.#post(channel, page, options) : this.#edit(message!, page);
      this.writes.push({ at: this.#clock.monotonic(), op, message: id, channel, page, key: options.key });
      if (this.loseAnswer(op)) throw new WriteError('unavailable', 'The connection was closed.');
      return this.tellsLimits ? { message: id, seen } : { message: id };
    } finally {
      await this.#wait(latency / 2);
    }
  }

  #post(channel: string, page: Page, { key }: WriteOptions): string {
    const known = this.#keys.get(`${channel} ${key}`);
    if (known) return known.id;
    this.#posted += 1;
    const message = { id: `m${this.#posted}`, channel, page, edits: 0 };
    this.#keys.set(`${channel} ${key}`, message);
    this.messages.push(message);
    return message.id;
  }

  #edit(id: string, page: Page): string {
    const message = this.messages.find((other) => other.id === id);
    if (!message) throw new WriteError('gone', 'There is no such message.');
    message.page = page;
    message.edits += 1;
    return id;
  }

  #take(op: WriteOp, channel: string): SeenLimit[] {
    return this.#rules.budgets(op, channel).map((budget) => {
      let limiter = this.#limiters.get(budget.id);
      if (!limiter) {
        const { limit, windowMs, burst = limit } = budget;
        limiter =
          burst < limit
            ? new TokenBucket(limit, windowMs, burst, this.#clock)
            : new StrictWindow(limit, windowMs, this.#clock);
        this.#limiters.set(budget.id, limiter);
      }
      const taken = limiter.take();
      if (taken.ok)
        return { budget: budget.id, remaining: taken.remaining, resetAfterMs: taken.resetAfterMs };
      this.refused.push({ at: this.#clock.monotonic(), budget: budget.id });
      const { retryAfterMs } = taken;
      throw new WriteError('rate-limited', 'Too many writes.', { retryAfterMs, budgets: [budget.id] });
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}
