/**
 * Child of the ingest bench: reads all streams with one client and sends its CPU time a chunk back.
 * argv: client, base URL, streams, chunks, rounds
 */
import { createParser } from 'eventsource-parser';
import { pino } from 'pino';
import { Pool } from 'undici';
import { systemClock } from '../src/clock.ts';
import { createModel } from '../src/model/client.ts';

const [client, baseUrl, streams, chunks, rounds] = process.argv.slice(2) as [string, string, ...string[]];
const count = Number(streams);
const expected = Number(chunks) * ' word'.length;
const messages = [{ role: 'user' as const, content: 'Hi' }];
const request = { model: 'pilotlight', messages, stream: true, stream_options: { include_usage: true } };

/** Reads one answer and returns its length, characters. */
type Ask = () => Promise<number>;

/** Peers live in bench/node_modules and have no types here. */
// biome-ignore lint/suspicious/noExplicitAny: see above
const peer = (name: string): Promise<any> => import(name);

const clients: Record<string, () => Ask | Promise<Ask>> = {
  bytes: () => {
    const post = poster();
    return async () => {
      for await (const _ of await post());
      return expected;
    };
  },
  parser: () => {
    const post = poster();
    return async () => {
      let length = 0;
      const decoder = new TextDecoder();
      const parser = createParser({
        onEvent: ({ data }) => {
          if (data !== '[DONE]') length += JSON.parse(data).choices[0]?.delta.content?.length ?? 0;
        },
      });
      for await (const bytes of await post()) parser.feed(decoder.decode(bytes, { stream: true }));
      return length;
    };
  },
  pilotlight: () => {
    const log = pino({ level: 'silent' });
    const model = createModel({ baseUrl, name: 'pilotlight', maxStreams: count, clock: systemClock, log });
    return async () => {
      let length = 0;
      const { signal } = new AbortController();
      await model.chat({ messages, signal }, (event) => {
        if (event.type === 'text') length += event.text.length;
      });
      return length;
    };
  },
  openai: async () => {
    const { OpenAI } = await peer('openai');
    const openai = new OpenAI({ baseURL: baseUrl, apiKey: 'none' });
    return async () => {
      let length = 0;
      for await (const chunk of await openai.chat.completions.create(request)) {
        length += chunk.choices[0]?.delta.content?.length ?? 0;
      }
      return length;
    };
  },
  ai: async () => {
    const { streamText } = await peer('ai');
    const { createOpenAICompatible } = await peer('@ai-sdk/openai-compatible');
    const provider = createOpenAICompatible({ name: 'bench', baseURL: baseUrl, includeUsage: true });
    return async () => {
      let length = 0;
      for await (const text of streamText({ model: provider('pilotlight'), messages }).textStream) {
        length += text.length;
      }
      return length;
    };
  },
};

function poster() {
  const { origin, pathname } = new URL(`${baseUrl}/chat/completions`);
  const pool = new Pool(origin, { allowH2: false, headersTimeout: 0, bodyTimeout: 0 });
  const headers = { 'content-type': 'application/json' };
  return async () => {
    const body = JSON.stringify(request);
    return (await pool.request({ path: pathname, method: 'POST', headers, body })).body;
  };
}

const ask = await clients[client]!();
/** The best round counts: the first ones warm the code up, and other programs only ever add to one. */
let best = Number.POSITIVE_INFINITY;
for (let round = 0; round < Number(rounds); round += 1) {
  const before = process.cpuUsage();
  const lengths = await Promise.all(Array.from({ length: count }, ask));
  const { user, system } = process.cpuUsage(before);
  if (lengths.some((length) => length !== expected)) throw new Error(`${client} lost text: ${lengths[0]}`);
  best = Math.min(best, user + system);
}
process.send?.(best / count / Number(chunks), () => process.exit());
