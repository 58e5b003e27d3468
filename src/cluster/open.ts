import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Ledger } from '../reply/ledger.ts';
import type { Store } from '../store/store.ts';
import { type Leases, LocalLeases } from './leases.ts';
import { LocalTurnQueue } from './local-turn-queue.ts';
import { LocalSignals, type Signals } from './signals.ts';
import type { TurnQueue } from './turn-queue.ts';

/** What the processes of one bot share beside the store. */
export interface Cluster {
  /** False while the database cannot be reached; for /readyz. */
  readonly connected: boolean;
  readonly queue: TurnQueue;
  readonly signals: Signals;
  readonly leases: Leases;
  /** Undefined where nobody shares the edit budgets. */
  readonly ledger?: Ledger;
  close(): Promise<void>;
}

/** On SQLite this process is alone; on Postgres it is one of any number. Throws as openPostgresCluster does. */
export async function openCluster(parts: { store: Store; clock: Clock; log: Logger }): Promise<Cluster> {
  const { database } = parts.store;
  if (database) {
    const { openPostgresCluster } = await import('./postgres-cluster.ts');
    return openPostgresCluster({ ...parts, database });
  }
  return {
    connected: true,
    queue: new LocalTurnQueue(parts),
    signals: new LocalSignals(),
    leases: new LocalLeases(),
    close: async () => {},
  };
}
