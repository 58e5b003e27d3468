import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/postgres/database.ts';
import { Link } from './link.ts';
import type { Cluster } from './open.ts';
import { PostgresBudgets } from './postgres-budgets.ts';
import { PostgresLeases } from './postgres-leases.ts';
import { PostgresSignals } from './postgres-signals.ts';
import { PostgresTurnQueue } from './postgres-turn-queue.ts';

/** Joins the other processes on this database. Rejects when Postgres cannot be used. */
export async function openPostgresCluster(parts: {
  database: Database;
  clock: Clock;
  log: Logger;
}): Promise<Cluster> {
  const link = new Link({ ...parts, url: parts.database.url });
  await link.open();
  const queue = new PostgresTurnQueue({ ...parts, link });
  await queue.open();
  return {
    queue,
    signals: new PostgresSignals(link),
    leases: new PostgresLeases(parts.database),
    ledger: new PostgresBudgets(parts),
    async close() {
      await queue.close();
      await link.close();
    },
  };
}
