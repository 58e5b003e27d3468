import { readFileSync } from 'node:fs';
import type { Fault } from '../../sandbox/faults.ts';
import type { SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import type { StreamFault } from '../../sandbox/model/stream-faults.ts';
import { leftOut } from '../../src/bot/words.ts';
import type { ModelFault } from '../../src/model/model.ts';

/** The fault matrix: what goes wrong at the endpoint, and what the person in the chat sees of it. */

const CHAT = 'POST /v1/chat/completions';
export const QUESTION = 'Repeat after me: one two three four five';
export const WHOLE = 'one two three four five';

export interface Row {
  readonly name: string;
  /** Asked in place of {@link QUESTION}. */
  readonly asks?: string;
  /** Asked and answered before, in the same conversation. */
  readonly earlier?: readonly string[];
  readonly server?: SleepingModelOptions;
  /** On the first chat request, or on all of them. */
  readonly stream?: StreamFault | readonly StreamFault[];
  readonly fault?: Fault;
  readonly always?: boolean;
  /** What the person sees; the whole answer by default. */
  readonly text?: string;
  /** And what they are told: why it failed, or what came of it. */
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
/** A context that is too small, in the words of each server and version. */
const TOO_LONG: { name: string; status: number; body: unknown }[] = JSON.parse(
  readFileSync(new URL('../fixtures/refusals.json', import.meta.url), 'utf8'),
).filter(({ name }: { name: string }) => name.includes('too long'));
const HTML = '<!doctype html><html><body><h1>Welcome</h1></body></html>';

/** What is over in a moment: the person sees nothing of it. */
export const MENDED: Row[] = [
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
  ...TOO_LONG.map(({ name, status, body }) => ({
    name: `${name}, with earlier turns to leave out`,
    earlier: ['Write 6000 characters', 'Write 6000 characters again'],
    fault: { ...answer(status, body), skip: 2 },
    told: leftOut,
    requests: 4,
  })),
];

const SERVER_ERROR = 'The model server failed with an error of its own. Try again.';
const NO_CHAT = 'There is no chat model at the configured address. Tell whoever runs the bot.';
const BROKE = 'The connection to the model broke before the answer was complete.';
const GARBAGE = 'The model server sent something that is no answer. Try again.';

/** What the person has to be told. */
export const TOLD: Row[] = [
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
  ...TOO_LONG.map(({ name, status, body }) => ({
    name: `${name}, the question alone`,
    asks: `Repeat after me: ${'why '.repeat(3_000)}`,
    fault: answer(status, body),
    kind: 'too-long' as const,
    // llama-server says what it counted, which is more than was guessed.
    told: `That is too long for this model, which takes about ${name.startsWith('llama') ? '9,000' : '10,000'} characters. Send less at once.`,
    requests: 1,
  })),
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
