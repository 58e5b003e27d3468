import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { Retention } from '../src/retention.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;

describe('how long questions and answers are kept', () => {
  let clock: VirtualClock;
  let lines: Record<string, unknown>[];
  /** When each turn ended; ms since the epoch. */
  let ends: number[];
  let batches: { at: number; size: number }[];
  let failing: boolean;

  beforeEach(() => {
    clock = new VirtualClock();
    lines = [];
    ends = [];
    batches = [];
    failing = false;
  });

  function start(keepDays: number | undefined): Retention {
    const store = {
      async deleteEnded(before: number, most: number) {
        if (failing) throw new Error('the database is away');
        const old = ends.filter((end) => end < before).slice(0, most);
        ends = ends.filter((end) => !old.includes(end));
        batches.push({ at: clock.monotonic(), size: old.length });
        return old.length;
      },
    };
    const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const retention = new Retention({ keepDays, store, clock, log });
    retention.start();
    return retention;
  }

  it('deletes at the start what ended longer ago, and each hour what has become so old, and says how much', async () => {
    const now = clock.now();
    ends = [now - 8 * DAY, now - 7 * DAY - 1, now - 7 * DAY + HOUR / 2, now];
    const retention = start(7);
    await clock.advance(0);
    expect(ends).toHaveLength(2);
    await clock.advance(HOUR);
    expect(ends).toEqual([now]);
    await clock.advance(5 * HOUR);
    expect(lines).toMatchObject([
      { level: 30, turns: 2, keepDays: 7, msg: 'deleted what is old' },
      { level: 30, turns: 1 },
    ]);
    await retention.stop();
  });

  it('deletes much in small batches, with pauses between them for everything else', async () => {
    ends = Array.from({ length: 1_000 }, (_, index) => index);
    const retention = start(1);
    await clock.advance(HOUR / 2);
    expect(ends).toEqual([]);
    expect(Math.max(...batches.map(({ size }) => size))).toBeLessThanOrEqual(100);
    expect(new Set(batches.map(({ at }) => at)).size).toBe(batches.length);
    expect(lines).toMatchObject([{ turns: 1_000 }]);
    await retention.stop();
  });

  it('tries again after an hour when the database is away', async () => {
    ends = [0];
    failing = true;
    const retention = start(1);
    await clock.advance(0);
    expect(lines).toMatchObject([{ level: 40 }]);
    failing = false;
    await clock.advance(HOUR);
    expect(ends).toEqual([]);
    await retention.stop();
  });

  it('deletes nothing once it is stopped, also amid its batches', async () => {
    ends = Array.from({ length: 1_000 }, (_, index) => index);
    const retention = start(1);
    await clock.advance(0);
    await retention.stop();
    const left = ends.length;
    expect(left).toBeGreaterThan(0);
    await clock.advance(2 * HOUR);
    expect(ends).toHaveLength(left);
  });

  it('keeps everything for ever without a number of days', async () => {
    ends = [0];
    const retention = start(undefined);
    await clock.advance(2 * HOUR);
    expect(ends).toEqual([0]);
    await retention.stop();
  });
});
