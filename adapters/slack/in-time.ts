import { type Clock, within } from '../../src/clock.ts';

/** Slack waits 3 s until a question is stored, and its files are still to be read; ms. */
export const WITHIN = 1_000;

/** What Slack answers to a look-up for a question. @throws what the call throws, or Error when it is late */
export const inTime = <T>(asked: Promise<T>, clock: Clock, ms = WITHIN): Promise<T> =>
  within(asked, { clock, ms, late: () => new Error(`no answer within ${ms} ms`) });
