import { type Clock, sleep } from '../../src/clock.ts';

/** Slack waits 3 s until a question is stored, and its files are still to be read; ms. */
export const WITHIN = 1_000;

/** What Slack answers to a look-up for a question. @throws what the call throws, or Error when it is late */
export async function inTime<T>(asked: Promise<T>, clock: Clock, ms = WITHIN): Promise<T> {
  const done = new AbortController();
  const late = sleep(clock, ms, done.signal).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    done.abort();
  }
}
