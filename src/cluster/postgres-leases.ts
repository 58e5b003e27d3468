import { randomUUID } from 'node:crypto';
import type { Database } from '../store/postgres/database.ts';
import type { Leases } from './leases.ts';

/** The database's clock, ms since the epoch: the processes' own may differ. */
const NOW = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** Leases that the processes on one database share. */
export class PostgresLeases implements Leases {
  readonly shared = true;
  readonly #database: Database;
  readonly #holder = randomUUID();

  constructor(database: Database) {
    this.#database = database;
  }

  async hold(name: string, forMs: number): Promise<boolean> {
    const rows = await this.#database.query(
      `INSERT INTO leases AS lease (name, holder, until) VALUES ($1, $2, ${NOW} + $3)
       ON CONFLICT (name) DO UPDATE SET holder = $2, until = ${NOW} + $3
       WHERE lease.holder = $2 OR lease.until <= ${NOW} RETURNING name`,
      [name, this.#holder, forMs],
    );
    return rows.length > 0;
  }

  async release(name: string): Promise<void> {
    await this.#database.query('DELETE FROM leases WHERE name = $1 AND holder = $2', [name, this.#holder]);
  }
}
