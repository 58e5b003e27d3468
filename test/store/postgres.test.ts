import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { OperatorError } from '../../src/errors.ts';
import { Database } from '../../src/store/postgres/database.ts';
import { startFault } from '../../src/store/postgres/faults.ts';
import { PostgresStore } from '../../src/store/postgres/store.ts';
import { Wire } from '../chaos/wire.ts';
import { aQuestion } from '../support/chat-double.ts';
import { TestPostgres } from '../support/postgres.ts';
import { startStoreProcess } from '../support/store-process.ts';
import { open } from '../support/stores.ts';

const silent = pino({ level: 'silent' });

/** As PgBouncer says no to a connection. */
function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
});
afterAll(() => postgres?.stop());

let url: string;
beforeEach(async () => {
  url = await postgres.database();
});

const changed = (change: (address: URL) => void): string => {
  const address = new URL(url);
  change(address);
  return address.href;
};

/** A server on loopback that is not Postgres. */
async function listening(serve: (socket: Socket) => void): Promise<string> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return changed((address) => {
    address.port = String((server.address() as AddressInfo).port);
  });
}

describe('starting on Postgres', () => {
  /** What the operator reads; the password is never part of it. */
  async function faultOf(address: string): Promise<string> {
    const error = await open(address).then(
      (store) => store.close().then(() => expect.unreachable('it started')),
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toMatch(/^DATABASE_URL: /);
    expect(error.message).not.toContain(new URL(address).password);
    expect(error.message).not.toContain(decodeURIComponent(new URL(address).password));
    return error.message;
  }

  it('says that the password is wrong', async () => {
    const wrong = changed((address) => {
      address.password = 'mistyped';
    });
    expect(await faultOf(wrong)).toMatch(
      /Postgres at 127\.0\.0\.1:\d+\/test_\d+ .*user or the password is wrong/,
    );
    expect(await faultOf(changed((address) => (address.username = 'nobody')))).toContain('is wrong');
  });

  it('says that there is no such database', async () => {
    expect(await faultOf(changed((address) => (address.pathname = '/elsewhere')))).toContain(
      'no such database',
    );
  });

  it('says that nothing listens there', async () => {
    expect(await faultOf(changed((address) => (address.port = '1')))).toContain('nothing listens there');
  });

  it('says that something else than Postgres listens there', async () => {
    expect(await faultOf(await listening((socket) => socket.end()))).toContain('may not be Postgres’s port');
  });

  it('says that the host cannot be found, or does not answer', () => {
    const error = (code: string) => Object.assign(new Error(code), { code });
    expect(startFault(error('ENOTFOUND'), url).message).toContain('no such host');
    expect(startFault(new AggregateError([error('ETIMEDOUT')]), url).message).toContain('does not answer');
    expect(startFault(new Error('timeout expired'), url).message).toContain('does not answer');
  });

  it('goes through a pooler in session mode, which takes few settings', async () => {
    const taken = ['user', 'database', 'application_name', 'client_encoding'];
    const pooled = await listening((socket) => {
      socket.once('data', (first) => {
        const words = first.toString('utf8', 8).split('\0');
        const odd = words.find((word, index) => index % 2 === 0 && word !== '' && !taken.includes(word));
        if (odd !== undefined) return socket.end(refusal(`unsupported startup parameter: ${odd}`));
        const real = connect(postgres.port, '127.0.0.1');
        real.write(first);
        socket.pipe(real).pipe(socket);
        real.on('error', () => socket.destroy());
      });
      socket.on('error', () => {});
    });
    const store = await PostgresStore.open(pooled, silent);
    expect(await store.accept(aQuestion('hello'), 1)).not.toBeNull();
    expect(await store.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '5s' }]);
    const idle = { idle_in_transaction_session_timeout: '5s' };
    expect(await store.query('SHOW idle_in_transaction_session_timeout')).toEqual([idle]);
    await store.close();
    const setting = `${pooled}?options=-c%20lock_timeout%3D1`;
    expect(await faultOf(setting)).toContain('refuses a setting (unsupported startup parameter: options)');
  });

  it('says that this Postgres is too old', async () => {
    const { port } = new URL(url);
    const old = await listening((socket) => {
      const real = connect(Number(port), '127.0.0.1');
      socket.on('data', (data) => real.write(data)).on('close', () => real.destroy());
      real.on('data', (data) => socket.write(data.toString('latin1').replaceAll('18.4', '12.4'), 'latin1'));
    });
    expect(await faultOf(old)).toContain('this is Postgres 12.4; Pilotlight needs 13 or newer');
  });

  it('says that the database cannot hold every character', async () => {
    await postgres.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    expect(await faultOf(changed((address) => (address.pathname = '/latin')))).toContain(
      'encoding is LATIN1',
    );
  });

  it('says that the database is read-only', async () => {
    await postgres.query(
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`,
    );
    expect(await faultOf(url)).toContain('read-only');
  });

  it('says that the user may not make tables', async () => {
    await postgres.query("CREATE ROLE guest LOGIN PASSWORD 'letmein'");
    const guest = changed((address) => {
      address.username = 'guest';
      address.password = 'letmein';
    });
    expect(await faultOf(guest)).toContain('may not create tables');
  });

  it('says so and ends when the user may make tables, but not the queue', async () => {
    await postgres.query("CREATE ROLE tenant LOGIN PASSWORD 'letmein'");
    await postgres.query('GRANT ALL ON SCHEMA public TO tenant', new URL(url).pathname.slice(1));
    const tenant = changed((address) => {
      address.username = 'tenant';
      address.password = 'letmein';
    });
    const env = {
      DISCORD_TOKEN: 'aaa.bbb.ccc',
      MODEL_BASE_URL: 'http://127.0.0.1:1/v1',
      PORT: '0',
      DATABASE_URL: tenant,
    };
    const ended = promisify(execFile)(process.execPath, ['src/main.ts'], { env });
    await expect(ended).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('let it own the database'),
    });
  });

  it('leaves the tables of another program alone, and says so', async () => {
    await postgres.query('CREATE TABLE turns (left_or_right text)', new URL(url).pathname.slice(1));
    expect(await faultOf(url)).toContain('tables of another program');
  });

  it('refuses a database that a newer version wrote, instead of harming it', async () => {
    await (await open(url)).close();
    await postgres.query('UPDATE pilotlight_version SET version = 99', new URL(url).pathname.slice(1));
    expect(await faultOf(url)).toContain('written by a newer Pilotlight');
  });

  it('makes the tables once when several processes start at the same moment', async () => {
    const processes = await Promise.all(Array.from({ length: 4 }, () => startStoreProcess(url)));
    expect(processes.map(({ says }) => says)).toEqual(['open', 'open', 'open', 'open']);
    await Promise.all(processes.map((one) => one.kill()));
    const store = await open(url);
    expect(await store.accept(aQuestion('hello'), 1)).not.toBeNull();
    await store.close();
  });

  it('makes all of the tables or none', async () => {
    const database = new URL(url).pathname.slice(1);
    await postgres.query('CREATE TABLE leases ()', database);
    expect(await faultOf(url)).toContain('tables of another program');
    await postgres.query('DROP TABLE leases', database);
    await (await open(url)).close();
  });
});

describe('while it runs on Postgres, the store', () => {
  it('rejects what cannot be done while Postgres is away, and works again when it is back', async () => {
    const store = await open(url);
    const turn = (await store.accept(aQuestion('hello'), 1))!;
    await postgres.pause();
    await expect(store.accept(aQuestion('too early'), 2)).rejects.toThrow();
    await expect(store.progress(turn, { answer: 'lost', messages: [] })).rejects.toThrow();
    await expect(store.remember('model', 1)).rejects.toThrow();
    await postgres.resume();
    await store.progress(turn, { answer: 'kept', messages: ['m1'] });
    expect(await store.turn(turn.id)).toMatchObject({ answer: 'kept', messages: ['m1'] });
    expect(await store.unfinished()).toHaveLength(1);
    await store.close();
  });

  it('never hangs where nothing comes through, and works again when something does', async () => {
    await (await open(url)).close();
    const wire = await Wire.open();
    const store = new PostgresStore(new Database(wire.through(url), silent, 2_000));
    const turn = (await store.accept(aQuestion('hello'), 1))!;
    wire.fail('hang');
    await expect(store.turn(turn.id)).rejects.toThrow(/timeout/i);
    await expect(store.remember('model', 1)).rejects.toThrow(/timeout/i);
    wire.mend();
    expect((await store.turn(turn.id))?.id).toBe(turn.id);
    wire.fail('cut');
    await expect(store.turn(turn.id)).rejects.toThrow();
    wire.mend();
    expect((await store.turn(turn.id))?.id).toBe(turn.id);
    await store.close();
    await wire.close();
  });

  it('gives the rows of every statement, as pg-boss needs them', async () => {
    const database = new Database(url, silent);
    expect(await database.query('SELECT 1 AS a; SELECT 2 AS b; COMMIT')).toEqual([{ a: 1 }, { b: 2 }]);
    await database.close();
  });

  it('outlives a connection that breaks between two steps, and does nothing by halves', async () => {
    const store = await PostgresStore.open(url, silent);
    await expect(
      store.database.transaction(async (query) => {
        await query("INSERT INTO cold_starts (model, ms) VALUES ('m', 1)");
        const [self] = await query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await postgres.query(`SELECT pg_terminate_backend(${self!.pid})`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        await query("INSERT INTO cold_starts (model, ms) VALUES ('m', 2)");
      }),
    ).rejects.toThrow();
    expect(await store.recall('m')).toEqual([]);
    await store.close();
  });

  it('outlives a connection that breaks in the moment in which a call gets it', async () => {
    const { port } = new URL(url);
    let breaking = false;
    const breaks = await listening((socket) => {
      const real = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      real.on('error', () => socket.destroy());
      socket.on('data', (data) => real.write(data)).on('close', () => real.destroy());
      // The server is shut down just as it is ready for the next statement: both words come at once.
      real.on('data', (data) => {
        const isReady = data.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I'));
        socket.write(breaking && isReady ? Buffer.concat([data, refusal('terminating connection')]) : data);
        if (isReady) breaking = false;
      });
    });
    const database = new Database(breaks, silent);
    const everyConnection = () =>
      Promise.all(Array.from({ length: 10 }, () => database.query('SELECT pg_sleep(0.1)')));
    await everyConnection();
    const others = everyConnection();
    const waits = database.transaction((query) => query('SELECT 1 AS one'));
    breaking = true;
    await expect(waits).rejects.toThrow();
    await others;
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await database.close();
  });

  it('does not take for stored what a failed statement undid, whoever caught its error', async () => {
    const store = await PostgresStore.open(url, silent);
    await expect(
      store.database.transaction(async (query) => {
        await query("INSERT INTO cold_starts (model, ms) VALUES ('m', 1)");
        await query('SELECT nothing').catch(() => {});
      }),
    ).rejects.toThrow('rolled back');
    expect(await store.recall('m')).toEqual([]);
    await store.close();
  });

  it('stores more at once than it has connections, with what belongs to it', async () => {
    const store = await PostgresStore.open(url, silent);
    const person = { platform: 'slack', id: 'U1' } as const;
    const accept = () =>
      store.transaction(async (transaction) => {
        const turn = await transaction.accept(aQuestion('hello'), 1);
        await transaction.limits.waiting(turn!.conversationId);
        return transaction.limits.count(person, 1, { most: 30, windowMs: 1_000 });
      });
    const refusals = await Promise.all(Array.from({ length: 40 }, accept));
    expect(refusals.filter((oldest) => oldest === null)).toHaveLength(30);
    expect(await store.unfinished()).toHaveLength(40);
    await store.close();
  });

  it('forgets who asked a minute ago, also those who do not ask again', async () => {
    const store = await PostgresStore.open(url, silent);
    const limit = { most: 5, windowMs: 60_000 };
    for (const id of ['U1', 'U2', 'U3']) await store.limits.count({ platform: 'slack', id }, 0, limit);
    await store.limits.count({ platform: 'slack', id: 'U4' }, 60_000, limit);
    expect(await store.query('SELECT person FROM asked')).toEqual([{ person: 'U4' }]);
    await store.close();
  });
});
