import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { TestPostgres } from './postgres.ts';

/** One kind of store, for suites that every kind must pass. */
export interface StoreKind {
  readonly name: string;
  /** Makes a place for databases; call it before all tests, and what it gives after all. */
  setUp(): Promise<{ database: () => Promise<string>; tearDown: () => Promise<void> }>;
}

export const storeKinds: readonly StoreKind[] = [
  {
    name: 'SQLite',
    async setUp() {
      const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
      let count = 0;
      return {
        database: async () => `sqlite:${join(folder, `${++count}.db`)}`,
        tearDown: async () => rmSync(folder, { recursive: true }),
      };
    },
  },
  {
    name: 'Postgres',
    async setUp() {
      const postgres = await TestPostgres.start();
      return { database: () => postgres.database(), tearDown: () => postgres.stop() };
    },
  },
];

const silent = pino({ level: 'silent' });

/** Opens the store at this DATABASE_URL, without a word in the log. */
export const open = (url: string): Promise<Store> => openStore(url, silent);
