import dns from 'node:dns';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SeenRequest } from '../../sandbox/model/sleeping-model.ts';
import { Bench, exchange, modelError, wakings } from './support.ts';

let bench: Bench;
afterEach(() => bench.close());

const sessionSent = ({ headers }: SeenRequest) => headers['modal-session-id'];

describe('asking a model that is awake', () => {
  it('streams the answer, then the usage, then how it ended', async () => {
    bench = await Bench.start({ awake: true });
    const { events, text } = await bench.answer('Repeat after me: Hello, world');
    expect(text).toBe('Hello, world');
    expect(events.at(-2)).toEqual({ type: 'usage', promptTokens: expect.any(Number), completionTokens: 3 });
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'stop' });
    expect(wakings(events)).toEqual([]);
  });

  it('says when the answer was cut at the token limit', async () => {
    bench = await Bench.start({ awake: true }, { maxTokens: 3 });
    const { events, text } = await bench.answer('Repeat after me: one two three four');
    expect(text).toBe('one two three');
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'length' });
  });

  it.each(['vllm', 'llama-server'] as const)(
    'reads the reasoning of %s apart from the text',
    async (dialect) => {
      bench = await Bench.start({ awake: true, dialect });
      const { reasoning, text } = await bench.answer('Think, then make a list');
      expect(reasoning).toContain('Let me weigh it');
      expect(text).toMatch(/^1\. \*\*Ask\*\*/);
    },
  );

  it.each([
    ['vllm', {}],
    ['llama-server', {}],
    ['llama-server', { chat_template_kwargs: { enable_thinking: true } }],
  ] as const)('goes on from a cut answer on %s that is sent %j', async (dialect, extra) => {
    bench = await Bench.start({ awake: true, dialect }, { extra });
    const question = { role: 'user', content: 'A table, please' } as const;
    const whole = await bench.answer([question]);
    const soFar = { role: 'assistant', content: whole.text.slice(0, 30) } as const;
    const rest = await bench.answer([question, soFar], { continueFrom: true });
    expect(soFar.content + rest.text).toBe(whole.text);
  });

  it('sends images where the model takes them', async () => {
    bench = await Bench.start({ awake: true, vision: true });
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } } as const;
    const { text } = await bench.answer([
      { role: 'user', content: [{ type: 'text', text: 'This?' }, image] },
    ]);
    expect(text).toContain('I see 1 image');
  });

  it('sends the keys that the endpoint asks for', async () => {
    const keys = { proxyKey: 'wk-1', proxySecret: 'ws-1', apiKey: 'key' };
    bench = await Bench.start({ awake: true, ...keys }, keys);
    expect((await bench.answer('Repeat after me: ok')).text).toBe('ok');
  });

  describe('naming the conversation, which a Modal Server routes by', () => {
    // Every name is this machine.
    beforeEach(() => {
      const lookup = ((_name: string, _options: object, found: (error: null, at: object[]) => void) =>
        found(null, [{ address: '127.0.0.1', family: 4 }])) as typeof dns.lookup;
      vi.spyOn(dns, 'lookup').mockImplementation(lookup);
    });
    afterEach(() => vi.restoreAllMocks());

    it('is done at *.modal.direct, with the question alone, so that its turns reach one container', async () => {
      bench = await Bench.start(
        { coldStartMs: 3_000 },
        { host: 'workspace--app-server.us-east.modal.direct' },
      );
      for (const session of ['one', 'two', 'one']) await bench.answer('Repeat after me: ok', { session });
      const sent = (path: string) =>
        bench.server.requests.filter((request) => request.path === path).map(sessionSent);
      expect(sent('/v1/chat/completions')).toEqual(['one', 'two', 'one']);
      expect(new Set(sent('/v1/models'))).toEqual(new Set([undefined]));
    });

    it.each(['workspace--app-server.modal.run', 'modal.direct.example.org', 'not-modal.direct', '127.0.0.1'])(
      'is not done at %s',
      async (host) => {
        bench = await Bench.start({ awake: true }, { host });
        await bench.answer('Repeat after me: ok', { session: 'one' });
        expect(bench.server.requests.map(sessionSent)).toEqual([undefined, undefined]);
      },
    );
  });

  it.each([
    ['vllm', {}, 8],
    ['vllm', { stream_interval: 2 }, 2],
    ['llama-server', {}, undefined],
  ] as const)('asks %s with %o for chunks of %s tokens', async (dialect, extra, interval) => {
    bench = await Bench.start({ awake: true, dialect }, { extra });
    expect((await bench.answer('Repeat after me: one two three')).text).toBe('one two three');
    expect(bench.server.chats[0]!.body).toHaveProperty('max_tokens');
    expect((bench.server.chats[0]!.body as Record<string, unknown>).stream_interval).toBe(interval);
  });

  it('uses its connection again', async () => {
    bench = await Bench.start({ awake: true });
    await bench.answer('Repeat after me: one');
    await bench.answer('Repeat after me: two');
    expect(bench.server.connections).toBe(1);
  });

  it('uses its connection again when the server takes its time to end the stream', async () => {
    bench = await Bench.start({ awake: true });
    bench.server.streamFaults.add({ type: 'drip', bytes: 50, everyMs: 100 });
    await bench.answer('Repeat after me: one');
    await bench.pass(500);
    await bench.answer('Repeat after me: two');
    expect(bench.server.connections).toBe(1);
  });
});

