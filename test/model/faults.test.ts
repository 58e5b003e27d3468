import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../sandbox/faults.ts';
import type { SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import type { StreamFault } from '../../sandbox/model/stream-faults.ts';
import type { ModelFault } from '../../src/model/model.ts';
import { askInChat } from './in-chat.ts';
import { Bench, exchange, modelError, wakings } from './support.ts';

let bench: Bench;
afterEach(() => bench.close());

const CHAT = 'POST /v1/chat/completions';
const QUESTION = 'Repeat after me: one two three four five';
const WHOLE = 'one two three four five';

interface Row {
  readonly name: string;
  readonly server?: SleepingModelOptions;
  /** On the first chat request, or on all of them. */
  readonly stream?: StreamFault | readonly StreamFault[];
  readonly fault?: Fault;
  readonly always?: boolean;
  /** What the person sees; the whole answer by default. */
  readonly text?: string;
  /** And what they are told, where it failed. */
  readonly told?: string;
  readonly kind?: ModelFault;
  /** Chat requests that were sent. */
  readonly requests?: number;
  /** How long it took until then, ms. */
  readonly within?: number;
}

const answer = (status: number, body?: unknown, headers?: Record<string, string>): Fault => ({
  on: CHAT,
  act: { type: 'answer', status, body, ...(headers && { headers }) },
});
const HTML = '<!doctype html><html><body><h1>Welcome</h1></body></html>';

/** What is over in a moment: the person sees nothing of it. */
const MENDED: Row[] = [
  { name: 'a reset before the headers', fault: { on: CHAT, act: { type: 'reset' } }, requests: 2 },
  { name: 'a reset in the headers', stream: { type: 'reset-in-headers' }, requests: 2 },
  { name: 'an answer lost on the way', fault: { on: CHAT, act: { type: 'lose-answer' } }, requests: 2 },
  { name: 'a cut before the first word', stream: { type: 'cut', after: 0, how: 'reset' }, requests: 2 },
  { name: 'a quiet end before the first word', stream: { type: 'cut', after: 0, how: 'end' }, requests: 2 },
  { name: 'an empty stream', stream: { type: 'empty' }, requests: 2 },
  {
    name: '429 with Retry-After',
    fault: answer(429, {}, { 'retry-after': '7' }),
    requests: 2,
    within: 9_000,
  },
  { name: '408', fault: answer(408), requests: 2 },
  { name: '502', fault: answer(502), requests: 2 },
  { name: '503', fault: answer(503), requests: 2 },
  { name: '504', fault: answer(504), requests: 2 },
  { name: 'a slow answer', fault: { on: CHAT, act: { type: 'delay', ms: 60_000 } }, requests: 1 },
  { name: 'a slow drip of single bytes', stream: { type: 'drip', bytes: 1, everyMs: 5 }, requests: 1 },
  { name: 'code points split between writes', stream: { type: 'drip', bytes: 3, everyMs: 0 }, requests: 1 },
  { name: 'text in the finish chunk', stream: { type: 'text-in-finish' }, requests: 1 },
  { name: 'empty deltas', stream: { type: 'empty-deltas', count: 50 }, requests: 1 },
  {
    name: 'an unknown kind of line',
    stream: { type: 'bytes', after: 2, bytes: 'retry: soon\nhello: you\n\n' },
  },
  { name: 'a 303 chain of 1 hop', stream: { type: 'redirects', hops: 1 } },
  { name: 'a 303 chain of 5 hops', stream: { type: 'redirects', hops: 5 } },
  { name: 'a 303 chain of 40 hops', stream: { type: 'redirects', hops: 40 } },
];

const SERVER_ERROR = 'The model server failed with an error of its own. Try again.';
const NO_CHAT = 'There is no chat model at the configured address. Tell whoever runs the bot.';
const BROKE = 'The connection to the model broke before the answer was complete.';
const GARBAGE = 'The model server sent something that is no answer. Try again.';

/** What the person has to be told. */
const TOLD: Row[] = [
  {
    name: '400',
    fault: answer(400, { error: { message: 'bad', type: 'BadRequestError', param: null, code: 400 } }),
    kind: 'failed',
    told: 'The model server refused the question. Put it another way, or start a new conversation.',
    requests: 1,
  },
  {
    name: '400 that quotes the question, which stays out of the log',
    fault: answer(400, {
      error: { message: `[{'loc': ('body', 'messages'), 'msg': 'Bad', 'input': '${QUESTION}'}]`, code: 400 },
    }),
    kind: 'failed',
    told: 'The model server refused the question. Put it another way, or start a new conversation.',
    requests: 1,
  },
  {
    name: '401',
    fault: answer(401, { error: 'Unauthorized' }),
    kind: 'refused',
    told: 'The model server did not accept this bot’s key. Tell whoever runs the bot.',
    requests: 1,
  },
  {
    name: '403 from Modal, as plain text',
    fault: answer(403, 'modal-http: not allowed'),
    kind: 'refused',
    told: 'The model server did not accept this bot’s key. Tell whoever runs the bot.',
    requests: 1,
  },
  { name: '404 in HTML', fault: answer(404, HTML), kind: 'misconfigured', told: NO_CHAT, requests: 1 },
  { name: '405', fault: answer(405, { detail: 'Method Not Allowed' }), kind: 'misconfigured', told: NO_CHAT },
  {
    name: '413',
    fault: answer(413),
    kind: 'too-long',
    told: 'That is more than the model server takes. Send less at once.',
    requests: 1,
  },
  {
    name: '429 again and again',
    fault: answer(429),
    always: true,
    kind: 'busy',
    told: 'The model server has too much to do right now. Try again in a minute.',
    requests: 5,
    within: 20_000,
  },
  {
    name: '429 with a Retry-After beyond patience',
    fault: answer(429, {}, { 'retry-after': '3600' }),
    kind: 'busy',
    told: 'The model server has too much to do right now. Try again in a minute.',
    requests: 1,
    within: 1_000,
  },
  {
    name: '503 for questions only',
    fault: answer(503),
    always: true,
    kind: 'failed',
    told: 'The model server answers, but cannot take questions. Try again in a minute.',
    requests: 5,
    within: 30_000,
  },
  { name: '500', fault: answer(500), kind: 'failed', told: SERVER_ERROR, requests: 1 },
  { name: '500 in HTML', fault: answer(500, HTML), kind: 'failed', told: SERVER_ERROR, requests: 1 },
  {
    name: 'an HTML page with status 200',
    fault: answer(200, HTML),
    kind: 'misconfigured',
    told: 'What stands at the model’s address is no chat model. Tell whoever runs the bot.',
    requests: 1,
  },
  {
    name: '301',
    fault: answer(301, '', { location: 'https://example.org/' }),
    kind: 'misconfigured',
    told: 'The model’s address has moved. Tell whoever runs the bot.',
    requests: 1,
  },
  {
    name: 'resets again and again',
    fault: { on: CHAT, act: { type: 'reset' } },
    always: true,
    kind: 'unreachable',
    told: 'The connection to the model breaks before it answers. Try again.',
    requests: 5,
  },
  {
    name: '200, then nothing',
    stream: { type: 'silence', after: 0 },
    kind: 'failed',
    told: 'The model has been silent for 2 minutes. Try again.',
    requests: 1,
    within: 123_000,
  },
  {
    name: '200, then pings only',
    stream: { type: 'silence', after: 0, pingMs: 10_000 },
    kind: 'failed',
    told: 'The model has been silent for 2 minutes. Try again.',
    requests: 1,
    within: 123_000,
  },
  {
    name: 'nothing at all',
    fault: { on: CHAT, act: { type: 'delay', ms: 1_000_000 } },
    kind: 'failed',
    told: 'The model has been silent for 2 minutes. Try again.',
    requests: 1,
    within: 126_000,
  },
  {
    name: 'silence after three words',
    stream: { type: 'silence', after: 3, pingMs: 10_000 },
    text: 'one two three',
    kind: 'failed',
    told: 'The model has been silent for 60 seconds. Try again.',
    requests: 1,
    within: 63_000,
  },
  {
    name: 'an empty stream again and again',
    stream: { type: 'empty' },
    always: true,
    kind: 'cut',
    told: BROKE,
    requests: 5,
  },
  {
    name: 'a cut after three words',
    server: { tokensPerSecond: 20 },
    stream: { type: 'cut', after: 3, how: 'reset' },
    text: 'one two three',
    kind: 'cut',
    told: BROKE,
    requests: 1,
  },
  {
    name: 'a quiet end after three words, which looks like a clean one',
    stream: { type: 'cut', after: 3, how: 'end' },
    text: 'one two three',
    kind: 'cut',
    told: BROKE,
    requests: 1,
  },
  {
    name: 'an error object before the first word',
    stream: { type: 'error', after: 0 },
    kind: 'failed',
    told: 'The model server failed in the middle of the answer.',
    requests: 1,
  },
  {
    name: 'an error object in mid-stream, with [DONE] after it',
    stream: { type: 'error', after: 3 },
    text: 'one two three',
    kind: 'failed',
    told: 'The model server failed in the middle of the answer.',
    requests: 1,
  },
  {
    name: 'the finish reason abort',
    stream: { type: 'finish', after: 3, reason: 'abort' },
    text: 'one two three',
    kind: 'failed',
    told: 'The model server stopped in the middle of the answer.',
    requests: 1,
  },
  {
    name: 'a finish reason nobody knows',
    stream: { type: 'finish', after: 3, reason: 'content_filter' },
    text: 'one two three',
    kind: 'failed',
    told: 'The model server stopped in the middle of the answer.',
    requests: 1,
  },
  { name: 'no [DONE]', stream: { type: 'no-done' }, text: WHOLE, kind: 'cut', told: BROKE, requests: 1 },
  { name: 'no finish reason', stream: { type: 'no-finish' }, text: WHOLE, kind: 'cut', told: BROKE },
  {
    name: 'invalid JSON',
    stream: { type: 'bytes', after: 3, bytes: 'data: {"choices":[{"delta":\n\n' },
    text: 'one two three',
    kind: 'failed',
    told: GARBAGE,
  },
  {
    name: 'JSON of another shape',
    stream: { type: 'bytes', after: 3, bytes: 'data: {"choices":"none"}\n\n' },
    text: 'one two three',
    kind: 'failed',
    told: GARBAGE,
  },
  {
    name: 'a line of 10 MB',
    stream: { type: 'bytes', after: 3, bytes: `data: "${'x'.repeat(10_000_000)}"\n\n` },
    text: 'one two three',
    kind: 'failed',
    told: GARBAGE,
  },
  {
    name: 'a line that never ends',
    stream: [
      { type: 'bytes', after: 3, bytes: `data: ${'x'.repeat(3_000_000)}` },
      { type: 'silence', after: 3 },
    ],
    text: 'one two three',
    kind: 'failed',
    told: GARBAGE,
    within: 1_000,
  },
];

/** Switches a row's faults on and asks, in a chat. */
async function play(row: Row) {
  bench = await Bench.start({ awake: true, ...row.server });
  const times = row.always ? Number.POSITIVE_INFINITY : 1;
  for (const fault of [row.stream ?? []].flat()) bench.server.streamFaults.add(fault, times);
  if (row.fault) bench.server.faults.add({ ...row.fault, times });
  const outcome = await askInChat(bench, QUESTION);
  const requests = bench.server.chats.filter(({ method }) => method === 'POST').length;
  if (row.requests !== undefined) expect(requests).toBe(row.requests);
  if (row.within !== undefined) expect(outcome.ms).toBeLessThanOrEqual(row.within);
  expect(outcome.log).not.toContain('Repeat after me');
  return outcome;
}

describe('the whole answer comes in spite of', () => {
  it.each(MENDED)('$name', async (row) => {
    const { shown, buttons, error, events } = await play(row);
    expect(shown).toEqual([WHOLE]);
    expect(buttons).toEqual([]);
    expect(error).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'stop' });
  });

  it('bytes that are no UTF-8, which show as �', async () => {
    const start = Buffer.from('data: {"choices":[{"delta":{"content":" a');
    const bytes = Buffer.concat([start, Buffer.from([0xff, 0xfe]), Buffer.from('b"}}]}\n\n')]);
    const { shown } = await play({ name: '', stream: { type: 'bytes', after: 2, bytes } });
    expect(shown).toEqual(['one two a��b three four five']);
  });
});

