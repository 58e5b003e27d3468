import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Link } from '../../src/cluster/link.ts';
import { Wire } from '../chaos/wire.ts';
import { TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
let wire: Wire;
beforeAll(async () => {
  postgres = await TestPostgres.start();
  wire = await Wire.open();
});
afterAll(async () => {
  await wire?.close();
  await postgres?.stop();
});

it('the link to the other processes says when it is lost, and comes back by itself', async () => {
  const url = wire.through(postgres.url());
  const link = new Link({ url, clock: systemClock, log: pino({ level: 'silent' }) });
  expect(link.connected).toBe(false);
  await link.open();
  expect(link.connected).toBe(true);
  wire.fail('cut');
  await vi.waitUntil(() => !link.connected);
  await expect(link.query('SELECT 1')).rejects.toThrow('no connection to Postgres');
  wire.mend();
  await vi.waitUntil(() => link.connected, { timeout: 10_000 });
  expect(await link.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await link.close();
  expect(link.connected).toBe(false);
});
