/** Where the bots of one run keep what they know. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestPostgres } from '../support/postgres.ts';
import { Wire } from './wire.ts';

export interface Database {
  /** DATABASE_URL of each process. */
  readonly urls: readonly string[];
  /** The way of each process to it. */
  readonly wires: readonly Wire[];
  /** Ends it at once and starts it again `downMs` later. */
  restart(downMs: number): Promise<void>;
  close(): Promise<void>;
}

/** A file, for one process. */
export async function inSqlite(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-chaos-'));
  return {
    urls: [`sqlite:${join(folder, 'chaos.db')}`],
    wires: [],
    async restart() {},
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A new database in Postgres, which nobody else uses at the moment, for any number of processes. */
export async function inPostgres(postgres: TestPostgres, processes: number): Promise<Database> {
  const url = await postgres.database();
  const wires = await Promise.all(Array.from({ length: processes }, () => Wire.open()));
  let restarting = Promise.resolve();
  return {
    urls: wires.map((wire) => wire.through(url)),
    wires,
    restart(downMs) {
      restarting = restarting.then(async () => {
        await postgres.pause();
        await wait(downMs);
        await postgres.resume();
      });
      return restarting;
    },
    async close() {
      await restarting;
      await Promise.all(wires.map((wire) => wire.close()));
    },
  };
}
