import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { StrictWindow } from '../../sandbox/budget.ts';
import { systemClock } from '../../src/clock.ts';
import { PostgresBudgets } from '../../src/cluster/postgres-budgets.ts';
import type { Full, Slot } from '../../src/reply/ledger.ts';
import { PostgresStore } from '../../src/store/postgres/store.ts';
import { TestPostgres } from '../support/postgres.ts';

const log = pino({ level: 'silent' });
const budget = { id: 'edits', limit: 3, windowMs: 1_000 };

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

describe('budgets that processes share', () => {
  let stores: PostgresStore[];
  let one: PostgresBudgets;
  let two: PostgresBudgets;

  beforeEach(async () => {
    const url = await postgres.database();
    stores = [await PostgresStore.open(url, log), await PostgresStore.open(url, log)];
    [one, two] = stores.map(({ database }) => new PostgresBudgets({ database, log })) as [
      PostgresBudgets,
      PostgresBudgets,
    ];
    return async () => void (await Promise.all(stores.map((store) => store.close())));
  });

  const taken = (answers: (Slot | Full)[]) => answers.filter((answer): answer is Slot => !answer.full);

  it('are never exceeded, however many ask at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).reserve([budget])),
    );
    expect(taken(answers)).toHaveLength(3);
  });

  it('count a slot until a whole window after its answer, and say how long that is', async () => {
    for (let i = 0; i < 3; i += 1) ((await one.reserve([budget])) as Slot).answered();
    const refused = (await two.reserve([budget])) as Full;
    expect(refused.full).toBe(true);
    const [{ id, retryAfterMs }] = refused.budgets as [Full['budgets'][number]];
    expect(id).toBe('edits');
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(1_020);
    await sleep(retryAfterMs);
    expect((await two.reserve([budget])).full).toBe(false);
  });

  it('take a slot of all budgets of a write or of none', async () => {
    const tight = { id: 'posts', limit: 1, windowMs: 60_000 };
    await one.reserve([tight]);
    for (let i = 0; i < 5; i += 1) expect((await two.reserve([budget, tight])).full).toBe(true);
    expect(taken([await one.reserve([budget]), await one.reserve([budget])])).toHaveLength(2);
  });

  it('tell what others have left of them', async () => {
    await one.reserve([budget]);
    const { seen } = (await two.reserve([budget])) as Slot;
    expect(seen).toMatchObject([{ budget: 'edits', remaining: 1 }]);
  });

  it('do not count a write that was not sent', async () => {
    const tight = { id: 'posts', limit: 1, windowMs: 3_600_000 };
    ((await one.reserve([tight])) as Slot).giveBack();
    await vi.waitUntil(async () => !(await two.reserve([tight])).full, { timeout: 10_000 });
  });

  it('keep a burst of an evenly refilling budget, as the platform counts it', async () => {
    const bursty = { id: 'updates', limit: 50, windowMs: 60_000, burst: 5 };
    const answers = await Promise.all(Array.from({ length: 8 }, () => one.reserve([bursty])));
    expect(taken(answers)).toHaveLength(5);
  });

  it('leave nothing behind that nobody uses any more', async () => {
    const once = (id: string) => one.reserve([{ id, limit: 5, windowMs: 1 }]);
    await Promise.all(
      Array.from({ length: 3 }, async (_, i) => ((await once(`/ask ${i}`)) as Slot).answered()),
    );
    await sleep(100);
    for (let i = 0; i < 1_000; i += 1) await once('a channel');
    const left = () => stores[0]!.query("SELECT DISTINCT budget FROM slots WHERE budget LIKE '/ask%'");
    await vi.waitUntil(async () => (await left()).length === 0, { timeout: 5_000 });
  });

  it('are kept to the letter by writers that are refused nothing', async () => {
    const platform = new StrictWindow(budget.limit, budget.windowMs, systemClock);
    const refusals: number[] = [];
    const until = Date.now() + 4_000;
    let written = 0;
    const writer = async (ledger: PostgresBudgets) => {
      while (Date.now() < until) {
        const answer = await ledger.reserve([budget]);
        if (answer.full) {
          await sleep(Math.min(50, answer.budgets[0]!.retryAfterMs));
          continue;
        }
        await sleep(Math.random() * 40);
        if (platform.take().ok) written += 1;
        else refusals.push(Date.now());
        await sleep(Math.random() * 40);
        answer.answered();
      }
    };
    await Promise.all([one, one, two, two].map(writer));
    expect(refusals).toEqual([]);
    expect(written).toBeGreaterThan(6);
  });
});
