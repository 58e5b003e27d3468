import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { DiscordHttp } from '../../adapters/discord/http.ts';
import { IdentifyGate } from '../../adapters/discord/identify.ts';
import { SharedLeases } from '../support/shared-leases.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const HOUR = 60 * 60_000;

/** A day's sessions, as Discord counts them, and processes that take them. */
function aDay(total: number, max_concurrency = 1) {
  const clock = new VirtualClock();
  const leases = new SharedLeases(clock);
  const taken: { at: number; shard: number }[] = [];
  const http = {
    async call() {
      const session_start_limit = {
        total,
        remaining: total - taken.length,
        reset_after: 24 * HOUR - clock.monotonic(),
        max_concurrency,
      };
      return { json: { session_start_limit }, bucket: undefined };
    },
  } as unknown as DiscordHttp;
  const log = pino({ level: 'silent' });
  const process = (name: string) => {
    const gate = new IdentifyGate({ http, leases: leases.of(name), clock, log });
    return async (shard = 0, signal = new AbortController().signal) => {
      await gate.waitForIdentify(shard, signal);
      taken.push({ at: clock.monotonic(), shard });
    };
  };
  return { clock, taken, process };
}

describe('identifying to Discord', () => {
  it('happens at once, and then once in five seconds for all processes together', async () => {
    const { clock, taken, process } = aDay(1000);
    const [first, second] = [process('first'), process('second')];
    for (const identify of [first, second, first, second]) void identify();
    await clock.advance(0);
    expect(taken).toHaveLength(1);
    await clock.advance(30_000);
    expect(taken).toHaveLength(4);
    const gaps = taken.slice(1).map(({ at }, i) => at - taken[i]!.at);
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(5_000);
  });

  it('happens side by side for shards that Discord counts apart', async () => {
    const { clock, taken, process } = aDay(1000, 2);
    const identify = process('first');
    for (const shard of [0, 1, 2]) void identify(shard);
    await clock.advance(0);
    expect(taken.map(({ shard }) => shard).toSorted()).toEqual([0, 1]);
    await clock.advance(10_000);
    expect(taken).toHaveLength(3);
  });

  it('is spread over the day by whoever keeps losing the connection, so that some are always left', async () => {
    const { clock, taken, process } = aDay(100);
    const keepOn = async (identify: () => Promise<void>) => {
      for (;;) await identify();
    };
    void keepOn(process('first'));
    void keepOn(process('second'));
    await clock.advance(6 * HOUR);
    // Half of them quickly, and of the others a quarter of the day's share and a few.
    expect(taken.length).toBeGreaterThan(55);
    expect(taken.length).toBeLessThan(75);
  });

  it('is not waited for by a shard that was given up', async () => {
    const { clock, taken, process } = aDay(1000);
    const identify = process('first');
    await identify();
    const given = new AbortController();
    const waiting = identify(0, given.signal);
    given.abort(new Error('given up'));
    await expect(waiting).rejects.toThrow('given up');
    void identify();
    await clock.advance(6_000);
    expect(taken).toHaveLength(2);
  });
});
