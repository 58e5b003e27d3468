import type { Logger } from 'pino';
import { SqliteStore } from './sqlite/store.ts';
import type { Store } from './store.ts';

/**
 * Opens the store that DATABASE_URL names: `sqlite:PATH` for one process, `postgres://…` for any number.
 * @throws OperatorError when it cannot be used, in words that say what to do.
 */
export async function openStore(url: string, log: Logger): Promise<Store> {
  if (url.startsWith('sqlite:')) return new SqliteStore(url.slice('sqlite:'.length));
  const { PostgresStore } = await import('./postgres/store.ts');
  return PostgresStore.open(url, log);
}
