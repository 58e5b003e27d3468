import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Limiter, StrictWindow, TokenBucket } from '../../sandbox/budget.ts';
import { BudgetWindow } from '../../src/reply/budget.ts';
import type { Budget } from '../../src/reply/surface.ts';

const discord: Budget = { id: 'edits of a channel', limit: 5, windowMs: 5000 };
const slack: Budget = { id: 'chat.update', limit: 50, windowMs: 60_000, burst: 5 };

/** A clock for the server alone: it may run fast against ours. */
const clockAt = () => {
  const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at, after: () => () => undefined };
  return clock;
};

/**
 * Writes whenever a slot is free, each with its own latency, and counts what the server refuses. The server
 * counts a write anywhere between its sending and its answer, by a clock that drifts.
 */
function writeGreedily(
  window: BudgetWindow,
  server: { limiter: Limiter; clock: { at: number } },
  latencies: readonly { up: number; down: number; thinkMs: number }[],
  drift: number,
): number {
  const events: { at: number; run: () => void }[] = [];
  let refused = 0;
  let sent = 0;
  const send = (now: number) => {
    const latency = latencies[sent++];
    if (!latency) return;
    const at = window.freeAt(1, now);
    events.push({
      at,
      run: () => {
        if (window.freeAt(1, at) > at) {
          sent -= 1;
          return send(at);
        }
        window.take(at);
        events.push({
          at: at + latency.up,
          run: () => {
            server.clock.at = (at + latency.up) * drift;
            if (!server.limiter.take().ok) refused += 1;
          },
        });
        events.push({
          at: at + latency.up + latency.down,
          run: () => window.answered(at + latency.up + latency.down),
        });
        send(at + latency.thinkMs);
      },
    });
  };
  send(0);
  while (events.length > 0) {
    events.sort((a, b) => a.at - b.at);
    events.shift()!.run();
  }
  return refused;
}

const latencies = fc.array(
  fc.record({
    up: fc.integer({ min: 0, max: 900 }),
    down: fc.integer({ min: 0, max: 900 }),
    thinkMs: fc.integer({ min: 0, max: 1500 }),
  }),
  { minLength: 20, maxLength: 80 },
);

describe('a budget', () => {
  it.each([
    ['a strict window', discord, (clock: ReturnType<typeof clockAt>) => new StrictWindow(5, 5000, clock)],
    [
      'an evenly refilling bucket',
      slack,
      (clock: ReturnType<typeof clockAt>) => new TokenBucket(50, 60_000, 5, clock),
    ],
    [
      'a strict window with a burst',
      slack,
      (clock: ReturnType<typeof clockAt>) => new StrictWindow(50, 60_000, clock),
    ],
  ])('never exceeds %s, whatever the latency and though the clocks drift apart', (_, budget, limiter) => {
    fc.assert(
      fc.property(latencies, fc.constantFrom(0.9995, 1, 1.0005), (list, drift) => {
        const clock = clockAt();
        expect(writeGreedily(new BudgetWindow(budget), { limiter: limiter(clock), clock }, list, drift)).toBe(
          0,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('uses what it is allowed: a burst at once, then as fast as slots come back', () => {
    const window = new BudgetWindow(discord);
    for (let i = 0; i < 5; i += 1) {
      expect(window.freeAt(1, 0)).toBe(0);
      window.take(0);
      window.answered(0);
    }
    expect(window.freeAt(1, 1)).toBeGreaterThanOrEqual(5000);
    expect(window.freeAt(1, 1)).toBeLessThan(5100);
    expect(window.free(5100)).toBe(5);
  });

  it('gives each of several processes its part and no more', () => {
    const clock = clockAt();
    const limiter = new StrictWindow(5, 5000, clock);
    const windows = [0, 1, 2].map(() => new BudgetWindow(discord, 1 / 3));
    let written = 0;
    for (clock.at = 0; clock.at < 60_000; clock.at += 50) {
      for (const window of windows) {
        while (window.freeAt(1, clock.at) <= clock.at) {
          window.take(clock.at);
          window.answered(clock.at);
          expect(limiter.take().ok).toBe(true);
          written += 1;
        }
      }
    }
    expect(written).toBeGreaterThan(30);
  });

  it('writes less than once a window when its part is less than one write', () => {
    const window = new BudgetWindow({ id: 'posts', limit: 1, windowMs: 1000 }, 0.25);
    window.take(0);
    window.answered(0);
    expect(window.freeAt(1, 1)).toBeGreaterThanOrEqual(4000);
  });

  it('closes after a refusal, then reads the limit lower, and trusts it again after quiet windows', () => {
    const window = new BudgetWindow(discord);
    window.take(0);
    window.refused(0, 2000);
    expect(window.freeAt(1, 10)).toBe(2000);
    expect(window.free(5100)).toBe(3);
    for (let at = 5000; at < 200_000; at += 1000) window.free(at);
    expect(window.free(200_000)).toBe(5);
  });

  it('learns once from writes that were refused together', () => {
    const window = new BudgetWindow(discord);
    for (let i = 0; i < 4; i += 1) window.take(0);
    for (let i = 0; i < 4; i += 1) window.refused(10, 500);
    expect(window.free(5200)).toBe(3);
  });

  it('slows down when a header says that somebody else uses the budget too', () => {
    const window = new BudgetWindow(discord);
    window.take(0);
    window.answered(0);
    window.learn({ budget: discord.id, remaining: 1, resetAfterMs: 5000 }, 0);
    expect(window.free(0)).toBe(1);
  });

  it('believes no header that promises more than the limit, or nonsense', () => {
    const window = new BudgetWindow(discord);
    for (let i = 0; i < 5; i += 1) {
      window.take(0);
      window.answered(0);
    }
    for (const remaining of [5, 1000, Number.NaN, -3]) {
      window.learn({ budget: discord.id, remaining, resetAfterMs: 0 }, 0);
      expect(window.free(0)).toBe(0);
    }
    expect(window.free(5100)).toBe(5);
  });

  it('needs no memory once it has rested', () => {
    const window = new BudgetWindow(slack);
    expect(window.isIdle(0)).toBe(true);
    window.take(0);
    expect(window.isIdle(0)).toBe(false);
    window.answered(0);
    expect(window.isIdle(59_000)).toBe(false);
    expect(window.isIdle(61_000)).toBe(true);
  });
});
