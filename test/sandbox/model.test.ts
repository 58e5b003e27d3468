import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { SleepingModel, type SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const clock = new VirtualClock();
let model: SleepingModel;
const start = async (options: SleepingModelOptions = {}) => {
  model = await SleepingModel.start({ clock, tokensPerSecond: Infinity, firstTokenMs: 0, ...options });
  return model;
};
afterEach(() => model.close());

const question = (content: unknown, rest: object = {}) => ({
  model: 'pilotlight',
  messages: [{ role: 'user', content }],
  stream: true,
  ...rest,
});
const post = (body: unknown, init: RequestInit = {}) =>
  fetch(`${model.baseUrl}/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(body),
    redirect: 'manual',
    ...init,
  });

/** The events of a stream, [DONE] as a string. */
const events = async (response: Response) =>
  (await response.text())
    .split('\n\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => (line === 'data: [DONE]' ? 'DONE' : JSON.parse(line.slice(6))));
const textOf = async (response: Response) =>
  (await events(response)).map((event) => event.choices?.[0]?.delta?.content ?? '').join('');
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: Record<string, unknown> }).error;

describe('a sleeping model behind a Modal Server', () => {
  it('answers 503 at once, and the request wakes it', async () => {
    await start({ coldStartMs: 60_000, scaledownWindowMs: 30_000 });
    expect(model.state).toMatchObject({ phase: 'asleep', containers: 0 });
    expect((await post(question('Hi'))).status).toBe(503);
    await clock.advance(59_000);
    expect(model.state).toMatchObject({ phase: 'waking', elapsedMs: 59_000, containers: 1 });
    expect((await post(question('Hi'))).status).toBe(503);
    await clock.advance(1_000);
    expect(model.state).toMatchObject({ phase: 'awake', sleepsInMs: 30_000 });
    expect((await post(question('Hi'))).status).toBe(200);
  });

  it('sleeps again when nobody asked for the scaledown window, and bills for all of it', async () => {
    await start({ coldStartMs: 10_000, scaledownWindowMs: 30_000 });
    await fetch(`${model.origin}/health`);
    await clock.advance(39_000);
    expect(model.state).toMatchObject({ phase: 'awake', sleepsInMs: 1_000 });
    await clock.advance(1_000);
    expect(model.state.phase).toBe('asleep');
    await clock.advance(60_000);
    expect(model.billedMs).toBe(40_000);
  });

  it('is kept awake by min_containers, and let go of when they are taken back', async () => {
    await start({ coldStartMs: 10_000, scaledownWindowMs: 5_000 });
    expect(model.scale({ minContainers: 2 })).toMatchObject({ minContainers: 2, scaledownWindowMs: 5_000 });
    await clock.advance(100_000);
    expect(model.state).toMatchObject({ phase: 'awake', containers: 2, sleepsInMs: null });
    model.scale({ minContainers: 0 });
    await clock.advance(5_000);
    expect(model.state.phase).toBe('asleep');
  });

  it('starts more containers for more streams, a buffer beside them, and never more than the maximum', async () => {
    await start({
      awake: true,
      streamsPerContainer: 1,
      bufferContainers: 1,
      maxContainers: 3,
      tokensPerSecond: 1,
    });
    await Promise.all([post(question('Hi')), post(question('Hi')), post(question('Hi'))]);
    expect(model.state).toMatchObject({ containers: 3, streams: 3 });
  });

  it('asks for the proxy token that Modal asks for', async () => {
    await start({ awake: true, proxyKey: 'wk-1', proxySecret: 'ws-1', apiKey: 'key' });
    expect((await post(question('Hi'))).status).toBe(401);
    const proxy = { 'modal-key': 'wk-1', 'modal-secret': 'ws-1' };
    const unauthorized = await post(question('Hi'), { headers: proxy });
    expect(unauthorized.status).toBe(401);
    expect(await unauthorized.json()).toEqual({ error: 'Unauthorized' });
    expect((await post(question('Hi'), { headers: { ...proxy, authorization: 'Bearer key' } })).status).toBe(
      200,
    );
  });
});

describe('a sleeping model behind a Modal web_server', () => {
  it('holds the request, then redirects to a result URL that must be fetched with GET, again and again', async () => {
    await start({ front: 'web_server', coldStartMs: 400_000 });
    const follow = async (answer: Promise<Response>) => {
      const seen = model.requests.length;
      while (model.requests.length === seen) await new Promise(setImmediate);
      await clock.advance(150_000);
      return answer;
    };
    const first = await follow(post(question('Repeat after me: ok')));
    expect(first.status).toBe(303);
    const url = first.headers.get('location')!;
    expect(url).toContain('/v1/chat/completions?__modal_function_call_id=');
    const again = await fetch(url, { method: 'POST', body: '{}' });
    expect([again.status, await again.text()]).toEqual([400, 'bad redirect method']);
    const second = await follow(fetch(url, { redirect: 'manual' }));
    expect([second.status, second.headers.get('location')]).toEqual([303, url]);
    expect(await textOf(await follow(fetch(url)))).toBe('ok');
  });
});

describe('a sleeping model with nothing before it', () => {
  it('resets the request that wakes it, and refuses connections while it boots', async () => {
    await start({ front: 'none', coldStartMs: 5_000 });
    await expect(post(question('Hi'))).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    await expect(post(question('Hi'))).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    const opened = once(model, 'change');
    await clock.advance(5_000);
    await opened;
    await model.whenListening();
    expect((await post(question('Hi'))).status).toBe(200);
  });
});

describe('llama-server', () => {
  it('says that it loads, lists its models meanwhile, and then answers in its own dialect', async () => {
    await start({ dialect: 'llama-server', coldStartMs: 9_000, loadMs: 3_000 });
    await post(question('Hi'));
    await clock.advance(6_000);
    const loading = await post(question('Hi'));
    expect(loading.status).toBe(503);
    expect(await errorOf(loading)).toEqual({
      code: 503,
      message: 'Loading model',
      type: 'unavailable_error',
    });
    expect((await fetch(`${model.baseUrl}/models`)).status).toBe(200);
    expect((await fetch(`${model.origin}/health`)).status).toBe(503);
    await clock.advance(3_000);
    const [first, ...rest] = await events(await post(question('Repeat after me: ok', { model: 'any name' })));
    expect(first.choices[0].delta).toEqual({ role: 'assistant', content: null });
    expect(rest.at(-2).choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
  });

  it('says how far a prompt exceeds its context', async () => {
    await start({ dialect: 'llama-server', awake: true, maxModelLen: 100 });
    const answer = await post(question('word '.repeat(300)));
    expect(answer.status).toBe(400);
    expect(await errorOf(answer)).toMatchObject({ type: 'exceed_context_size_error', n_ctx: 100 });
  });
});

describe('vLLM', () => {
  it('streams a role, text, a finish reason, the usage where asked for, and [DONE]', async () => {
    await start({ awake: true });
    const all = await events(
      await post(question('Repeat after me: one two', { stream_options: { include_usage: true } })),
    );
    expect(all[0].choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(all.slice(1, 3).map((event) => event.choices[0].delta.content)).toEqual(['one', ' two']);
    expect(all[3].choices[0]).toMatchObject({ finish_reason: 'stop', stop_reason: null });
    expect(all[4]).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
    expect(all[5]).toBe('DONE');
  });

  it.each([
    ['a wrong model name', { model: 'other' }, 404, /The model `other` does not exist/],
    ['no messages', { messages: [] }, 400, /list index/],
    ['an unknown role', { messages: [{ role: 'bot', content: 'Hi' }] }, 400, /Unexpected message role/],
    [
      'a late system message',
      {
        messages: [
          { role: 'user', content: 'Hi' },
          { role: 'system', content: 'Be brief' },
        ],
      },
      400,
      /System message must be at the beginning/,
    ],
    ['no output tokens', { max_tokens: 0 }, 400, /max_tokens must be at least 1/],
    ['half a continuation', { continue_final_message: true }, 400, /Cannot set both/],
    ['options of a stream without one', { stream: false, stream_options: {} }, 400, /Stream options/],
    [
      'too long a prompt',
      { messages: [{ role: 'user', content: 'a '.repeat(40_000) }] },
      400,
      /maximum context length is 32768/,
    ],
    [
      'an image for a text model',
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } }] },
        ],
      },
      400,
      /not a multimodal model/,
    ],
  ])('refuses %s', async (_, body, status, message) => {
    await start({ awake: true });
    const answer = await post(question('Hi', body));
    expect(answer.status).toBe(status);
    expect((await errorOf(answer)).message).toMatch(message);
  });

  it('tells its context length, and lists LoRA adapters under their parent', async () => {
    await start({ awake: true, loras: ['pirate'] });
    const { data } = (await (await fetch(`${model.baseUrl}/models`)).json()) as { data: object[] };
    expect(data).toMatchObject([
      { id: 'pilotlight', max_model_len: 32_768, parent: null },
      { id: 'pirate', max_model_len: null, parent: 'pilotlight' },
    ]);
    expect((await post(question('Hi', { model: 'pirate' }))).status).toBe(200);
  });

  it('stops generating when the client goes, and notes when', async () => {
    await start({ awake: true, tokensPerSecond: 10 });
    const stop = new AbortController();
    const answer = await post(question('Write 10000 characters'), { signal: stop.signal });
    await answer.body!.getReader().read();
    const changed = once(model, 'change');
    stop.abort();
    await changed;
    expect(model.generations[0]).toMatchObject({ end: 'aborted', endedAt: clock.now() });
    expect(model.state.streams).toBe(0);
  });

  it('answers every question with an error of its own while it is to fail', async () => {
    await start({ awake: true });
    model.failing = true;
    const response = await post(question('Hi'));
    expect(response.status).toBe(500);
    expect(await errorOf(response)).toMatchObject({ type: 'InternalServerError', code: 500 });
    model.failing = false;
    expect((await post(question('Hi'))).status).toBe(200);
  });

  it('breaks its streams when the container dies', async () => {
    await start({ awake: true, tokensPerSecond: 10 });
    const answer = await post(question('Write 10000 characters'));
    model.crash();
    await expect(answer.text()).rejects.toThrow();
    expect(model.state.phase).toBe('asleep');
  });
});

describe('the scripted model', () => {
  const chat = (...contents: string[]) => ({
    ...question(''),
    messages: contents.map((content, index) => ({ role: index % 2 ? 'assistant' : 'user', content })),
  });

  it('writes exactly as much as it is asked for', async () => {
    await start({ awake: true });
    expect(await textOf(await post(question('Please write 12,345 characters')))).toHaveLength(12_345);
  });

  it('knows what was said before', async () => {
    await start({ awake: true });
    expect(await textOf(await post(chat('My name is blue', 'Noted.', 'What did I say before?')))).toContain(
      '1. My name is blue',
    );
  });

  it('goes on from where its answer was cut', async () => {
    await start({ awake: true });
    const whole = await textOf(await post(question('A table, please')));
    const body = chat('A table, please', whole.slice(0, 20));
    const rest = await textOf(
      await post({ ...body, continue_final_message: true, add_generation_prompt: false }),
    );
    expect(whole.slice(0, 20) + rest).toBe(whole);
  });

  it('thinks before it answers when told to', async () => {
    await start({ awake: true });
    const [, thought] = await events(await post(question('Think, then make a list')));
    expect(thought.choices[0].delta).toEqual({ reasoning: 'The' });
  });
});
