import pg from 'pg';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import { connectionTo } from '../store/postgres/database.ts';

const CHANNEL = 'pilotlight';
/** Between two attempts to connect; ms, doubled up to the second. */
const RECONNECT_AFTER = { first: 100, most: 2_000 };
/** A query that takes longer counts as failed, and the connection as broken; ms. */
const ANSWER_WITHIN = 2_000;
/** Postgres refuses to notify with 8,000 bytes or more. */
const LONGEST = 7_900;

/**
 * One connection of its own beside the store's pool: it hears what other processes notify, and never waits for
 * a free connection. It comes back by itself.
 */
export class Link {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #hear: ((text: string) => void)[] = [];
  readonly #connected: (() => void)[] = [];
  #client: pg.Client | undefined;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: { url: string; clock: Clock; log: Logger }) {
    this.#url = parts.url;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  /** Connects, once. Rejects when that fails; afterwards every loss is mended. */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** False from the loss of the connection until it is mended; a hanging one is found within some seconds. */
  get connected(): boolean {
    return this.#client !== undefined;
  }

  /** Calls `hear` with each notification, and `connected` when some may have been missed. */
  listen(hear: (text: string) => void, connected: () => void = () => {}): void {
    this.#hear.push(hear);
    this.#connected.push(connected);
  }

  /** Tells every process that listens, this one too. */
  async notify(text: string): Promise<void> {
    if (Buffer.byteLength(text) > LONGEST) throw new RangeError('a notification is too long');
    await this.query('SELECT pg_notify($1, $2)', [CHANNEL, text]);
  }

  /** One after the other. Rejects at once while there is no connection. */
  query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const answer = this.#last.then(() => this.#query<Row>(sql, values));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #query<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    const client = this.#client;
    if (!client) throw new Error('no connection to Postgres');
    try {
      return (await client.query<Row>(sql, [...values])).rows;
    } catch (error) {
      // Without an answer nothing that follows on this connection would get one either.
      if (!(error instanceof pg.DatabaseError)) this.#lost(client, error as Error);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ ...connectionTo(this.#url), query_timeout: ANSWER_WITHIN });
    client.on('notification', ({ payload = '' }) => {
      for (const hear of this.#hear) hear(payload);
    });
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, new Error('the connection was closed')));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    if (this.#closed) return void client.end().catch(() => {});
    this.#client = client;
    for (const connected of this.#connected) connected();
  }

  #lost(client: pg.Client, error: Error): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    void client.end().catch(() => {});
    this.#log.warn({ err: error }, 'lost the connection to the other processes; connecting again');
    void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    for (let wait = RECONNECT_AFTER.first; !this.#closed; wait = Math.min(2 * wait, RECONNECT_AFTER.most)) {
      try {
        await this.#connect();
        this.#log.info('connected to the other processes again');
        return;
      } catch {
        await sleep(this.#clock, wait);
      }
    }
  }
}