describe('stopping', () => {
  it('closes the connection, so that the model stops too, and throws the reason as it is', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 10 });
    const stop = new AbortController();
    const asked = bench.ask('Write 10000 characters', { signal: stop.signal });
    await bench.pass(3_000);
    const reason = new Error('stopped by a person');
    stop.abort(reason);
    await exchange();
    const { text, error } = await asked.outcome;
    expect(error).toBe(reason);
    expect(text.length).toBeGreaterThan(50);
    expect(bench.server.generations[0]).toMatchObject({ end: 'aborted', endedAt: bench.clock.now() });
  });

  it('also closes the connection when who listens fails, and passes that failure on', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 10 });
    const { signal } = new AbortController();
    const broken = new Error('cannot show this');
    const chat = bench.model.chat(
      { messages: [{ role: 'user', content: 'Write 10000 characters' }], signal },
      ({ type }) => {
        if (type === 'text') throw broken;
      },
    );
    await expect(bench.until(chat)).rejects.toBe(broken);
    await exchange();
    expect(bench.server.generations[0]?.end).toBe('aborted');
  });
});

describe('asking a sleeping model', () => {
  it.each([
    ['a Modal Server', { front: 'server' }],
    ['a Modal web_server', { front: 'web_server' }],
    ['a machine that refuses connections while it boots', { front: 'none' }],
    ['llama-server on Modal', { front: 'server', dialect: 'llama-server' }],
    ['llama-server behind a web_server', { front: 'web_server', dialect: 'llama-server' }],
  ] as const)('wakes %s and then streams', async (_, server) => {
    bench = await Bench.start({ ...server, coldStartMs: 60_000, holdMs: 25_000 });
    const { events, text } = await bench.answer('Repeat after me: ok');
    expect(text).toBe('ok');
    const waking = wakings(events);
    expect(waking.at(-1)).toMatchObject({ phase: 'ready', place: 1 });
    expect(waking.at(-1)!.elapsedMs).toBeGreaterThanOrEqual(59_000);
    expect(waking.at(-1)!.elapsedMs).toBeLessThan(63_000);
    expect(bench.server.chats.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('says how far it is at least every second', async () => {
    bench = await Bench.start({ coldStartMs: 20_000 });
    const { events } = await bench.answer('Repeat after me: ok');
    const times = wakings(events).map(({ elapsedMs }) => elapsedMs);
    expect(times.length).toBeGreaterThan(19);
    times.reduce((last, next) => {
      expect(next - last).toBeLessThanOrEqual(1_100);
      return next;
    });
  });

  it('tells the phases apart as far as llama-server lets it', async () => {
    bench = await Bench.start({ dialect: 'llama-server', coldStartMs: 20_000, loadMs: 8_000 });
    const { events } = await bench.answer('Repeat after me: ok');
    const phases = wakings(events).map(({ phase }) => phase);
    expect([...new Set(phases)]).toEqual(['starting', 'loading', 'ready']);
  });

  it('gives up after the deadline and says what to do', async () => {
    bench = await Bench.start({ coldStartMs: 3_600_000 }, { wakeDeadlineMs: 300_000 });
    const outcome = await bench.until(bench.ask('Hi').outcome, 500);
    expect(modelError(outcome)).toMatchObject({ fault: 'never-woke' });
    expect(modelError(outcome).message).toBe(
      'The model did not wake up within 5 minutes. Try again, or tell whoever runs the bot.',
    );
  });
});
