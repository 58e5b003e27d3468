import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { Metering } from '../../src/bot/metering.ts';
import type { ModelEvent } from '../../src/model/model.ts';
import { aQuestion } from '../support/chat-double.ts';
import { ModelDouble } from '../support/model-double.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('what a question costs', () => {
  let clock: VirtualClock;
  let model: ModelDouble;
  let spent: Record<string, number>;
  let metering: Metering;
  /** What the model runs on, where it is known. */
  let gpu: string | undefined;
  beforeEach(() => {
    clock = new VirtualClock();
    model = new ModelDouble();
    spent = {};
    gpu = undefined;
    metering = new Metering({
      models: {
        for: () => ({
          model,
          name: 'default',
          systemPrompt: '',
          takesImages: false,
          showReasoning: false,
          modal: { app: 'app', server: 'server', gpu },
        }),
      },
      store: {
        spend: async (_day, { person }, microUsd) => {
          spent[person.id] = (spent[person.id] ?? 0) + Math.round(microUsd);
        },
      },
      usdPerSecond: (gpu) => (gpu === 'B200' ? 0.005 : 0.001),
      clock,
      log: pino({ level: 'silent' }),
    });
  });

  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  function will(...steps: (number | ModelEvent)[]) {
    model.will(async function* () {
      for (const step of steps) {
        if (typeof step === 'number') await wait(step);
        else yield step;
      }
    });
  }
  async function ask(person: string, hear = () => {}) {
    const { model } = metering.for(aQuestion('Hello?', { author: { id: person, roles: [] } }));
    await model.chat({ messages: [], signal: new AbortController().signal }, hear);
  }
  const text: ModelEvent = { type: 'text', text: 'x' };

  it('is the time until its answer ends, times the price', async () => {
    will(8_000, text, 2_000, { type: 'done', reason: 'stop' });
    const asked = ask('U1');
    await clock.advance(30_000);
    await asked;
    expect(spent).toEqual({ U1: 10_000 });
  });

  it('goes by the price of the GPU that its model runs on', async () => {
    gpu = 'B200';
    will(2_000, text);
    const asked = ask('U1');
    await clock.advance(30_000);
    await asked;
    expect(spent).toEqual({ U1: 10_000 });
  });

  it('is shared evenly with those that the model has at the same time', async () => {
    will(10_000, text);
    will(10_000, text);
    const first = ask('U1');
    await clock.advance(5_000);
    const second = ask('U2');
    await clock.advance(30_000);
    await Promise.all([first, second]);
    // 5 s alone, 5 s for two, 5 s alone.
    expect(spent).toEqual({ U1: 7_500, U2: 7_500 });
  });

  it('leaves out the time in which others are waited for', async () => {
    will({ type: 'queued', place: 1 }, 60_000, { type: 'queued', place: 0 }, 5_000, text, 3_000);
    const asked = ask('U1');
    await clock.advance(100_000);
    await asked;
    // The model reads the prompt before its first word.
    expect(spent).toEqual({ U1: 8_000 });
  });

  it('is counted also when the answer fails or is stopped', async () => {
    will(4_000, text, 6_000, text);
    const asked = ask('U1', () => {
      throw new Error('stopped');
    });
    asked.catch(() => {});
    await clock.advance(30_000);
    await expect(asked).rejects.toThrow('stopped');
    expect(spent).toEqual({ U1: 4_000 });
  });
});
