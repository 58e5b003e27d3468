import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Link } from '../../src/cluster/link.ts';
import { PostgresTurnQueue } from '../../src/cluster/postgres-turn-queue.ts';
import type { Job } from '../../src/cluster/turn-queue.ts';
import type { PlatformName } from '../../src/question.ts';
import { PostgresStore } from '../../src/store/postgres/store.ts';
import { aQuestion } from '../support/chat-double.ts';
import { TestPostgres } from '../support/postgres.ts';

const log = pino({ level: 'silent' });
const clock = systemClock;
const both = ['slack', 'discord'] as const;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

describe('the turn queue that processes share', { timeout: 60_000 }, () => {
  let url: string;
  let store: PostgresStore;
  const opened: { queue: PostgresTurnQueue; link: Link; store: PostgresStore }[] = [];

  async function join() {
    const own = await PostgresStore.open(url, log);
    const link = new Link({ url, clock, log });
    await link.open();
    const queue = new PostgresTurnQueue({ database: own.database, link, clock, log });
    await queue.open();
    const jobs: Job[] = [];
    opened.push({ queue, link, store: own });
    return {
      queue,
      link,
      jobs,
      /** Takes jobs and keeps them until they are lost. */
      keep: () =>
        queue.start((job) => {
          jobs.push(job);
          return new Promise((resolve) => job.lost.addEventListener('abort', () => resolve('back')));
        }, both),
      /** Takes jobs, each over at once. */
      finish: (platforms: readonly PlatformName[] = both) =>
        queue.start(async (job) => {
          jobs.push(job);
          return 'over';
        }, platforms),
      /** Stores a turn and puts it in line. */
      async ask(conversation: string, platform: PlatformName = 'slack') {
        const turn = await own.transaction(async (transaction) => {
          const question = aQuestion('Hello?', { conversation, platform });
          const turn = (await transaction.accept(question, clock.now()))!;
          await queue.add(turn, transaction);
          return turn;
        });
        await queue.wake();
        return turn;
      },
    };
  }

  const until = (look: () => unknown) => vi.waitUntil(look, { timeout: 40_000, interval: 50 });
  const stored = async (conversation: string, askedAt: number, platform: PlatformName = 'slack') =>
    (await store.accept(aQuestion('Hello?', { conversation, platform }), askedAt))!;

  beforeEach(async () => {
    url = await postgres.database();
    store = await PostgresStore.open(url, log);
    return async () => {
      for (const each of opened.splice(0)) {
        await each.queue.close();
        await each.link.close();
        await each.store.close();
      }
      await store.close();
    };
  });

  it('hands out what a process had that is cut off: first that one leaves it, then another one gets it', async () => {
    const [one, two] = [await join(), await join()];
    await one.keep();
    const { id } = await one.ask('a');
    await until(() => one.jobs.length === 1);
    await two.finish();
    vi.spyOn(one.link, 'query').mockRejectedValue(new Error('no route to host'));
    await until(() => one.jobs[0]!.lost.aborted);
    expect(two.jobs).toEqual([]);
    await until(() => two.jobs.length === 1);
    expect(two.jobs[0]).toMatchObject({ turn: id, crashes: 1 });
    vi.restoreAllMocks();
  });

  it('leaves alone what a living process has, however long that takes', async () => {
    const [one, two] = [await join(), await join()];
    await one.keep();
    await one.ask('a');
    await until(() => one.jobs.length === 1);
    await two.finish();
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    expect(one.jobs[0]!.lost.aborted).toBe(false);
    expect(two.jobs).toEqual([]);
  });

  it('keeps a list of those that live, without the many that died before', async () => {
    await store.query(
      "INSERT INTO processes SELECT gen_random_uuid(), clock_timestamp() - interval '1 day', '{}' FROM generate_series(1, 50)",
    );
    const one = await join();
    await one.finish();
    expect(await store.query('SELECT count(*) FROM processes')).toEqual([{ count: 1 }]);
  });

  it('finds turns that were stored and never put in line, in their order', async () => {
    const turns = [await stored('a', 1), await stored('a', 2), await stored('b', 3)];
    const { finish, jobs } = await join();
    await finish();
    await until(() => jobs.length === 3);
    const inA = jobs.map((job) => job.turn).filter((id) => id !== turns[2]!.id);
    expect(inA).toEqual([turns[0]!.id, turns[1]!.id]);
  });

  it('keeps turns for a process that has their platform, and holds nobody up with them', async () => {
    const atDiscord = await stored('a', 1, 'discord');
    const slack = await join();
    await slack.finish(['slack']);
    const later = await slack.ask('b', 'discord');
    const atSlack = await slack.ask('c');
    await until(() => slack.jobs.length > 0);
    const discord = await join();
    await discord.finish(['discord']);
    await until(() => discord.jobs.length === 2);
    await slack.ask('d');
    await until(() => slack.jobs.length === 2);
    expect(discord.jobs.map(({ turn }) => turn).sort()).toEqual([atDiscord.id, later.id]);
    expect(slack.jobs[0]!.turn).toBe(atSlack.id);
  });

  it('gives the room of a full process to each platform by turns', async () => {
    const { queue, ask } = await join();
    const running: { turn: number; end: () => void }[] = [];
    await queue.start(
      ({ turn }) => new Promise((resolve) => running.push({ turn, end: () => resolve('over') })),
      both,
    );
    for (let i = 0; i < 200; i += 1) await ask(`${i}`);
    await until(() => running.length === 200);
    for (let i = 0; i < 4; i += 1) await ask(`more ${i}`);
    const { id } = await ask('at the other platform', 'discord');
    for (const taken of [201, 202]) {
      running[taken - 201]!.end();
      await until(() => running.length === taken);
    }
    expect(running.slice(200).map(({ turn }) => turn)).toContain(id);
    for (const { end } of running) end();
  });

  it('gives a turn back whose run failed, and counts that', async () => {
    const { queue, ask } = await join();
    const jobs: Job[] = [];
    await queue.start(async (job) => {
      jobs.push(job);
      if (jobs.length === 1) throw new Error('the store does not answer');
      return 'over';
    }, both);
    await ask('a');
    await until(() => jobs.length === 2);
    expect(jobs.map(({ crashes }) => crashes)).toEqual([0, 1]);
  });

  it('is told everything again after a loss of its connection', async () => {
    const { ask, link, jobs, finish } = await join();
    await finish();
    await postgres.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ '^LISTEN|renewed'",
    );
    await ask('a');
    await until(() => jobs.length === 1);
    const heard: string[] = [];
    link.listen((text) => heard.push(text));
    await until(async () => {
      await link.notify('hello').catch(() => {});
      return heard.includes('hello');
    });
  });
});