describe('the person keeps what came and is told why it ended', () => {
  it.each(TOLD)('$name', async (row) => {
    const outcome = await play(row);
    expect(outcome.shown).toEqual([row.text ? `${row.text} | ⚠️ ${row.told}` : `⚠️ ${row.told}`]);
    expect(outcome.buttons).toEqual(row.text ? ['continue', 'retry'] : ['retry']);
    expect(modelError(outcome).fault).toBe(row.kind);
    expect(outcome.events.some(({ type }) => type === 'done')).toBe(false);
  });

  it('a 303 chain without end, which is not followed in haste', async () => {
    bench = await Bench.start({ awake: true });
    bench.server.streamFaults.add({ type: 'redirects', hops: 1_000_000 });
    const outcome = await bench.answer(QUESTION);
    expect(modelError(outcome).message).toBe('The model has been silent for 2 minutes. Try again.');
    expect(bench.server.requests.length).toBeLessThan(200);
  });

  it('an endless answer', async () => {
    bench = await Bench.start(
      { awake: true, tokensPerSecond: 1_000 },
      { limits: { maxText: 5_000 }, maxTokens: 20_000 },
    );
    const outcome = await bench.answer('Write 20000 characters');
    expect(modelError(outcome).message).toBe('The answer grew without end and was stopped.');
    expect(outcome.text.length).toBeLessThanOrEqual(5_000);
    await exchange();
    expect(bench.server.generations[0]?.end).toBe('aborted');
  });

  it('an answer that takes longer than it may', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 5 }, { limits: { overallMs: 600_000 } });
    const outcome = await bench.until(bench.ask('Write 20000 characters').outcome, 500);
    expect(modelError(outcome).message).toBe('The answer took longer than 10 minutes and was stopped.');
    expect(outcome.text.length).toBeGreaterThan(5_000);
  });
});

