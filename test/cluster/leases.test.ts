import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalLeases } from '../../src/cluster/leases.ts';
import { PostgresLeases } from '../../src/cluster/postgres-leases.ts';
import { PostgresStore } from '../../src/store/postgres/store.ts';
import { TestPostgres } from '../support/postgres.ts';

const MINUTE = 60_000;

describe('the leases of several processes', () => {
  let postgres: TestPostgres;
  let store: PostgresStore;
  beforeAll(async () => {
    postgres = await TestPostgres.start();
    store = await PostgresStore.open(await postgres.database(), pino({ level: 'silent' }));
  });
  afterAll(async () => {
    await store?.close();
    await postgres?.stop();
  });

  let one: PostgresLeases;
  let other: PostgresLeases;
  beforeEach(async () => {
    await store.database.query('DELETE FROM leases');
    one = new PostgresLeases(store.database);
    other = new PostgresLeases(store.database);
  });

  /** As if so much time had gone by. */
  const pass = (ms: number) => store.database.query('UPDATE leases SET until = until - $1', [ms]);

  it('are held by one at a time, each name by itself', async () => {
    expect(await one.hold('shard 0', MINUTE)).toBe(true);
    expect(await other.hold('shard 0', MINUTE)).toBe(false);
    expect(await other.hold('shard 1', MINUTE)).toBe(true);
    expect(await one.hold('shard 1', MINUTE)).toBe(false);
  });

  it('last longer when renewed, and are free when their time is over', async () => {
    await one.hold('shard 0', MINUTE);
    await pass(40_000);
    expect(await one.hold('shard 0', MINUTE)).toBe(true);
    await pass(40_000);
    expect(await other.hold('shard 0', MINUTE)).toBe(false);
    await pass(20_001);
    expect(await other.hold('shard 0', MINUTE)).toBe(true);
    expect(await one.hold('shard 0', MINUTE)).toBe(false);
  });

  it('are given up by their holder alone, for others to have at once', async () => {
    await one.hold('shard 0', MINUTE);
    await other.release('shard 0');
    expect(await other.hold('shard 0', MINUTE)).toBe(false);
    await one.release('shard 0');
    expect(await other.hold('shard 0', MINUTE)).toBe(true);
  });

  it('go to one alone when many ask at the same moment', async () => {
    const many = Array.from({ length: 8 }, () => new PostgresLeases(store.database));
    const held = await Promise.all(many.map((leases) => leases.hold('shard 0', MINUTE)));
    expect(held.filter(Boolean)).toHaveLength(1);
  });

  it('go by the database’s clock, not by the processes’ own', async () => {
    await one.hold('shard 0', MINUTE);
    vi.spyOn(Date, 'now').mockReturnValue(0);
    expect(await other.hold('shard 0', MINUTE)).toBe(false);
    vi.mocked(Date.now).mockReturnValue(8.64e15);
    expect(await other.hold('shard 0', MINUTE)).toBe(false);
    vi.restoreAllMocks();
  });
});

describe('the leases of a process that is alone', () => {
  it('are all its own', async () => {
    const leases = new LocalLeases();
    expect(await leases.hold()).toBe(true);
    await leases.release();
    expect(await leases.hold()).toBe(true);
  });
});
