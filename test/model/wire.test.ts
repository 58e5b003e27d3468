import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { systemClock } from '../../src/clock.ts';
import { createModel } from '../../src/model/client.ts';
import { type Model, ModelError, type ModelEvent } from '../../src/model/model.ts';
import { type Recording, type Replay, replay } from './replay.ts';

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');

let server: Replay | undefined;
let model: Model | undefined;
afterEach(async () => {
  await model?.close();
  await server?.close();
});

async function play(recording: Recording): Promise<{ events: ModelEvent[]; error: unknown }> {
  server = await replay(recording);
  model = createModel({
    baseUrl: server.baseUrl,
    name: 'pilotlight',
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  const events: ModelEvent[] = [];
  const { signal } = new AbortController();
  try {
    await model.chat({ messages: [{ role: 'user', content: 'Hi' }], signal }, (event) => events.push(event));
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

const textOf = (events: readonly ModelEvent[], type: 'text' | 'reasoning') =>
  events.map((event) => (event.type === type ? event.text : '')).join('');

/** As one piece, in pieces that cut events, and byte by byte, which cuts every code point. */
const PIECES = [undefined, 7, 1];

describe.each(PIECES)('what the servers send, %s bytes at a time', (pieces) => {
  it.each([
    ['vllm', { promptTokens: 21, completionTokens: 7 }],
    ['llama-server', { promptTokens: 8, completionTokens: 9 }],
  ])('%s: an answer', async (name, usage) => {
    const { events, error } = await play({ body: fixture(`${name}-chat.sse`), ...(pieces && { pieces }) });
    expect(error).toBeUndefined();
    expect(textOf(events, 'text')).toBe('Hello, wörld 👩‍💻!');
    expect(events.slice(-2)).toEqual([
      { type: 'usage', ...usage },
      { type: 'done', reason: 'stop' },
    ]);
  });

  it.each(['vllm', 'llama-server'])('%s: reasoning', async (name) => {
    const { events } = await play({ body: fixture(`${name}-reasoning.sse`), ...(pieces && { pieces }) });
    expect(textOf(events, 'reasoning')).toBe('Let me see.');
    expect(textOf(events, 'text')).toBe('Four.');
  });

  it.each([
    ['vllm-error.sse', 'The model server failed in the middle of the answer.'],
    ['llama-server-error.sse', 'The model server failed in the middle of the answer.'],
    ['vllm-abort.sse', 'The model server stopped in the middle of the answer.'],
  ])('%s: keeps the text and says what happened', async (name, message) => {
    const { events, error } = await play({ body: fixture(name), ...(pieces && { pieces }) });
    expect(textOf(events, 'text')).toBe('One');
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).message).toBe(message);
  });
});

describe('an answer at the token limit', () => {
  it.each([
    ['vllm', 'One two three'],
    ['llama-server', 'on and on'],
  ])('says so (%s)', async (name, text) => {
    const { events } = await play({ body: fixture(`${name}-length.sse`) });
    expect(textOf(events, 'text')).toBe(text);
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'length' });
  });
});

describe('refusals', () => {
  const refusals: { name: string; status: number; body: unknown }[] = JSON.parse(fixture('refusals.json'));
  const expected: [RegExp, ModelError['fault'], RegExp][] = [
    [/too long/, 'too-long', /too long for this model, which takes about \d+,000 characters\. Send less/],
    [/unknown model/, 'misconfigured', /no model of the configured name\. Tell whoever runs the bot/],
    [/wrong key/, 'refused', /did not accept this bot’s key\. Tell whoever runs the bot/],
    [/image/, 'pictures', /cannot read the pictures\. Ask in words, or share them as PNG or JPEG/],
  ];
  const cases = refusals.flatMap(({ name, status, body }) => {
    const row = expected.find(([pattern]) => pattern.test(name));
    return row ? [{ name, status, body, fault: row[1], message: row[2] }] : [];
  });

  it.each(cases)('$name', async ({ status, body, fault, message }) => {
    const { error } = await play({ status, contentType: 'application/json', body: JSON.stringify(body) });
    expect(error).toMatchObject({ fault, message: expect.stringMatching(message) });
  });
});

describe('the stand-in', () => {
  /** The shape of a value: its keys and the types below them, without the values. */
  const shape = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shape);
    if (value === null || typeof value !== 'object') return value === null ? null : typeof value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
  };
  const events = (text: string) =>
    text
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)));

  it.each(['vllm', 'llama-server'] as const)('speaks as %s does', async (dialect) => {
    const standIn = await SleepingModel.start({
      dialect,
      awake: true,
      tokensPerSecond: Number.POSITIVE_INFINITY,
      firstTokenMs: 0,
    });
    const answer = await fetch(`${standIn.baseUrl}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        messages: [{ role: 'user', content: 'Repeat after me: ok' }],
        stream: true,
        stream_options: { include_usage: true },
      }),
    });
    const said = events(await answer.text());
    await standIn.close();
    const recorded = events(fixture(`${dialect}-chat.sse`));
    const pick = (list: unknown[]) => [list[0], list[1], list.at(-2), list.at(-1)].map(shape);
    expect(pick(said)).toEqual(pick(recorded));
  });
});
