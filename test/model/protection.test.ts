import { afterEach, describe, expect, it } from 'vitest';
import { Breaker } from '../../src/model/breaker.ts';
import { Setback } from '../../src/model/failures.ts';
import { ModelError } from '../../src/model/model.ts';
import { RetryBudget } from '../../src/model/retry.ts';
import { Semaphore } from '../../src/model/semaphore.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Bench, modelError } from './support.ts';

let bench: Bench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const places = (events: readonly { type: string; place?: number }[]) =>
  events.filter(({ type }) => type === 'queued').map(({ place }) => place);

describe('more questions than the endpoint may have at once', () => {
  it('wait in order and see their place', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 1 }, { maxStreams: 2 });
    const questions = ['1 b c d e f', '2 b c d', '3 b c d', '4 b c'];
    const asked = questions.map((question) => bench!.ask(`Repeat after me: ${question}`));
    await bench.pass(2_000);
    expect(bench.server.state.streams).toBe(2);
    expect(asked.map(({ events }) => places(events))).toEqual([[], [], [1], [2]]);
    const outcomes = await bench.until(Promise.all(asked.map(({ outcome }) => outcome)));
    expect(places(outcomes[3]!.events)).toEqual([2, 1, 0]);
    expect(outcomes.map(({ text }) => text[0])).toEqual(['1', '2', '3', '4']);
    expect(bench.server.generations.map(({ text }) => text[0])).toEqual(['1', '2', '3', '4']);
  });

  it('leave the line when they are stopped, and the rest move up', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 1 }, { maxStreams: 1 });
    const stop = new AbortController();
    const first = bench.ask('Repeat after me: a b c d e f');
    const second = bench.ask('Hi', { signal: stop.signal });
    const third = bench.ask('Repeat after me: ok');
    await bench.pass(1_000);
    stop.abort(new Error('stopped'));
    const outcomes = await bench.until(Promise.all([first.outcome, second.outcome, third.outcome]));
    expect(outcomes[1]!.error).toEqual(new Error('stopped'));
    expect(places(outcomes[2]!.events)).toEqual([2, 1, 0]);
    expect(outcomes[2]!.text).toBe('ok');
    expect(bench.server.chats).toHaveLength(2);
  });

  it('are not overtaken by one that comes just when a place is free', async () => {
    const slots = new Semaphore(1, 10);
    const { signal } = new AbortController();
    const served: string[] = [];
    const queue = async (name: string) => {
      const leave = await slots.enter(signal, () => {});
      served.push(name);
      return leave;
    };
    const leave = await queue('first');
    const second = queue('second');
    await new Promise(setImmediate);
    leave();
    const third = queue('third');
    (await second)();
    await third;
    expect(served).toEqual(['first', 'second', 'third']);
  });

  it('are turned away when too many wait', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 1 }, { maxStreams: 1 });
    const asked = Array.from({ length: 53 }, () => bench!.ask('Repeat after me: a b'));
    await bench.pass(500);
    const turnedAway = await asked[52]!.outcome;
    expect(modelError(turnedAway)).toMatchObject({
      fault: 'busy',
      message: 'Too many questions are waiting for the model. Try again in a few minutes.',
    });
    await bench.model.close();
    await bench.until(Promise.all(asked.map(({ outcome }) => outcome)));
  });
});

