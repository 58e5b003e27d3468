import { existsSync } from 'node:fs';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import pg from 'pg';
import { OperatorError } from '../errors.ts';
import { connectionTo } from './postgres/database.ts';
import { place } from './postgres/faults.ts';
import { LOCK, migrate } from './postgres/migrations.ts';
import { SqliteStore } from './sqlite/store.ts';

/** Rows that one statement inserts. */
const BATCH = 500;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly counts: boolean;
}

/**
 * Copies all that a SQLite file holds into an empty Postgres database, or nothing; the file stays as it is. Ids stay
 * the same and go on from there.
 * @returns how many rows each table had.
 * @throws OperatorError when either cannot be used, when a bot is running on one of them, or when the database is
 * not empty.
 */
export async function moveToPostgres(path: string, url: string): Promise<ReadonlyMap<string, number>> {
  if (!existsSync(path)) throw new OperatorError(`There is no file ${path} to move.`);
  const store = new SqliteStore(path); // holds its lock, and brings it to this version's tables
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    await migrate(url);
    return await copy(file, url);
  } finally {
    file.close();
    await store.close();
  }
}

async function copy(file: DatabaseSync, url: string): Promise<ReadonlyMap<string, number>> {
  const client = new pg.Client(connectionTo(url));
  client.on('error', () => {}); // the query in flight rejects too
  const moved = new Map<string, number>();
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]); // a bot that starts meanwhile waits
    await requireAlone(client, url);
    // In the order of their making, so that what a row refers to is there before it.
    const tables = file
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
      )
      .all() as { name: string }[];
    for (const { name } of tables) {
      await requireEmpty(client, name, url);
      moved.set(name, await copyTable(file, client, name));
    }
    await client.query('COMMIT');
    return moved;
  } finally {
    await client.end().catch(() => {});
  }
}

async function requireAlone(client: pg.Client, url: string): Promise<void> {
  const { rows } = await client.query(
    `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND application_name = (SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid())`,
  );
  if (rows.length > 0)
    throw new OperatorError(`A Pilotlight is running on Postgres at ${place(url)}. Stop it first.`);
}

async function requireEmpty(client: pg.Client, table: string, url: string): Promise<void> {
  const { rows } = await client.query(`SELECT 1 FROM ${pg.escapeIdentifier(table)} LIMIT 1`);
  if (rows.length > 0) {
    throw new OperatorError(
      `Postgres at ${place(url)} is not empty: its table ${table} has rows. Move into a new database.`,
    );
  }
}

async function copyTable(file: DatabaseSync, client: pg.Client, table: string): Promise<number> {
  const name = pg.escapeIdentifier(table);
  const columns = await columnsOf(client, table);
  const names = columns.map((column) => pg.escapeIdentifier(column.name)).join(', ');
  const arrays = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ');
  const insert = `INSERT INTO ${name} (${names}) SELECT * FROM unnest(${arrays})`;
  let count = 0;
  let batch: SQLOutputValue[][] = [];
  const send = async () => {
    await client.query(
      insert,
      columns.map((_, index) => batch.map((row) => readable(row[index]))),
    );
    count += batch.length;
    batch = [];
  };
  for (const row of file.prepare(`SELECT ${names} FROM ${name}`).iterate()) {
    batch.push(columns.map((column) => row[column.name] ?? null));
    if (batch.length === BATCH) await send();
  }
  if (batch.length > 0) await send();
  for (const { name: column } of columns.filter(({ counts }) => counts)) {
    const id = pg.escapeIdentifier(column);
    await client.query(
      `SELECT setval(pg_get_serial_sequence($1, $2), max(${id})) FROM ${name} HAVING count(*) > 0`,
      [table, column],
    );
  }
  return count;
}

async function columnsOf(client: pg.Client, table: string): Promise<readonly Column[]> {
  const { rows } = await client.query<Column>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attidentity <> '' AS counts
     FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return rows;
}

/** Text without the one character that Postgres refuses; bytes as pg takes them. */
function readable(value: SQLOutputValue | undefined): unknown {
  if (typeof value === 'string') return value.replaceAll('\u0000', '\ufffd');
  return value instanceof Uint8Array ? Buffer.from(value) : value;
}
