import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Limiter, StrictWindow, TokenBucket } from '../../sandbox/budget.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Calls after each of these pauses; returns when the calls that were let through happened. */
async function taken(limiter: Limiter, clock: VirtualClock, pauses: readonly number[]): Promise<number[]> {
  const times: number[] = [];
  for (const pause of pauses) {
    await clock.advance(pause);
    if (limiter.take().ok) times.push(clock.monotonic());
  }
  return times;
}

const pauses = fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 20, maxLength: 60 });

describe('a strict window', () => {
  it('lets no more than its limit through in any window, wherever that begins', async () => {
    await fc.assert(
      fc.asyncProperty(pauses, async (all) => {
        const clock = new VirtualClock();
        const times = await taken(new StrictWindow(5, 5000, clock), clock, all);
        for (const start of times) {
          expect(times.filter((at) => at >= start && at < start + 5000).length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });

  it('says truly how long to wait', async () => {
    const clock = new VirtualClock();
    const window = new StrictWindow(2, 5000, clock);
    expect(window.take()).toEqual({ ok: true, remaining: 1, resetAfterMs: 5000 });
    await clock.advance(1000);
    expect(window.take()).toEqual({ ok: true, remaining: 0, resetAfterMs: 5000 });
    expect(window.take()).toEqual({ ok: false, remaining: 0, retryAfterMs: 4000 });
    await clock.advance(3999);
    expect(window.take().ok).toBe(false);
    await clock.advance(1);
    expect(window.take().ok).toBe(true);
    expect(window.take()).toMatchObject({ ok: false, retryAfterMs: 1000 });
  });
});

describe('a token bucket', () => {
  it('lets no more through than its burst and what has been refilled since', async () => {
    await fc.assert(
      fc.asyncProperty(pauses, async (all) => {
        const clock = new VirtualClock();
        const times = await taken(new TokenBucket(50, 60_000, 5, clock), clock, all);
        for (const start of times) {
          const since = times.filter((at) => at >= start);
          since.forEach((at, index) => {
            expect(index + 1).toBeLessThanOrEqual(5 + (at - start) / 1200 + 1e-6);
          });
        }
      }),
    );
  });

  it('lets whoever waited as told call again', async () => {
    const clock = new VirtualClock();
    const bucket = new TokenBucket(50, 60_000, 5, clock);
    for (let count = 0; count < 50; count += 1) {
      const answer = bucket.take();
      if (answer.ok) continue;
      expect(answer.retryAfterMs).toBeLessThanOrEqual(1200);
      await clock.advance(answer.retryAfterMs);
      expect(bucket.take().ok).toBe(true);
    }
    expect(clock.monotonic()).toBeGreaterThan(20 * 1200);
  });
});
