import type { Logger } from 'pino';
import { type Clock, sleep } from '../src/clock.ts';

/** What has waited longer is left alone: by then whoever asked has gone on, or asked again; ms. */
export const ANSWERED_WITHIN = 60 * 60_000;

/** Where something was asked in this time is looked into, where the platform does not tell what is new; ms. */
export const KNOWN_WITHIN = 7 * 24 * 60 * 60_000;

/** Before what could not be read is tried again, and how often; ms. */
const RETRY_AFTER = 10_000;
const TRIES = 3;

export interface ReadingListParts {
  /** Between two places; ms. */
  readonly pauseMs?: number;
  /** True for an error that will not pass: the place is gone, or may not be seen any more. */
  readonly isFinal: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Places in which something may have been written while the bot was away, to be read once each. */
export class ReadingList {
  readonly #parts: ReadingListParts;
  readonly #added = new Set<string>();
  readonly #waiting = new Map<string, () => Promise<void>>();
  readonly #reading = new Map<string, Promise<void>>();

  constructor(parts: ReadingListParts) {
    this.#parts = parts;
  }

  /** Nothing happens for a place that was added before. */
  add(place: string, read: () => Promise<void>): void {
    if (!this.#added.has(place)) this.#waiting.set(place, read);
    this.#added.add(place);
  }

  /** It turned out that there is nothing new. */
  remove(place: string): void {
    this.#waiting.delete(place);
  }

  /** True while it is still to be read. */
  has(place: string): boolean {
    return this.#waiting.has(place);
  }

  /** Reads everything, a place at a time, also those that are added meanwhile. Does not reject. */
  async run(): Promise<void> {
    const { pauseMs = 0, clock, log, signal } = this.#parts;
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      for (const place of this.#waiting.keys()) {
        if (signal.aborted) return;
        await this.first(place);
        if (pauseMs > 0) await sleep(clock, pauseMs, signal).catch(() => {});
      }
      if (this.#waiting.size === 0) return;
      await sleep(clock, RETRY_AFTER, signal).catch(() => {});
      if (signal.aborted) return;
    }
    log.error({ channels: this.#waiting.size }, 'what was written in some channels meanwhile cannot be read');
  }

  /** Reads this place now, if it is still to be read. Does not reject. */
  async first(place: string): Promise<void> {
    const read = this.#waiting.get(place);
    if (!read) return;
    const reading =
      this.#reading.get(place) ?? this.#read(place, read).finally(() => void this.#reading.delete(place));
    this.#reading.set(place, reading);
    await reading;
  }

  async #read(place: string, read: () => Promise<void>): Promise<void> {
    const { isFinal, log, signal } = this.#parts;
    try {
      await read();
      this.#waiting.delete(place);
    } catch (error) {
      if (isFinal(error)) this.#waiting.delete(place);
      if (!signal.aborted)
        log.warn({ channel: place, err: error }, 'cannot read what was written in a channel meanwhile');
    }
  }
}
