import pg from 'pg';
import type { Logger } from 'pino';

/** Connections that one process holds at the most; Postgres allows 100 in all unless told otherwise. */
const CONNECTIONS = 10;
/** A call that gets no connection, or no answer, for so long rejects; ms. */
const ANSWER_WITHIN = 5_000;

/** How Postgres gives a bigint: ids, counts and ms all fit a number. */
const BIGINT = pg.types.builtins.INT8;

/** Gives the rows of every statement, where there are several. */
export type Query = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Where a store's statements go: to the pool, or all of them into one transaction. */
export interface Statements {
  readonly query: Query;
  /** All of `work` or nothing. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
}

/** Statements that belong to a transaction already. */
export const within = (query: Query): Statements => ({ query, transaction: (work) => work(query) });

const rowsOf = <Row extends object>(result: pg.QueryResult<Row> | pg.QueryResult<Row>[]): Row[] =>
  [result].flat().flatMap(({ rows }) => rows);

/** What every connection is made with, also those outside the pool. */
export function connectionTo(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'pilotlight',
    connectionTimeoutMillis: ANSWER_WITHIN,
    keepAlive: true,
    types: {
      getTypeParser: (oid, format) =>
        oid === BIGINT ? Number : (pg.types.getTypeParser(oid, format as 'text') as never),
    },
  };
}

/** A process's connections to Postgres. A call rejects when it gets no answer in time; the next one may succeed. */
export class Database implements Statements {
  readonly url: string;
  readonly #pool: pg.Pool;

  /** @param answerWithin ms */
  constructor(url: string, log: Logger, answerWithin = ANSWER_WITHIN) {
    this.url = url;
    this.#pool = new pg.Pool({
      ...connectionTo(url),
      connectionTimeoutMillis: answerWithin,
      max: CONNECTIONS,
      query_timeout: answerWithin,
      // The server does not go on for long with what nobody waits for. Set like this, and not in the connection's
      // first message, where PgBouncer refuses what it does not know.
      onConnect: (client) =>
        client.query(
          `SET statement_timeout = ${answerWithin}; SET idle_in_transaction_session_timeout = ${answerWithin}`,
        ),
    });
    // One that breaks while it is in use: the next statement rejects. The pool listens to idle ones alone, and nobody
    // in the moment between, where an error would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => {}));
    // An idle connection that breaks: the pool has dropped it and makes another when one is needed.
    this.#pool.on('error', (error) => log.warn({ err: error }, 'lost a connection to Postgres'));
  }

  query: Query = async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
    return rowsOf(await this.#pool.query<Row>(sql, [...values]));
  };

  /** All of `work` or nothing. */
  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const query: Query = async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
      rowsOf(await client.query<Row>(sql, [...values]));
    try {
      await query('BEGIN');
      const result = await work(query);
      const { command } = await client.query('COMMIT');
      // Postgres answers so, and not with an error, where a statement had failed and nobody said so.
      if (command !== 'COMMIT')
        throw new Error('a transaction was rolled back: a statement of it had failed');
      client.release();
      return result;
    } catch (error) {
      // Closing the connection rolls back, also where it no longer answers.
      client.release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
