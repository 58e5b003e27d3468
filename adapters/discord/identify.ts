import { type APIGatewayBotInfo, type IIdentifyThrottler, Routes } from 'discord.js';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Leases } from '../../src/cluster/leases.ts';
import { KeyedQueue } from '../../src/keyed-queue.ts';
import type { DiscordHttp } from './http.ts';

/** One IDENTIFY in 5 seconds for each of `max_concurrency` keys (Discord's documentation, "Sharding"), and a bit; ms. */
const SPACING = 5_500;

/** Before another look at what another process, or a bad connection, holds up; ms. */
const LOOK = 500;

/** Where Discord does not say when the day's IDENTIFYs are counted anew; ms. */
const USED_UP_PAUSE = 60_000;

/**
 * Lets shards identify, one after the other for all processes together. A bot has 1,000 a day, and loses its
 * token with the next one: when half of them are gone, the rest is spread over what is left of the day, so that
 * nothing that keeps losing its connection can use them up.
 */
export class IdentifyGate implements IIdentifyThrottler {
  readonly #http: Pick<DiscordHttp, 'call'>;
  readonly #leases: Leases;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lines = new KeyedQueue();
  /** When each key may identify again; ms of the clock's `monotonic`. */
  readonly #next = new Map<number, number>();
  #waiting = 0;

  constructor(parts: { http: Pick<DiscordHttp, 'call'>; leases: Leases; clock: Clock; log: Logger }) {
    this.#http = parts.http;
    this.#leases = parts.leases;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** True while a shard waits for its turn. */
  get busy(): boolean {
    return this.#waiting > 0;
  }

  /** Rejects only when the signal aborts: the library goes on in a wrong way after any other rejection. */
  async waitForIdentify(shard: number, signal: AbortSignal): Promise<void> {
    this.#waiting += 1;
    try {
      await this.#wait(shard, signal);
    } finally {
      this.#waiting -= 1;
    }
  }

  async #wait(shard: number, signal: AbortSignal): Promise<void> {
    const { key, spacing } = await this.#limits(shard, signal);
    return this.#lines.run(String(key), async () => {
      const wait = (this.#next.get(key) ?? 0) - this.#clock.monotonic();
      if (wait > 0) await sleep(this.#clock, wait, signal);
      while (!(await this.#mine(key, spacing))) await sleep(this.#clock, LOOK, signal);
      signal.throwIfAborted();
      this.#next.set(key, this.#clock.monotonic() + spacing);
    });
  }

  /** As soon as an IDENTIFY is left: the key it counts for, and the time until the one after it; ms. */
  async #limits(shard: number, signal: AbortSignal): Promise<{ key: number; spacing: number }> {
    for (;;) {
      signal.throwIfAborted();
      const info = await this.#http
        .call<APIGatewayBotInfo>({ method: 'GET', route: Routes.gatewayBot(), signal })
        .catch(() => null);
      if (!info) {
        await sleep(this.#clock, LOOK, signal);
        continue;
      }
      const { total, remaining, reset_after, max_concurrency } = info.json.session_start_limit;
      if (remaining === 0) {
        this.#log.error({ resetAfterMs: reset_after }, 'no connection to Discord is left today');
        await sleep(this.#clock, reset_after || USED_UP_PAUSE, signal);
        continue;
      }
      const scarce = remaining <= total / 2;
      if (scarce) this.#log.warn({ remaining, total }, 'many connections to Discord were made today');
      const spacing = scarce ? Math.max(SPACING, reset_after / remaining) : SPACING;
      return { key: shard % max_concurrency, spacing: Math.round(spacing) };
    }
  }

  /** The lease is not renewed, nor given up: it ends when the next IDENTIFY is allowed. */
  async #mine(key: number, spacing: number): Promise<boolean> {
    return this.#leases.hold(`discord:identify:${key}`, spacing).catch(() => false);
  }
}
