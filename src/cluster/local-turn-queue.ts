import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import type { PlatformName } from '../question.ts';
import type { Store, Turn } from '../store/store.ts';
import type { Job, Run, TurnQueue } from './turn-queue.ts';

/** Until a run that failed is tried again, ms. */
const AGAIN_AFTER = 1_000;

const never = new AbortController().signal;

/** The queue of a process that is alone: the store keeps what has not ended, memory the order. */
export class LocalTurnQueue implements TurnQueue {
  readonly handsOn = false;
  readonly #store: Pick<Store, 'unfinished'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lines = new KeyedQueue();
  #run: Run | undefined;

  constructor(parts: { store: Pick<Store, 'unfinished'>; clock: Clock; log: Logger }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  async start(run: Run, platforms: readonly PlatformName[]): Promise<void> {
    this.#run = run;
    for (const turn of await this.#store.unfinished()) {
      if (platforms.includes(turn.question.platform)) this.#putInLine(turn, crashesOf(turn));
    }
  }

  async add(turn: Turn): Promise<void> {
    this.#putInLine(turn, 0);
  }

  #putInLine({ id, conversationId }: Turn, crashes: number): void {
    const run = this.#run;
    if (!run) return; // the start finds it in the store
    const job = { turn: id, since: this.#clock.now(), crashes, lost: never };
    void this.#lines.run(String(conversationId), () => this.#untilRun(run, job));
  }

  async wake(): Promise<void> {}

  stop(): Promise<void> {
    return this.#lines.idle();
  }

  async close(): Promise<void> {}

  async #untilRun(run: Run, job: Job): Promise<void> {
    for (;;) {
      try {
        await run(job);
        return;
      } catch (error) {
        this.#log.error({ turn: job.turn, err: error }, 'a turn could not be run; it is tried again');
        await sleep(this.#clock, AGAIN_AFTER);
      }
    }
  }
}

/** Of a turn that was found running, half of its runs: each start is one, and so is each Retry before its start. */
const crashesOf = ({ state, run }: Turn): number => (state === 'running' ? Math.floor(run / 2) : 0);
