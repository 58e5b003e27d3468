import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Link } from './link.ts';

/** Between two signs of life; ms. */
const BEAT = 1_000;
/** A process that was not heard of for so long is dead for the others; ms, on Postgres's clock. */
export const DEAD_AFTER = 6_000;
/** A process that could give no sign of life for so long stops by itself, before others go on in its place; ms. */
const FENCED_AFTER = 4_500;
/** Who has been heard itself for so long knows who else would have been; ms. */
const SURE_AFTER = DEAD_AFTER + BEAT;
/** Postgres's clock was set: more than a slow answer explains, less than makes a living process look dead; ms. */
const CLOCK_STEP = 3_000;

const RENEW = `WITH renewed AS (
    INSERT INTO processes (id, seen, jobs) VALUES ($1, clock_timestamp(), $2)
    ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, jobs = excluded.jobs
  )
  SELECT min(cardinality(jobs))::int AS least,
    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now FROM processes
  WHERE id <> $1 AND seen > clock_timestamp() - ${DEAD_AFTER} * interval '1 ms'`;

const FORGET = `DELETE FROM processes WHERE seen < clock_timestamp() - ${DEAD_AFTER} * interval '1 ms'`;

export interface LivenessParts {
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Logger;
  /** The jobs that this process has in hand, by their ids. */
  readonly jobs: () => readonly string[];
  /** What was in hand is not this process's any more. */
  readonly onFenced: () => void;
  /**
   * After a sign of life, once it is certain who else lives; one after the other. It may take its time: the signs
   * go on meanwhile.
   */
  readonly onSure: () => Promise<void>;
}

/**
 * Tells the other processes every second that this one lives and which jobs it has in hand. When that fails for
 * too long, by a dead network, a paused process or Postgres itself, it gives up what it had, before the others
 * may take it.
 */
export class Liveness {
  readonly #id = randomUUID();
  readonly #parts: LivenessParts;
  /** When the last sign of life that arrived was sent, ms of the clock's `monotonic`. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Since when every sign of life arrived in time, on one connection and by one clock. */
  #steadySince = Number.POSITIVE_INFINITY;
  /** Postgres's clock less ours, ms. */
  #ahead = Number.NaN;
  #closed = false;
  #leastElsewhere: number | undefined;
  #beating: Promise<void> = Promise.resolve();
  #looking: Promise<void> | undefined;
  #cancelBeat: () => void = () => {};
  #cancelFence: () => void = () => {};

  constructor(parts: LivenessParts) {
    this.#parts = parts;
    // After a restart of Postgres some may not be connected again yet; after a crash of it the list is empty, too.
    parts.link.listen(
      () => {},
      () => {
        this.#steadySince = Number.POSITIVE_INFINITY;
      },
    );
  }

  /** True while the others take this process for alive. */
  get alive(): boolean {
    return this.#parts.clock.monotonic() - this.#heardAt < FENCED_AFTER;
  }

  /** How many jobs the least busy of the other processes had a moment ago; undefined when there is no other. */
  get leastElsewhere(): number | undefined {
    return this.#leastElsewhere;
  }

  /** Gives the first sign of life, and forgets the processes that died. Rejects when that fails. */
  async start(): Promise<void> {
    await this.#renew();
    await this.#parts.link.query(FORGET);
    this.#next();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelBeat();
    await this.#beating;
    await this.#looking;
    this.#cancelFence();
    await this.#parts.link.query('DELETE FROM processes WHERE id = $1', [this.#id]).catch(() => {});
  }

  #next(): void {
    if (this.#closed) return;
    this.#cancelBeat = this.#parts.clock.after(BEAT, () => {
      this.#beating = this.#beat().then(() => this.#next());
    });
  }

  async #beat(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.#renew();
    } catch (error) {
      log.warn({ err: error }, 'cannot tell the other processes that this one lives');
      return;
    }
    if (clock.monotonic() - this.#steadySince >= SURE_AFTER) this.#looking ??= this.#look();
  }

  async #look(): Promise<void> {
    try {
      await this.#parts.onSure();
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'cannot look for the turns of dead processes');
    } finally {
      this.#looking = undefined;
    }
  }

  async #renew(): Promise<void> {
    const { link, clock, jobs } = this.#parts;
    const sent = clock.monotonic();
    const [answer] = await link.query<{ least: number | null; now: number }>(RENEW, [this.#id, jobs()]);
    const { least, now } = answer!;
    this.#leastElsewhere = least ?? undefined;
    const gap = sent - this.#heardAt >= FENCED_AFTER;
    // By a clock that was set nobody has been heard of: those who live are within a beat.
    const step = Math.abs(now - sent - this.#ahead) > CLOCK_STEP;
    this.#ahead = now - sent;
    this.#steadySince = gap || step ? sent : Math.min(this.#steadySince, sent);
    this.#heardAt = sent;
    this.#cancelFence();
    this.#cancelFence = clock.after(
      Math.max(0, sent + FENCED_AFTER - clock.monotonic()),
      this.#parts.onFenced,
    );
  }
}
