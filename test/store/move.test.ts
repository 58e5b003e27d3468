import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { moveToPostgres } from '../../src/store/move.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aQuestion } from '../support/chat-double.ts';
import { TestPostgres } from '../support/postgres.ts';
import { startStoreProcess } from '../support/store-process.ts';
import { open } from '../support/stores.ts';

const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(async () => {
  await postgres?.stop();
  rmSync(folder, { recursive: true });
});

const tablesOf = (file: DatabaseSync): string[] =>
  file
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => String(name));

describe('moving from SQLite to Postgres', () => {
  let path: string;
  let url: string;
  let name: string;
  let files = 0;
  beforeEach(async () => {
    path = join(folder, `${++files}.db`);
    url = await postgres.database();
    name = new URL(url).pathname.slice(1);
  });

  it('takes every table, row by row and column by column', async () => {
    await new SqliteStore(path).close();
    const file = new DatabaseSync(path);
    const tables = tablesOf(file);
    file.exec('BEGIN');
    // Enough for several batches, with what is hard to carry: quotes, braces, NULL, astral characters.
    for (const table of tables) {
      const columns = file.prepare('SELECT name, type FROM pragma_table_info(?)').all(table);
      const only = columns.some((column) => column.name === 'id') && table === 'warm_mode';
      for (let row = 1; row <= (only ? 1 : 1_100); row++) {
        const values = columns.map((column) =>
          valueFor(table, column as { name: string; type: string }, row),
        );
        const marks = values.map(() => '?').join(', ');
        file.prepare(`INSERT INTO ${table} VALUES (${marks})`).run(...values);
      }
    }
    file.exec('COMMIT');
    file.close();
    const moved = await moveToPostgres(path, url);
    expect([...moved.keys()].sort()).toEqual(tables.sort());
    const after = new DatabaseSync(path, { readOnly: true });
    for (const table of tables) {
      const before = after.prepare(`SELECT * FROM ${table}`).all().map(plain);
      expect(before.length).toBe(moved.get(table));
      const there = (await postgres.query(`SELECT * FROM ${table}`, name)) as Record<string, unknown>[];
      expect(new Set(there.map(plain)), table).toEqual(new Set(before));
    }
    after.close();
  });

  it('goes on where the file was: unfinished turns, history, warm mode, and ids', async () => {
    const sqlite = new SqliteStore(path);
    const first = (await sqlite.accept(aQuestion('one', { conversation: 'thread' }), 1))!;
    await sqlite.progress(first, { answer: 'NUL \u0000 and {"a", \\b}', messages: ['m1'] });
    await sqlite.end(first, 'done', 2);
    const second = (await sqlite.accept(aQuestion('two', { conversation: 'thread' }), 3))!;
    const run = await sqlite.start(second.id);
    await sqlite.warm.change(() => ({ budgetTold: 'x' }));
    await sqlite.close();
    await moveToPostgres(path, url);
    const store = await open(url);
    expect(await store.unfinished()).toMatchObject([{ ...run, state: 'running', question: { text: 'two' } }]);
    expect(await store.history(second)).toMatchObject([{ answer: 'NUL \ufffd and {"a", \\b}' }]);
    expect(await store.warm.load()).toEqual({ budgetTold: 'x' });
    expect(await store.accept(first.question, 4)).toBeNull();
    const third = (await store.accept(aQuestion('three', { conversation: 'thread' }), 5))!;
    expect(third.id).toBeGreaterThan(second.id);
    expect(third.conversationId).toBe(first.conversationId);
    expect((await store.accept(aQuestion('elsewhere'), 6))?.conversationId).toBeGreaterThan(
      first.conversationId,
    );
    await store.close();
  });

  it('moves nothing into a database that has rows, and says which table has', async () => {
    await new SqliteStore(path).close();
    const store = await open(url);
    await store.remember('model', 1);
    await store.close();
    await expect(moveToPostgres(path, url)).rejects.toThrow(/not empty: its table cold_starts has rows/);
  });

  it('moves nothing while a bot runs on the file or on the database', async () => {
    const onFile = await startStoreProcess(`sqlite:${path}`);
    await expect(moveToPostgres(path, url)).rejects.toThrow(/another Pilotlight is running on .*\.db/);
    await onFile.kill();
    const onDatabase = await open(url);
    await onDatabase.unfinished();
    await expect(moveToPostgres(path, url)).rejects.toThrow(/A Pilotlight is running on Postgres at/);
    await onDatabase.close();
    await moveToPostgres(path, url);
  });

  it('moves all or nothing', async () => {
    const sqlite = new SqliteStore(path);
    await sqlite.accept(aQuestion('one'), 1);
    await sqlite.close();
    await (await open(url)).close();
    await postgres.query('ALTER TABLE turns ADD CONSTRAINT never CHECK (asked_at < 0)', name);
    await expect(moveToPostgres(path, url)).rejects.toThrow(/never/);
    expect(await postgres.query('SELECT * FROM conversations', name)).toEqual([]);
  });

  it('is one command, which says what it did, or what it needs', async () => {
    const sqlite = new SqliteStore(path);
    await sqlite.accept(aQuestion('one'), 1);
    await sqlite.close();
    const run = (args: string[], env: Record<string, string>) =>
      promisify(execFile)(process.execPath, ['src/move-to-postgres.ts', ...args], { env }).then(
        ({ stdout }) => stdout,
        ({ code, stderr }) => `${code}: ${stderr}`,
      );
    expect(await run([], {})).toMatch(/^1: Say which SQLite file/);
    expect(await run(['--help'], { DATABASE_URL: url })).toMatch(/^1: Say which SQLite file/);
    expect(await run([path], { DATABASE_URL: 'sqlite:other.db' })).toMatch(/^1: Say which SQLite file/);
    expect(await run(['nowhere.db'], { DATABASE_URL: url })).toBe(
      '1: There is no file nowhere.db to move.\n',
    );
    expect(await run([path], { DATABASE_URL: url })).toMatch(
      /Moved .*\.db to Postgres:\n.*conversations +1\n.*turns +1\n/s,
    );
    expect(await run([path], { DATABASE_URL: url })).toMatch(/^1: Postgres at .* is not empty/);
  });
});

/** A value of a column's type, another in each row; ids fit what refers to them. */
function valueFor(table: string, { name, type }: { name: string; type: string }, row: number) {
  if (['origin', 'ended_at'].includes(name) && row % 2 === 0) return null;
  if (type === 'INTEGER') return name === 'id' || name.endsWith('_id') ? row : row * 1_000_003;
  if (type === 'BLOB') return new Uint8Array([0, row % 256, 255]);
  if (['question', 'state', 'origin'].includes(name) && !(table === 'turns' && name === 'state'))
    return JSON.stringify({ row, text: '{"}, \\, \u0000, NULL 🔥' });
  return `${table} ${row} {"}, \\, ' 🔥 NULL`;
}

/** A row to compare: the two databases give JSON and large numbers in ways of their own. */
const plain = (row: Record<string, unknown>): string =>
  JSON.stringify(
    Object.keys(row)
      .sort()
      .map((column) => {
        const value = row[column];
        if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`;
        return value !== null && typeof value === 'object'
          ? JSON.stringify(value)
          : value === null
            ? null
            : String(value);
      }),
  );
