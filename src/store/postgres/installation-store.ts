import type { InstallationStore } from '../installation-store.ts';
import type { Database } from './database.ts';

/** The table of installations in Postgres. */
export class PostgresInstallationStore implements InstallationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(key: string, sealed: string, now: number): Promise<void> {
    await this.#database.query(
      `INSERT INTO installations (key, sealed, installed_at) VALUES ($1, $2, $3)
       ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, installed_at = excluded.installed_at`,
      [key, sealed, now],
    );
  }

  async get(key: string): Promise<string | null> {
    const [row] = await this.#database.query<{ sealed: string }>(
      'SELECT sealed FROM installations WHERE key = $1',
      [key],
    );
    return row?.sealed ?? null;
  }

  all() {
    return this.#database.query<{ key: string; sealed: string }>(
      'SELECT key, sealed FROM installations ORDER BY key',
    );
  }

  async reseal(key: string, before: string, after: string): Promise<void> {
    await this.#database.query('UPDATE installations SET sealed = $3 WHERE key = $1 AND sealed = $2', [
      key,
      before,
      after,
    ]);
  }

  async delete(key: string, until: number): Promise<void> {
    await this.#database.query('DELETE FROM installations WHERE key = $1 AND installed_at <= $2', [
      key,
      until,
    ]);
  }
}
