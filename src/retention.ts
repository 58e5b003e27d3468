import type { Logger } from 'pino';
import { type Clock, sleep } from './clock.ts';
import type { Store } from './store/store.ts';

const DAY = 86_400_000;
/** Between two looks for what is old; ms. */
const LOOK_EVERY = 3_600_000;
/** Turns deleted at once: SQLite stops everything else meanwhile. */
const BATCH = 100;
/** Between two batches, for everything else; ms. */
const PAUSE = 100;

export interface RetentionParts {
  /** Undefined for ever. */
  readonly keepDays: number | undefined;
  readonly store: Pick<Store, 'deleteEnded'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Deletes turns that ended too long ago: at the start, and every hour. Any number of processes may do so at once. */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  start(): void {
    const { keepDays } = this.#parts;
    if (keepDays !== undefined) this.#running = this.#run(keepDays);
  }

  /** Resolves when nothing is being deleted any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(keepDays: number): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#deleteBefore(clock.now() - keepDays * DAY).catch((error) => {
        log.warn({ err: error }, 'cannot delete what is old; trying again in an hour');
      });
      await sleep(clock, LOOK_EVERY, signal).catch(() => {});
    }
  }

  async #deleteBefore(before: number): Promise<void> {
    const { store, clock, log } = this.#parts;
    const { signal } = this.#stopped;
    let turns = 0;
    try {
      for (let found = BATCH; found === BATCH && !signal.aborted; ) {
        found = await store.deleteEnded(before, BATCH);
        turns += found;
        if (found === BATCH) await sleep(clock, PAUSE, signal).catch(() => {});
      }
    } finally {
      if (turns > 0) log.info({ turns, keepDays: this.#parts.keepDays }, 'deleted what is old');
    }
  }
}
