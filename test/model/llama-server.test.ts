import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createModel } from '../../src/model/client.ts';
import type { ModelEvent } from '../../src/model/model.ts';

const installed = spawnSync('llama-server', ['--version']).status === 0;
const weights = process.env.LLAMA_SERVER_MODEL;
const missing = !installed
  ? 'there is no llama-server on the PATH'
  : !weights && 'LLAMA_SERVER_MODEL names no GGUF file';

describe(`a real llama-server${missing ? ` (skipped: ${missing})` : ''}`, () => {
  it.skipIf(missing)('is waited for while it loads, and then streams', { timeout: 300_000 }, async () => {
    const port = await freePort();
    const args = ['--model', weights!, '--port', String(port), '--ctx-size', '2048', '--jinja'];
    const server = spawn('llama-server', args, { stdio: 'ignore' });
    const model = createModel({
      baseUrl: `http://127.0.0.1:${port}/v1`,
      name: 'any',
      maxTokens: 32,
      clock: systemClock,
      log: pino({ level: 'silent' }),
    });
    try {
      const events: ModelEvent[] = [];
      const { signal } = new AbortController();
      const messages = [{ role: 'user' as const, content: 'Count from one to five.' }];
      for await (const event of model.chat({ messages, signal })) events.push(event);
      const types = new Set(events.map(({ type }) => type));
      expect(types.has('text') || types.has('reasoning')).toBe(true);
      expect(events.find(({ type }) => type === 'usage')).toMatchObject({
        promptTokens: expect.any(Number),
        completionTokens: expect.any(Number),
      });
      expect(events.at(-1)?.type).toBe('done');
    } finally {
      await model.close();
      server.kill();
      await once(server, 'exit');
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
