import { afterEach, describe, expect, it } from 'vitest';
import { ForgetfulColdStarts, usualTime } from '../../src/model/cold-starts.ts';
import { Bench, exchange, modelError, wakings } from './support.ts';

let bench: Bench;
afterEach(() => bench.close());

/** Requests other than questions: the knocks. */
const knocks = () => bench.server.requests.filter(({ path }) => path === '/v1/models');

describe('a cold start', () => {
  it('that begins again because the container died is still the same wake-up', async () => {
    bench = await Bench.start({ coldStartMs: 30_000 });
    const asked = bench.ask('Repeat after me: ok');
    await bench.pass(20_000);
    bench.server.crash();
    const { text, events } = await bench.until(asked.outcome);
    expect(text).toBe('ok');
    expect(wakings(events).at(-1)!.elapsedMs).toBeGreaterThan(50_000);
  });

  it('whose container dies of every question is given up in total, not for each attempt', async () => {
    bench = await Bench.start({ coldStartMs: 40_000 }, { wakeDeadlineMs: 60_000 });
    const refuse = { type: 'answer', status: 503 } as const;
    bench.server.faults.add({
      on: 'POST /v1/chat/completions',
      act: refuse,
      times: Number.POSITIVE_INFINITY,
    });
    const asked = bench.ask('Hi');
    for (const questions of [1, 2]) {
      while (bench.server.chats.length < questions) await bench.pass(500);
      bench.server.crash();
    }
    expect(modelError(await bench.until(asked.outcome)).fault).toBe('never-woke');
    expect(bench.clock.monotonic()).toBeLessThan(90_000);
  });

  it.each(['it answered before', 'a cold start is remembered'])(
    'of a machine that refuses connections for minutes is waited for when %s',
    async (known) => {
      const coldStarts = new ForgetfulColdStarts();
      if (known === 'a cold start is remembered') await coldStarts.remember('pilotlight', 200_000);
      const sleeping = { front: 'none', scaledownWindowMs: 2_000, coldStartMs: 300_000 } as const;
      bench = await Bench.start({ ...sleeping, awake: known === 'it answered before' }, { coldStarts });
      if (known === 'it answered before') {
        await bench.answer('Hi');
        await bench.pass(20_000);
      }
      expect(bench.server.state.phase).toBe('asleep');
      expect((await bench.until(bench.ask('Repeat after me: ok').outcome, 250)).text).toBe('ok');
    },
  );

  it('shows the usual time once one is known, and when it is longer than usual', async () => {
    const coldStarts = new ForgetfulColdStarts();
    for (const ms of [50_000, 40_000, 60_000]) await coldStarts.remember('pilotlight', ms);
    bench = await Bench.start({ coldStartMs: 10_000 }, { coldStarts });
    const { events } = await bench.answer('Hi');
    expect(wakings(events)[0]).toMatchObject({ usualMs: 50_000, slowMs: 60_000 });
    expect(await coldStarts.recall()).toHaveLength(4);
    expect((await coldStarts.recall())[3]).toBeGreaterThanOrEqual(10_000);
    expect((await coldStarts.recall())[3]).toBeLessThan(11_500);
  });

  it('is not remembered when the model was awake', async () => {
    const coldStarts = new ForgetfulColdStarts();
    bench = await Bench.start({ awake: true }, { coldStarts });
    await bench.answer('Hi');
    expect(await coldStarts.recall()).toEqual([]);
  });

  it('is not remembered when somebody had given up before, for its beginning was not seen', async () => {
    const coldStarts = new ForgetfulColdStarts();
    bench = await Bench.start({ coldStartMs: 20_000 }, { coldStarts });
    const stop = new AbortController();
    const first = bench.ask('Hi', { signal: stop.signal });
    await bench.pass(10_000);
    stop.abort(new Error('stopped'));
    await first.outcome;
    expect((await bench.answer('Repeat after me: ok')).text).toBe('ok');
    expect(await coldStarts.recall()).toEqual([]);
  });
});

