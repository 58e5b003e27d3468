import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestPostgres } from '../support/postgres.ts';
import { run } from './run.ts';

/** Two at once: that is what two cores hold. */
const AT_ONCE = 2;
const PATIENCE = 15 * 60_000;

async function faultsOf(seeds: number[], options: Parameters<typeof run>[1]): Promise<string[]> {
  const faults: string[] = [];
  const work = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const outcome = await run(seed, options);
      faults.push(...outcome.faults.map((fault) => `seed ${seed}: ${fault}`));
      if (outcome.faults.length > 0) console.error(outcome.report());
    }
  };
  await Promise.all(Array.from({ length: options.postgres ? 1 : AT_ONCE }, work));
  return faults;
}

const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

it(
  'ends every question once in the chat, whatever happens to the bot and to those it talks to',
  async () => expect(await faultsOf(from(1, 16), { processes: 1 })).toEqual([]),
  PATIENCE,
);

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, PATIENCE);
afterAll(() => postgres?.stop());

it(
  'does so also as two processes on one Postgres',
  async () => expect(await faultsOf(from(1, 4), { processes: 2, postgres })).toEqual([]),
  PATIENCE,
);
