import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { systemClock } from '../../src/clock.ts';
import { createModel, type WakeableModel } from '../../src/model/client.ts';
import type { ChatMessage, ModelEvent } from '../../src/model/model.ts';
import { Answers, discordChannel, slackChannel } from '../e2e/support.ts';
import { chainGguf } from './chain-gguf.ts';

const installed = spawnSync('llama-server', ['--version']).status === 0;
const HELLO = 'Hello, wörld 👩‍💻!';

describe(`a real llama-server${installed ? '' : ' (skipped: there is none on the PATH)'}`, () => {
  let folder: string;
  let server: ChildProcess;
  let baseUrl: string;
  let model: WakeableModel;
  const log = pino({ level: 'silent' });

  beforeAll(async () => {
    if (!installed) return;
    folder = await mkdtemp(join(tmpdir(), 'pilotlight-llama-'));
    await writeFile(join(folder, 'chain.gguf'), chainGguf());
    const port = await freePort();
    baseUrl = `http://127.0.0.1:${port}/v1`;
    const args = [
      '--model',
      join(folder, 'chain.gguf'),
      '--port',
      String(port),
      '--ctx-size',
      '512',
      '--jinja',
    ];
    server = spawn('llama-server', [...args, '--no-kv-unified', '--parallel', '1'], { stdio: 'ignore' });
  });
  afterAll(async () => {
    if (!installed) return;
    server.kill();
    await once(server, 'exit');
    await rm(folder, { recursive: true });
  });
  afterEach(() => model?.close());

  async function ask(
    messages: string | readonly ChatMessage[],
    options = {},
    signal = new AbortController().signal,
    onText = () => {},
  ) {
    model = createModel({ baseUrl, name: 'any', maxTokens: 32, clock: systemClock, log, ...options });
    const events: ModelEvent[] = [];
    const list = typeof messages === 'string' ? [{ role: 'user' as const, content: messages }] : messages;
    let trimmed = 0;
    const onTrimmed = (count: number) => {
      trimmed = count;
    };
    await model.chat({ messages: list, signal, onTrimmed }, (event) => {
      events.push(event);
      if (event.type === 'text') onText();
    });
    const joined = (type: 'text' | 'reasoning') =>
      events.map((event) => (event.type === type ? event.text : '')).join('');
    return { events, text: joined('text'), reasoning: joined('reasoning'), trimmed };
  }

  it.skipIf(!installed)('is waited for while it loads, and then streams', { timeout: 60_000 }, async () => {
    const { text, events } = await ask('Hi');
    expect(text).toBe(HELLO);
    expect(events.slice(-2)).toEqual([
      { type: 'usage', promptTokens: expect.any(Number), completionTokens: 9 },
      { type: 'done', reason: 'stop' },
    ]);
  });

  it.skipIf(!installed)('thinks apart from its answer', async () => {
    const { text, reasoning } = await ask('think');
    expect(reasoning).toBe('Let me see.');
    expect(text).toBe('Four.');
  });

  it.skipIf(!installed)('says when an answer was cut at its limit', async () => {
    const { text, events } = await ask('on and on');
    expect(text).toBe(' on and'.repeat(16).trim());
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'length' });
  });

  it.skipIf(!installed)(
    'refuses what is too long; the oldest turns are left out and it is asked again',
    async () => {
      const turns = Array.from({ length: 6 }, (_, index): ChatMessage[] => [
        { role: 'user', content: `${index} ${'x'.repeat(100)}` },
        { role: 'assistant', content: 'Yes.' },
      ]);
      const { text, trimmed } = await ask([...turns.flat(), { role: 'user', content: 'Hi' }]);
      expect(text).toBe(HELLO);
      expect(trimmed).toBeGreaterThanOrEqual(4);
      const tooLong = ask('x'.repeat(3_000));
      await expect(tooLong).rejects.toThrow(/^That is too long for this model/);
    },
  );

  it.skipIf(!installed)('says that it reads no images', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } } as const;
    const asked = ask([{ role: 'user', content: [{ type: 'text', text: 'This?' }, image] }]);
    await expect(asked).rejects.toThrow('The model server cannot read the pictures.');
  });

  it.skipIf(!installed)('stops when the answer is stopped: its one slot is free for the next', async () => {
    const stop = new AbortController();
    const atFirstText = () => stop.abort(new Error('stopped'));
    const endless = ask('on and on', { maxTokens: 100_000 }, stop.signal, atFirstText);
    await expect(endless).rejects.toThrow('stopped');
    expect((await ask('Hi')).text).toBe(HELLO);
  });

  it.skipIf(!installed)('sends what test/fixtures has recorded', async () => {
    for (const [question, name] of [
      ['Hi', 'chat'],
      ['think', 'reasoning'],
    ] as const) {
      const body = JSON.stringify({
        messages: [{ role: 'user', content: question }],
        max_tokens: 32,
        stream: true,
        stream_options: { include_usage: true },
      });
      const said = await (await fetch(`${baseUrl}/chat/completions`, { method: 'POST', body })).text();
      const recorded = await readFile(
        new URL(`../fixtures/llama-server-${name}.sse`, import.meta.url),
        'utf8',
      );
      expect(shapes(said)).toEqual(shapes(recorded));
    }
  });

  it.skipIf(!installed)('answers in both chats', { timeout: 60_000 }, async (test) => {
    const sandbox = await startSandbox({ log, env: { MODEL_BASE_URL: baseUrl, SHUTDOWN_SECONDS: '0' } });
    test.onTestFinished(() => sandbox.close());
    for (const place of [slackChannel, discordChannel]) {
      await place.ask(sandbox, 'Hi');
      expect((await new Answers(place.fake(sandbox), place.channel(sandbox)).end()).text).toBe(HELLO);
    }
  });
});

/** What a stream's events say, without what differs from run to run. */
function shapes(stream: string): unknown[] {
  const fixed = new Set(['created', 'id', 'model', 'system_fingerprint']);
  return stream
    .split('\n\n')
    .filter(Boolean)
    .map((event) => {
      if (!event.startsWith('data: {')) return event;
      return JSON.parse(event.slice(6), (key, value) => {
        if (fixed.has(key)) return typeof value;
        return typeof value === 'number' ? 0 : value;
      });
    });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