describe('several people waiting for the same model', () => {
  it('share one wake-up, each with a place, and all go on when it is awake', async () => {
    bench = await Bench.start({ coldStartMs: 60_000 });
    const asked = [1, 2, 3].map((number) => bench.ask(`Repeat after me: ${number}`));
    await bench.pass(30_000);
    expect(asked.map(({ events }) => wakings(events).at(-1)?.place)).toEqual([1, 2, 3]);
    const late = bench.ask('Repeat after me: 4');
    await bench.pass(2_000);
    expect(wakings(late.events)[0]).toMatchObject({ place: 4 });
    expect(wakings(late.events)[0]!.elapsedMs).toBeGreaterThan(29_000);
    const outcomes = await bench.until(Promise.all([...asked, late].map(({ outcome }) => outcome)));
    expect(outcomes.map(({ text }) => text)).toEqual(['1', '2', '3', '4']);
    expect(bench.server.chats).toHaveLength(4);
  });

  it('knock with one hand', async () => {
    bench = await Bench.start({ coldStartMs: 50_000 });
    const asked = Array.from({ length: 20 }, (_, index) => bench.ask(`Repeat after me: ${index}`));
    await bench.until(Promise.all(asked.map(({ outcome }) => outcome)));
    expect(knocks().length).toBeLessThanOrEqual(52);
    expect(bench.server.state.containers).toBe(1);
  });

  it('hold one request at a time at a web_server', async () => {
    bench = await Bench.start({ front: 'web_server', coldStartMs: 60_000 });
    const asked = Array.from({ length: 20 }, (_, index) => bench.ask(`Repeat after me: ${index}`));
    await bench.pass(50_000);
    expect(bench.server.requests).toHaveLength(1);
    await bench.until(Promise.all(asked.map(({ outcome }) => outcome)));
  });

  it('move up when somebody before them stops', async () => {
    bench = await Bench.start({ coldStartMs: 60_000 });
    const stop = new AbortController();
    const first = bench.ask('Hi', { signal: stop.signal });
    const second = bench.ask('Repeat after me: ok');
    await bench.pass(10_000);
    expect(wakings(second.events).at(-1)).toMatchObject({ place: 2 });
    stop.abort(new Error('stopped'));
    await exchange();
    expect((await first.outcome).error).toEqual(new Error('stopped'));
    expect(wakings(second.events).at(-1)).toMatchObject({ place: 1 });
    expect((await bench.until(second.outcome)).text).toBe('ok');
  });

  it('end the wake-up when the last of them stops', async () => {
    bench = await Bench.start({ coldStartMs: 60_000 });
    const stops = [new AbortController(), new AbortController()];
    const asked = stops.map(({ signal }) => bench.ask('Hi', { signal }));
    await bench.pass(5_000);
    for (const stop of stops) stop.abort(new Error('stopped'));
    await Promise.all(asked.map(({ outcome }) => outcome));
    const before = knocks().length;
    await bench.pass(10_000);
    expect(knocks()).toHaveLength(before);
  });

  it('are all told when it does not wake, and can ask again', async () => {
    bench = await Bench.start({ coldStartMs: 400_000 }, { wakeDeadlineMs: 300_000 });
    const asked = [bench.ask('Hi'), bench.ask('Hello')];
    const outcomes = await bench.until(Promise.all(asked.map(({ outcome }) => outcome)), 250);
    expect(outcomes.map((outcome) => modelError(outcome).fault)).toEqual(['never-woke', 'never-woke']);
    expect((await bench.until(bench.ask('Repeat after me: ok').outcome, 250)).text).toBe('ok');
  });

  it('are all told at once when the keys are wrong', async () => {
    bench = await Bench.start({ proxyKey: 'wk-1', proxySecret: 'ws-1' }, { proxyKey: 'wk-2' });
    const outcomes = await Promise.all([bench.ask('Hi').outcome, bench.ask('Hello').outcome]);
    expect(outcomes.map((outcome) => modelError(outcome).fault)).toEqual(['refused', 'refused']);
    expect(bench.server.state.phase).toBe('asleep');
  });
});

