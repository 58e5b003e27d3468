import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../src/clock.ts';
import { Prewarmer } from '../../src/modal/prewarm.ts';
import { MINUTE, Play } from './warm-support.ts';

/** From asleep to awake. */
const COLD = 60_000;

describe('waking the model before a question', () => {
  let play: Play;
  let prewarmer: Prewarmer;
  let knocks: number;
  let awake: boolean;

  beforeEach(() => {
    play = new Play({ budgetUsd: 6 });
    knocks = 0;
    awake = false;
    const { store, costs, clock } = play;
    prewarmer = new Prewarmer({
      store,
      costs,
      clock,
      log: pino({ level: 'silent' }),
      dailyCap: 3,
    });
  });
  const intent = (model = 'default') =>
    prewarmer.intent(model, async (signal) => {
      knocks += 1;
      if (!awake) await sleep(play.clock, COLD, signal);
    });
  const asked = (model = 'default') => prewarmer.asked(model);
  const today = () => play.store.usage(play.costs.today);

  it('is counted, and counted as of use when the question comes', async () => {
    intent();
    await play.clock.advance(20_000);
    asked();
    asked();
    await play.clock.advance(0);
    expect(await today()).toMatchObject({ prewarms: 1, prewarmsOfUse: 1 });
  });

  it('was of no use when nobody asks within minutes', async () => {
    intent();
    await play.clock.advance(6 * MINUTE);
    asked();
    await play.clock.advance(0);
    expect(await today()).toMatchObject({ prewarms: 1, prewarmsOfUse: 0 });
  });

  it('does not count when the model was awake', async () => {
    awake = true;
    intent();
    await play.clock.advance(MINUTE);
    asked();
    await play.clock.advance(0);
    expect(knocks).toBe(1);
    expect(await today()).toMatchObject({ prewarms: 0, prewarmsOfUse: 0 });
  });

  it('happens once, however much somebody types, and again after five minutes', async () => {
    for (let second = 0; second < 30; second += 1) {
      intent();
      await play.clock.advance(1_000);
    }
    expect(knocks).toBe(1);
    await play.clock.advance(5 * MINUTE);
    intent();
    await play.clock.advance(0);
    expect(knocks).toBe(2);
  });

  it('is of each model by itself', async () => {
    intent('coder');
    intent('default');
    await play.clock.advance(20_000);
    expect(knocks).toBe(2);
    asked('coder');
    await play.clock.advance(0);
    expect(await today()).toMatchObject({ prewarms: 2, prewarmsOfUse: 1 });
  });

  it('happens so often a day, and no more', async () => {
    for (let time = 0; time < 6; time += 1) {
      intent();
      await play.clock.advance(10 * MINUTE);
    }
    expect(knocks).toBe(3);
    await play.clock.advance(24 * 60 * MINUTE);
    intent();
    await play.clock.advance(0);
    expect(knocks).toBe(4);
  });

  it('does not happen when the budget is used up', async () => {
    await play.store.addUsage(play.costs.today, { microUsd: 7_000_000 });
    intent();
    await play.clock.advance(MINUTE);
    expect(knocks).toBe(0);
  });

  it('ends with the process, and hurts nobody when it fails', async () => {
    intent();
    await play.clock.advance(2_000);
    prewarmer.close();
    await play.clock.advance(MINUTE);
    expect(await today()).toMatchObject({ prewarms: 1 });
  });
});
