import type { DatabaseSync } from 'node:sqlite';

/** All of `work` or nothing. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk has rolled it back already; another error about that would hide it.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
