/** Where the bots of one run keep what they know. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestPostgres } from '../support/postgres.ts';
import { type Failure, Wire } from './wire.ts';

/** The next try of what could not be stored comes no later than as long again as the trouble took, and this; ms. */
const STORED_AGAIN = 1_000;

export interface Database {
  /** DATABASE_URL of each process. */
  readonly urls: readonly string[];
  /** Ends it at once and starts it again `downMs` later. */
  restart(downMs: number): Promise<void>;
  /** Cuts a process off from it for so long. */
  cut(process: number, how: Failure, ms: number): Promise<void>;
  /** True while a process may have shown what it could not store yet: it tries again after ever longer pauses. */
  lags(process: number): boolean;
  close(): Promise<void>;
}

/** A file, for one process. */
export async function inSqlite(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-chaos-'));
  return {
    urls: [`sqlite:${join(folder, 'chaos.db')}`],
    async restart() {},
    async cut() {},
    lags: () => false,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A new database in Postgres, which nobody else uses at the moment, for any number of processes. */
export async function inPostgres(postgres: TestPostgres, processes: number): Promise<Database> {
  const url = await postgres.database();
  const wires = await Promise.all(Array.from({ length: processes }, () => Wire.open()));
  let restarting = Promise.resolve();
  /** Until when each process lags behind; ms of `performance.now`. */
  const lagsUntil = wires.map(() => 0);
  const away = async (processes: readonly number[], trouble: () => Promise<unknown>) => {
    const since = performance.now();
    for (const process of processes) lagsUntil[process] = Number.POSITIVE_INFINITY;
    await trouble();
    const now = performance.now();
    for (const process of processes) lagsUntil[process] = now + (now - since) + STORED_AGAIN;
  };
  return {
    urls: wires.map((wire) => wire.through(url)),
    restart(downMs) {
      restarting = restarting.then(() =>
        away([...wires.keys()], async () => {
          await postgres.pause();
          await wait(downMs);
          await postgres.resume();
        }),
      );
      return restarting;
    },
    cut: (process, how, ms) =>
      away([process], async () => {
        wires[process]!.fail(how);
        await wait(ms);
        wires[process]!.mend();
      }),
    lags: (process) => performance.now() < lagsUntil[process]!,
    async close() {
      await restarting;
      await Promise.all(wires.map((wire) => wire.close()));
    },
  };
}
