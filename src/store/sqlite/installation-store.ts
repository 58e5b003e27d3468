import type { DatabaseSync } from 'node:sqlite';
import type { InstallationStore } from '../installation-store.ts';

/** The table of installations in the SQLite file. */
export class SqliteInstallationStore implements InstallationStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async put(key: string, sealed: string, now: number): Promise<void> {
    this.#db
      .prepare(
        `INSERT INTO installations (key, sealed, installed_at) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET sealed = excluded.sealed, installed_at = excluded.installed_at`,
      )
      .run(key, sealed, now);
  }

  async get(key: string): Promise<string | null> {
    const row = this.#db.prepare('SELECT sealed FROM installations WHERE key = ?').get(key);
    return (row as { sealed: string } | undefined)?.sealed ?? null;
  }

  async all() {
    return this.#db.prepare('SELECT key, sealed FROM installations ORDER BY key').all() as unknown as {
      key: string;
      sealed: string;
    }[];
  }

  async reseal(key: string, before: string, after: string): Promise<void> {
    this.#db
      .prepare('UPDATE installations SET sealed = ? WHERE key = ? AND sealed = ?')
      .run(after, key, before);
  }

  async delete(key: string, until: number): Promise<void> {
    this.#db.prepare('DELETE FROM installations WHERE key = ? AND installed_at <= ?').run(key, until);
  }
}