describe('a model that is awake', () => {
  it('is never called waking, however long its first word takes', async () => {
    bench = await Bench.start({ awake: true, firstTokenMs: 30_000 });
    const { events, text } = await bench.answer('Repeat after me: ok');
    expect(text).toBe('ok');
    expect(wakings(events)).toEqual([]);
  });

  it('is never called waking, however long its headers take', async () => {
    bench = await Bench.start({ awake: true });
    bench.server.faults.add({ on: 'POST /v1/chat/completions', act: { type: 'delay', ms: 40_000 } });
    const { events, text } = await bench.answer('Repeat after me: ok');
    expect(text).toBe('ok');
    expect(wakings(events)).toEqual([]);
  });

  it('is asked directly when it has just answered', async () => {
    bench = await Bench.start({ awake: true });
    await bench.answer('Hi');
    await bench.answer('Hi');
    expect(knocks()).toHaveLength(1);
  });

  it('is asked directly while another answer streams', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 2 });
    bench.ask('Write 1000 characters');
    await bench.pass(40_000);
    await bench.answer('Repeat after me: ok');
    expect(knocks()).toHaveLength(1);
  });

  it('may still end an old answer while new questions find nobody, as in a deploy', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 2 });
    bench.ask('Write 1000 characters');
    await bench.pass(5_000);
    const nobody = { type: 'answer', status: 503 } as const;
    bench.server.faults.add({ on: 'POST /v1/chat/completions', act: nobody });
    bench.server.faults.add({ on: 'GET /v1/models', act: nobody, times: 20 });
    const { text, events } = await bench.answer('Repeat after me: ok');
    expect(text).toBe('ok');
    expect(wakings(events).at(-1)!.elapsedMs).toBeGreaterThan(19_000);
  });

  it.each(['server', 'web_server', 'none'] as const)(
    'but fell asleep since its last answer, behind %s, is woken again',
    async (front) => {
      bench = await Bench.start({ front, awake: true, scaledownWindowMs: 2_000, coldStartMs: 30_000 });
      await bench.answer('Hi');
      await bench.pass(3_000);
      expect(bench.server.state.phase).toBe('asleep');
      const { text, events } = await bench.answer('Repeat after me: ok');
      expect(text).toBe('ok');
      expect(wakings(events).length).toBeGreaterThan(25);
    },
  );
});

describe('a question held by a sleeping web_server', () => {
  const asleep = { front: 'web_server', awake: true, scaledownWindowMs: 2_000 } as const;

  it('is waited for as long as the wake-up takes', async () => {
    bench = await Bench.start({ ...asleep, coldStartMs: 400_000 });
    await bench.answer('Hi');
    await bench.pass(3_000);
    expect((await bench.until(bench.ask('Repeat after me: ok').outcome, 250)).text).toBe('ok');
    expect(bench.server.generations).toHaveLength(2);
  });

  it('is taken back when the model does not wake in time', async () => {
    bench = await Bench.start({ ...asleep, coldStartMs: 100_000 }, { wakeDeadlineMs: 60_000 });
    await bench.answer('Hi');
    await bench.pass(3_000);
    const outcome = await bench.answer('Repeat after me: ok');
    expect(modelError(outcome).fault).toBe('never-woke');
    await bench.pass(60_000);
    expect(bench.server.generations).toHaveLength(1);
  });
});

describe('waking without a question', () => {
  it('starts a container and resolves when it is awake', async () => {
    bench = await Bench.start({ coldStartMs: 20_000 });
    await bench.until(bench.model.wake(new AbortController().signal));
    expect(bench.server.state.phase).toBe('awake');
    expect(bench.server.chats).toEqual([]);
  });

  it('is nobody in line: a question that comes meanwhile is the first', async () => {
    bench = await Bench.start({ coldStartMs: 20_000 });
    const awake = bench.model.wake(new AbortController().signal);
    await bench.pass(2_000);
    const first = bench.ask('Hi');
    const second = bench.ask('Hi');
    await bench.until(Promise.all([awake, first.outcome, second.outcome]));
    expect(new Set(wakings(first.events).map(({ place }) => place))).toEqual(new Set([1]));
    expect(wakings(second.events)[0]!.place).toBe(2);
  });
});

describe('the usual time', () => {
  it('is the median of the newest cold starts, and slow is their 90th percentile', () => {
    expect(usualTime([])).toEqual({ usualMs: undefined, slowMs: undefined });
    expect(usualTime([7])).toEqual({ usualMs: 7, slowMs: 7 });
    expect(usualTime([5, 1, 2, 4, 3, 6, 10, 8, 9, 7])).toEqual({ usualMs: 5, slowMs: 9 });
    const old = Array.from({ length: 30 }, () => 1_000);
    expect(usualTime([...old, ...Array.from({ length: 20 }, () => 10)])).toEqual({ usualMs: 10, slowMs: 10 });
  });
});
