import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { afterAll, describe, expect, it } from 'vitest';
import { OperatorError } from '../../src/errors.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { inTransaction } from '../../src/store/sqlite/transaction.ts';
import { startStoreProcess } from '../support/store-process.ts';

describe('a SQLite file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('says plainly when it cannot be opened', () => {
    expect(() => new SqliteStore('/nonexistent/folder/x.db')).toThrow(OperatorError);
    expect(() => new SqliteStore('/nonexistent/folder/x.db')).toThrow(/DATABASE_URL/);
  });

  it('is refused when a newer version wrote it, instead of being harmed', async () => {
    const newer = new DatabaseSync(join(folder, 'newer.db'));
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => new SqliteStore(join(folder, 'newer.db'))).toThrow(/newer Pilotlight/);
  });

  it('has one process at a time, until that ends, however it ends', async () => {
    const path = join(folder, 'shared.db');
    const other = await startStoreProcess(`sqlite:${path}`);
    expect(other.says).toBe('open');
    expect(() => new SqliteStore(path)).toThrow(
      /^DATABASE_URL: another Pilotlight is running on .*shared\.db/,
    );
    await other.kill();
    const store = new SqliteStore(path);
    expect((await startStoreProcess(`sqlite:${path}`)).says).toMatch(/another Pilotlight is running/);
    await store.close();
    new SqliteStore(path).close();
  });

  it('has the companions that docs/database.md names, and no other', async () => {
    const store = new SqliteStore(join(folder, 'alone.db'));
    const names = readdirSync(folder).filter((name) => name.startsWith('alone.db'));
    expect(names.toSorted()).toEqual(['alone.db', 'alone.db-lock', 'alone.db-shm', 'alone.db-wal']);
    await store.close();
  });

  it('can be read by others meanwhile, so that backups work', async () => {
    const path = join(folder, 'backed-up.db');
    const store = new SqliteStore(path);
    const reader = new DatabaseSync(path, { readOnly: true });
    await backup(reader, join(folder, 'copy.db'));
    reader.close();
    await store.close();
    await new SqliteStore(join(folder, 'copy.db')).close();
  });

  it('says that the disk is full when it is, and takes nothing by halves', () => {
    const db = new DatabaseSync(join(folder, 'full.db'));
    db.exec('CREATE TABLE texts (text TEXT); PRAGMA max_page_count = 8');
    const fill = () => {
      for (let i = 0; i < 100; i += 1) db.prepare('INSERT INTO texts VALUES (?)').run('x'.repeat(1_000));
    };
    expect(() => inTransaction(db, fill)).toThrow('database or disk is full');
    expect(db.prepare('SELECT count(*) AS count FROM texts').get()).toEqual({ count: 0 });
    db.close();
  });
});