describe('an endpoint that keeps failing', () => {
  it('is left alone for a while, and people are told at once', async () => {
    bench = await Bench.start({ awake: true });
    const failing = {
      on: 'POST /v1/chat/completions',
      act: { type: 'answer', status: 500 },
      times: 5,
    } as const;
    bench.server.faults.add(failing);
    for (let time = 0; time < 5; time += 1) await bench.answer('Hi');
    const since = bench.clock.monotonic();
    const outcome = await bench.ask('Hi').outcome;
    expect(bench.clock.monotonic()).toBe(since);
    expect(modelError(outcome).message).toMatch(
      /^The model has failed 5 times in a row and gets a pause\. Try again in 1[45] seconds\.$/,
    );
    expect(bench.server.chats).toHaveLength(5);
    await bench.pass(15_000);
    expect((await bench.answer('Repeat after me: ok')).text).toBe('ok');
  });

  const failure = new ModelError('failed', 'The model server failed.');
  const failTimes = async (breaker: Breaker, clock: VirtualClock, times: number) => {
    for (let time = 0; time < times; time += 1) {
      const end = breaker.enter();
      await clock.advance(1);
      end(failure);
    }
  };

  it('gets a longer pause each time it fails again, at most two minutes', async () => {
    const clock = new VirtualClock();
    const breaker = new Breaker(clock);
    await failTimes(breaker, clock, 4);
    for (const seconds of [15, 30, 60, 120, 120]) {
      await failTimes(breaker, clock, 1);
      expect(() => breaker.enter()).toThrow(`Try again in ${seconds} seconds`);
      await clock.advance(seconds * 1_000);
    }
  });

  it('is forgiven by one good answer', async () => {
    const clock = new VirtualClock();
    const breaker = new Breaker(clock);
    await failTimes(breaker, clock, 4);
    breaker.enter()(null);
    await failTimes(breaker, clock, 4);
    expect(() => breaker.enter()).not.toThrow();
  });

  it('gets no pause any more once an answer that began before is good after all', async () => {
    const clock = new VirtualClock();
    const breaker = new Breaker(clock);
    const long = breaker.enter();
    await failTimes(breaker, clock, 5);
    expect(() => breaker.enter()).toThrow('The model has failed 5 times in a row');
    long(null);
    expect(() => breaker.enter()).not.toThrow();
  });

  it('is not blamed for what is wrong with one question, nor for sleeping', async () => {
    const clock = new VirtualClock();
    const breaker = new Breaker(clock);
    for (const fault of ['too-long', 'misconfigured', 'refused', 'busy', 'never-woke'] as const) {
      for (let time = 0; time < 10; time += 1) {
        const end = breaker.enter();
        await clock.advance(1);
        end(new ModelError(fault, fault));
      }
    }
  });

  it('has failed once when all its streams break together', async () => {
    const clock = new VirtualClock();
    const breaker = new Breaker(clock);
    const ends = Array.from({ length: 20 }, () => breaker.enter());
    await clock.advance(1);
    for (const end of ends) end(failure);
    expect(() => breaker.enter()).not.toThrow();
  });
});

describe('sending a question again', () => {
  const setback = (options?: ConstructorParameters<typeof Setback>[1]) =>
    new Setback(new ModelError('failed', 'It failed.'), options);
  const { signal } = new AbortController();

  /** How long one pause takes, ms. */
  const timed = async (clock: VirtualClock, pause: () => Promise<void>) => {
    const since = clock.monotonic();
    let over = false;
    const pausing = pause().finally(() => {
      over = true;
    });
    pausing.catch(() => {});
    for (;;) {
      await clock.advance(0);
      if (over) break;
      await clock.advance(50);
    }
    await pausing;
    return clock.monotonic() - since;
  };

  it('waits twice as long each time, with jitter, and four times at most', async () => {
    const clock = new VirtualClock();
    const retries = new RetryBudget(clock, () => 0);
    for (const ms of [250, 500, 1_000, 2_000]) {
      expect(await timed(clock, () => retries.pause(setback(), signal))).toBe(ms);
    }
    await expect(retries.pause(setback(), signal)).rejects.toThrow('It failed.');
    const slow = new RetryBudget(clock, () => 1);
    expect(await timed(clock, () => slow.pause(setback(), signal))).toBe(500);
  });

  it('waits as long as the server asked, but not for more than a minute in all', async () => {
    const clock = new VirtualClock();
    const retries = new RetryBudget(clock, () => 0);
    expect(await timed(clock, () => retries.pause(setback({ retryAfterMs: 40_000 }), signal))).toBe(40_000);
    await expect(retries.pause(setback({ retryAfterMs: 30_000 }), signal)).rejects.toThrow('It failed.');
  });

  it('can be stopped while it waits', async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const pausing = new RetryBudget(clock).pause(setback(), stop.signal);
    stop.abort(new Error('stopped'));
    await expect(pausing).rejects.toThrow('stopped');
  });
});
