import { realpathSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { OperatorError } from '../../errors.ts';

/** SQLite's answer while another connection has the lock. */
const SQLITE_BUSY = 5;

/**
 * Makes this process the only one on a SQLite file: two bots would both answer what one left unfinished. The lock is
 * one on a second file, PATH-lock, so that backups can read the first; it ends with the process, however that ends.
 * @returns how to give it up.
 * @throws OperatorError while another process has it.
 */
export function lockFile(path: string): () => void {
  const lock = new DatabaseSync(`${realpathSync(path)}-lock`);
  try {
    // Nothing is written: a journal on disk would be one more file beside the database, and stay after a crash.
    lock.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new OperatorError(
      `DATABASE_URL: another Pilotlight is running on ${path}. Stop it first; for several processes use Postgres.`,
    );
  }
  return () => lock.close();
}
