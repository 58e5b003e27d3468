import pg from 'pg';
import type { Logger } from 'pino';

/** Connections that one process holds at the most; Postgres allows 100 in all unless told otherwise. */
const CONNECTIONS = 10;
/** A call that gets no connection or no answer for so long rejects; ms. */
const CONNECT_WITHIN = 5_000;
const ANSWER_WITHIN = 10_000;

/** How Postgres gives a bigint: ids, counts and ms all fit a number. */
const BIGINT = pg.types.builtins.INT8;

export type Query = <Row extends object>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

/** What every connection is made with, also those outside the pool. */
export function connectionTo(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'pilotlight',
    connectionTimeoutMillis: CONNECT_WITHIN,
    keepAlive: true,
    types: {
      getTypeParser: (oid, format) =>
        oid === BIGINT ? Number : (pg.types.getTypeParser(oid, format as 'text') as never),
    },
  };
}

/** A process's connections to Postgres. A call rejects when it gets no answer in time; the next one may succeed. */
export class Database {
  readonly url: string;
  readonly #pool: pg.Pool;

  constructor(url: string, log: Logger) {
    this.url = url;
    this.#pool = new pg.Pool({
      ...connectionTo(url),
      max: CONNECTIONS,
      // The server gives up first, so that it does not go on with what nobody waits for.
      statement_timeout: ANSWER_WITHIN - 1_000,
      idle_in_transaction_session_timeout: ANSWER_WITHIN,
      query_timeout: ANSWER_WITHIN,
    });
    // An idle connection that breaks: the pool has dropped it and makes another when one is needed.
    this.#pool.on('error', (error) => log.warn({ err: error }, 'lost a connection to Postgres'));
  }

  query: Query = async <Row extends object>(sql: string, values: readonly unknown[] = []) => {
    const { rows } = await this.#pool.query<Row>(sql, [...values]);
    return rows;
  };

  /** All of `work` or nothing. */
  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const query: Query = async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...values])).rows;
    try {
      await query('BEGIN');
      const result = await work(query);
      await query('COMMIT');
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
