import { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import type { PlatformName } from '../question.ts';
import type { Database, Query } from '../store/postgres/database.ts';
import type { Transaction, Turn } from '../store/store.ts';
import type { Link } from './link.ts';
import { DEAD_AFTER, Liveness } from './liveness.ts';
import type { Job, Run, TurnQueue } from './turn-queue.ts';

/** One for each platform: a process takes the turns of those that it has. */
const QUEUES: Readonly<Record<PlatformName, string>> = { slack: 'turns-slack', discord: 'turns-discord' };
const ANY_QUEUE = `name IN (${Object.values(QUEUES).map((name) => `'${name}'`)})`;
const SCHEMA = 'pgboss';
/** A notification that says no more than that there may be work. */
const WAKE = '{"kind":"work"}';

/** Turns that one process runs at the same time; more wait in line, for whoever has room. */
const MOST = 200;
/** Jobs fetched at once: few, so that processes share a burst. */
const BATCH = 5;
/** A busy process is this much slower to fetch for each turn it runs, so that the less busy one gets it; ms, and at most. */
const DEFERENCE = { perTurn: 0.5, most: 20 };
/** Turns that a process may have more than another one before it calls for help. */
const UNEVEN = 2;
/** Looking for work that nobody told of; ms. */
const POLL = 1_000;
/** After a failure of Postgres; ms. */
const RETRY = 250;
/** A run that failed is handed out again no sooner; ms. */
const AGAIN_AFTER = 1_000;
/** A job is fetched before its process can say that it has it; ms. */
const UNCLAIMED_AFTER = DEAD_AFTER + 1_000;
/** A stored turn gets its job, or its refusal, much sooner; ms. */
const MISSED_AFTER = 10_000;
/** Looks between two searches for stored turns that have no job. */
const SEARCH_EVERY = 5;

interface Data {
  readonly turn: number;
  readonly since: number;
}

/** As pg-boss calls them: `name` is the queue's. */
interface Attempt {
  readonly name: string;
  readonly id: string;
  readonly retryCount: number;
}

interface InLine extends Pick<Turn, 'id' | 'conversationId'> {
  readonly platform: PlatformName;
}

/** pg-boss's way to a database. */
const through = (query: Query) => ({
  executeSql: async (sql: string, values?: unknown[]) => ({ rows: await query(sql, values) }),
});

/** Jobs in hand that no living process says it has. */
const ORPHANS = `SELECT name, id, retry_count AS "retryCount", (output ->> 'crashes')::int AS crashes
  FROM ${SCHEMA}.job WHERE ${ANY_QUEUE} AND state = 'active'
    AND started_on < clock_timestamp() - $1 * interval '1 ms'
    AND NOT EXISTS (SELECT FROM processes
      WHERE seen > clock_timestamp() - $2 * interval '1 ms' AND job.id = ANY (processes.jobs))`;

/** Turns that came from another database, or that a process refused and died before it could say so. */
const JOBLESS = `SELECT id, platform, conversation_id AS "conversationId" FROM turns
  WHERE state IN ('queued', 'running') AND asked_at < $1 AND NOT EXISTS (SELECT FROM ${SCHEMA}.job
    WHERE ${ANY_QUEUE} AND job.state < 'completed' AND singleton_key = conversation_id::text
      AND (data ->> 'turn')::bigint = turns.id)
  ORDER BY id LIMIT 1000`;

/**
 * The queue that several processes share, by pg-boss: `key_strict_fifo` hands out one job per conversation at a
 * time and in order. Jobs of a dead process are given back within seconds; see {@link Liveness}.
 */
export class PostgresTurnQueue implements TurnQueue {
  readonly handsOn = true;
  readonly #boss: PgBoss;
  readonly #database: Database;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #liveness: Liveness;
  /** What is in hand, by the job's id. */
  readonly #inHand = new Map<string, AbortController>();
  #run: Run | undefined;
  /** The queues that this process takes turns from; the one that gave some last comes last. */
  readonly #own: string[] = [];
  #fetching: Promise<void> = Promise.resolve();
  #taking = false;
  #wake: () => void = () => {};
  #looks = 0;
  #emptied: () => void = () => {};

  constructor(parts: { database: Database; link: Link; clock: Clock; log: Logger }) {
    this.#database = parts.database;
    this.#link = parts.link;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#boss = new PgBoss({
      db: through(this.#database.query),
      schema: SCHEMA,
      schedule: false,
      registerInstance: false,
    });
    this.#boss.on('error', (error) => this.#log.warn({ err: error }, 'the turn queue’s upkeep failed'));
    this.#liveness = new Liveness({
      link: this.#link,
      clock: this.#clock,
      log: this.#log,
      jobs: () => [...this.#inHand.keys()],
      onFenced: () => this.#drop(),
      onSure: () => this.#look(),
    });
  }

  /** Joins the others: from now on turns can be put in line. */
  async open(): Promise<void> {
    await this.#boss.start();
    // Never failed for good: a failed job would block its conversation. Nor expired: a turn may take long.
    for (const name of Object.values(QUEUES)) {
      await this.#boss.createQueue(name, {
        policy: 'key_strict_fifo',
        retryLimit: 1_000_000,
        retryDelay: 0,
        expireInSeconds: 23 * 3_600,
        deleteAfterSeconds: 3_600,
      });
    }
  }

  async start(run: Run, platforms: readonly PlatformName[]): Promise<void> {
    this.#run = run;
    this.#own.push(...platforms.map((platform) => QUEUES[platform]));
    this.#link.listen(
      (text) => text === WAKE && this.#wake(),
      () => this.#wake(),
    );
    await this.#liveness.start();
    await this.#search();
    this.#taking = true;
    this.#fetching = this.#fetchAll();
  }

  async add({ question, ...turn }: Turn, { query }: Transaction): Promise<void> {
    await this.#send({ ...turn, platform: question.platform }, query!);
  }

  async wake(): Promise<void> {
    if (this.#isBusy) await this.#link.notify(WAKE).catch(() => {});
    this.#wake();
  }

  async #send({ id, platform, conversationId }: InLine, query: Query): Promise<void> {
    const data: Data = { turn: id, since: this.#clock.now() };
    await this.#boss.send(QUEUES[platform], data, {
      singletonKey: String(conversationId),
      db: through(query),
    });
  }

  /** Others are better placed to take the next turn; asked every time, all of them would race for each turn. */
  get #isBusy(): boolean {
    const elsewhere = this.#liveness.leastElsewhere;
    return !this.#taking || (elsewhere !== undefined && this.#inHand.size > elsewhere + UNEVEN);
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#wake();
    await this.#fetching;
    if (this.#inHand.size > 0)
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
  }

  async close(): Promise<void> {
    this.#taking = false;
    this.#wake();
    await this.#fetching;
    await this.#liveness.close();
    await this.#boss.stop({ graceful: false });
  }

  async #fetchAll(): Promise<void> {
    while (this.#taking) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        let more = false;
        for (const name of [...this.#own]) more = (await this.#fetch(name)) || more;
        if (!more) await this.#orPoll(woken);
        await this.#defer();
      } catch (error) {
        this.#log.warn({ err: error }, 'cannot fetch turns');
        await sleep(this.#clock, RETRY);
      }
    }
  }

  /** True when there may be more. */
  async #fetch(name: string): Promise<boolean> {
    const batchSize = Math.min(BATCH, MOST - this.#inHand.size);
    if (batchSize === 0 || !this.#liveness.alive) return false;
    const jobs = await this.#boss.fetch<Data>(name, { batchSize, includeMetadata: true });
    // What room a full process has goes to each platform by turns.
    if (jobs.length > 0) this.#own.push(...this.#own.splice(this.#own.indexOf(name), 1));
    for (const { id, retryCount, data, output } of jobs) {
      // Cut off meanwhile: the others find it.
      if (!this.#liveness.alive) continue;
      const crashes = Number((output as { crashes?: number } | null)?.crashes ?? 0);
      void this.#handle({ name, id, retryCount }, data, crashes);
    }
    return jobs.length === batchSize;
  }

  async #orPoll(woken: Promise<void>): Promise<void> {
    const waited = new AbortController();
    await Promise.race([woken, sleep(this.#clock, POLL, waited.signal).catch(() => {})]);
    waited.abort();
  }

  async #defer(): Promise<void> {
    const ms = Math.min(DEFERENCE.most, this.#inHand.size * DEFERENCE.perTurn);
    if (ms >= 1 && this.#taking) await sleep(this.#clock, ms);
  }

  async #handle(attempt: Attempt, { turn, since }: Data, crashes: number): Promise<void> {
    const lost = new AbortController();
    this.#inHand.set(attempt.id, lost);
    const job: Job = { turn, since, crashes, lost: lost.signal };
    try {
      let tries = crashes;
      const end = await this.#run!(job).catch(async (error) => {
        this.#log.error({ turn, err: error }, 'a turn could not be run; it is tried again');
        tries += 1;
        await sleep(this.#clock, AGAIN_AFTER);
        return 'back' as const;
      });
      await this.#settle(attempt, lost.signal, end === 'over' ? undefined : { crashes: tries });
    } finally {
      if (this.#inHand.get(attempt.id) === lost) this.#inHand.delete(attempt.id);
      if (this.#inHand.size === 0) this.#emptied();
      this.#wake();
    }
  }

  /** Tells pg-boss that the job is done, or is to be handed out again: until it is told, or the job is lost. */
  async #settle(attempt: Attempt, lost: AbortSignal, back: object | undefined): Promise<void> {
    while (!lost.aborted) {
      try {
        if (!back) await this.#boss.complete(attempt.name, attempt);
        else {
          await this.#boss.fail(attempt.name, attempt, back);
          await this.#link.notify(WAKE).catch(() => {});
        }
        return;
      } catch (error) {
        this.#log.warn({ err: error }, 'cannot tell the turn queue how a turn went');
        await sleep(this.#clock, RETRY);
      }
    }
  }

  /** Others may run these turns from now on. */
  #drop(): void {
    if (this.#inHand.size > 0)
      this.#log.error(
        { turns: this.#inHand.size },
        'cut off from Postgres: leaving the running turns to others',
      );
    for (const lost of this.#inHand.values()) lost.abort();
    this.#inHand.clear();
  }

  async #look(): Promise<void> {
    const orphans = await this.#database.query<Attempt & { crashes: number | null }>(ORPHANS, [
      UNCLAIMED_AFTER,
      DEAD_AFTER,
    ]);
    for (const { crashes, ...attempt } of orphans) {
      await this.#boss.fail(attempt.name, attempt, { crashes: (crashes ?? 0) + 1 });
      this.#log.warn({ job: attempt.id }, 'a turn’s process is gone: somebody else runs it');
    }
    if (orphans.length > 0) await this.#link.notify(WAKE);
    this.#looks += 1;
    if (this.#looks % SEARCH_EVERY === 0) await this.#search();
  }

  async #search(): Promise<void> {
    const turns = await this.#database.query<InLine>(JOBLESS, [this.#clock.now() - MISSED_AFTER]);
    for (const turn of turns) await this.#send(turn, this.#database.query);
    // For those who have its platform, too.
    if (turns.length > 0) await this.#link.notify(WAKE).catch(() => {});
  }
}
