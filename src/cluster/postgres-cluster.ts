import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/postgres/database.ts';
import { startFault } from '../store/postgres/faults.ts';
import { Link } from './link.ts';
import type { Cluster } from './open.ts';
import { PostgresBudgets } from './postgres-budgets.ts';
import { PostgresLeases } from './postgres-leases.ts';
import { PostgresSignals } from './postgres-signals.ts';
import { PostgresTurnQueue } from './postgres-turn-queue.ts';

/**
 * Joins the other processes on this database.
 * @throws OperatorError when it cannot be used, in words that say what to do.
 */
export async function openPostgresCluster(parts: {
  database: Database;
  clock: Clock;
  log: Logger;
}): Promise<Cluster> {
  const link = new Link({ ...parts, url: parts.database.url });
  const queue = new PostgresTurnQueue({ ...parts, link });
  try {
    await link.open();
    await queue.open();
  } catch (error) {
    throw startFault(error, parts.database.url);
  }
  return {
    get connected() {
      return link.connected;
    },
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