describe('an address that is wrong', () => {
  it('says at once that a host does not exist', async () => {
    bench = await Bench.start({}, { baseUrl: 'http://no-such-host.invalid/v1' });
    const outcome = await bench.ask('Hi').outcome;
    expect(modelError(outcome)).toMatchObject({
      fault: 'unreachable',
      message: 'The model’s address cannot be reached. Tell whoever runs the bot.',
    });
  });

  it('says at once that what answers speaks no HTTP', async () => {
    const server = createServer((socket) => socket.end('220 mail.example.org ESMTP\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    bench = await Bench.start({}, { baseUrl: `http://127.0.0.1:${port}/v1` });
    const outcome = await bench.ask('Hi').outcome;
    expect(modelError(outcome).fault).toBe('unreachable');
    server.close();
  });

  it('says after two minutes that nothing ever answered there', async () => {
    bench = await Bench.start();
    await bench.server.close();
    const outcome = await bench.answer('Hi');
    expect(modelError(outcome).message).toBe(
      'Nothing answers at the model’s address. Tell whoever runs the bot.',
    );
    expect(bench.clock.monotonic()).toBeGreaterThanOrEqual(120_000);
    expect(bench.clock.monotonic()).toBeLessThan(125_000);
    expect(new Set(wakings(outcome.events).map(({ phase }) => phase))).toEqual(new Set(['requesting']));
  });

  it('never follows a redirect to another origin, nor sends keys there', async () => {
    const other = await Bench.start({ awake: true });
    const keys = { proxyKey: 'wk-1', proxySecret: 'ws-1', apiKey: 'key' };
    bench = await Bench.start({ awake: true, ...keys }, keys);
    bench.server.streamFaults.add({ type: 'redirects', hops: 1, to: other.server.origin });
    const outcome = await bench.answer('Hi');
    expect(modelError(outcome)).toMatchObject({
      fault: 'misconfigured',
      message:
        'The model’s address points to another host, and the bot’s keys are not sent there. ' +
        'Tell whoever runs the bot.',
    });
    expect(other.server.requests).toEqual([]);
    await other.close();
  });
});
