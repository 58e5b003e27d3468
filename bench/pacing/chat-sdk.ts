/**
 * Vercel's Chat SDK with its Slack and Discord adapters: the real packages (bench/package.json), on a virtual
 * clock and against the same strict platform as ours, which answers their HTTP calls in memory.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WriteError } from '../../src/reply/surface.ts';
import { StrictPlatform } from '../../test/reply/strict-platform.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type Figures, figuresOf, horizonMs, type Scenario, type Stream } from './scenario.ts';

// biome-ignore lint/suspicious/noExplicitAny: the packages are installed apart and may be missing here
type Loose = any;

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

interface Answer {
  readonly status: number;
  readonly body: object;
  readonly retryAfterMs?: number;
}

/** Runs with the clock's time in place of the machine's; nothing else may run meanwhile. */
async function withTime<T>(clock: VirtualClock, run: () => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout, Date: RealDate, fetch } = globalThis;
  const dateNow = RealDate.now;
  const global = globalThis as Loose;
  global.setTimeout = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const cancel = clock.after(ms, () => callback(...args));
    return { cancel, ref() {}, unref() {}, hasRef: () => true, [Symbol.toPrimitive]: () => 1 };
  };
  global.clearTimeout = (timer: Loose) => timer?.cancel?.();
  RealDate.now = clock.now;
  try {
    return await run();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout, fetch });
    RealDate.now = dateNow;
  }
}

/** The platform's HTTP side, for posts and edits. */
function server(platform: StrictPlatform, replyOf: (thread: string) => number) {
  const keys = new Map<string, string>();
  return async (
    channel: string,
    thread: string,
    message: string | undefined,
    text: string,
  ): Promise<Answer> => {
    const key = message === undefined ? `${replyOf(thread)}` : keys.get(message)!;
    const page = { text, source: text, buttons: [] };
    const options = { turn: key, key, final: false };
    const surface = platform.surface(channel);
    try {
      const { message: id } = await (message === undefined
        ? surface.post(page, options)
        : surface.edit(message, page, options));
      keys.set(id, key);
      return { status: 200, body: { id, ok: true, ts: id, channel, message: { ts: id, text } } };
    } catch (error) {
      if (!(error instanceof WriteError)) throw error;
      if (error.fault !== 'rate-limited') return { status: 400, body: { ok: false, error: 'msg_too_long' } };
      const retryAfterMs = error.retryAfterMs ?? 1000;
      return {
        status: 429,
        body: { ok: false, error: 'ratelimited', retry_after: retryAfterMs / 1000 },
        retryAfterMs,
      };
    }
  };
}

async function load(name: string): Promise<Loose> {
  return import(name);
}

async function discord(answer: ReturnType<typeof server>): Promise<Loose> {
  const { createDiscordAdapter } = await load('@chat-adapter/discord');
  (globalThis as Loose).fetch = async (url: string, init: { method: string; body?: string }) => {
    const [, channel, message] = /channels\/([^/]+)\/messages(?:\/([^/]+))?$/.exec(url) ?? [];
    if (!channel || init.method === 'DELETE') throw new Error(`The fake has no ${init.method} ${url}`);
    const { content = '' } = JSON.parse(init.body ?? '{}') as { content?: string };
    const [, room = channel] = channel.split('~');
    const { status, body } = await answer(room, channel, message, content);
    return {
      ok: status === 200,
      status,
      headers: new Headers(),
      json: async () => body,
      text: async () => JSON.stringify(body),
    };
  };
  return createDiscordAdapter({
    botToken: 'token',
    publicKey: '0'.repeat(64),
    applicationId: '1',
    apiUrl: 'http://fake/api/v10',
    logger: silent,
  });
}

async function slack(answer: ReturnType<typeof server>): Promise<Loose> {
  const { createSlackAdapter } = await load('@chat-adapter/slack');
  const adapter = async (config: Loose) => {
    const fields = new URLSearchParams(config.data);
    const method = String(config.url).split('/').at(-1)!;
    const channel = fields.get('channel')!;
    const blocks = JSON.parse(fields.get('blocks') ?? '[]') as { text?: string }[];
    const text =
      fields.get('markdown_text') ??
      (fields.get('text') || blocks.map((block) => block.text ?? '').join('\n'));
    if (!['chat.postMessage', 'chat.update'].includes(method)) throw new Error(`The fake has no ${method}`);
    const {
      status,
      body,
      retryAfterMs = 0,
    } = await answer(
      channel,
      fields.get('thread_ts') ?? '',
      method === 'chat.update' ? (fields.get('ts') ?? undefined) : undefined,
      text ?? '',
    );
    const headers = status === 429 ? { 'retry-after': `${Math.ceil(retryAfterMs / 1000)}` } : {};
    return { data: body, status, statusText: `${status}`, headers, config, request: {} };
  };
  return createSlackAdapter({
    botToken: 'xoxb-fake',
    signingSecret: 'secret',
    apiUrl: 'http://fake/api/',
    botUserId: 'U1',
    logger: silent,
    // Post + edit, what everybody in a channel sees move; native streams are only smooth for the asker.
    nativeStreaming: false,
    webClientOptions: { adapter, logLevel: 'error' },
  });
}

export async function chatSdk(scenario: Scenario, streams: readonly Stream[]): Promise<Figures> {
  const { ThreadImpl } = await load('chat');
  const clock = new VirtualClock();
  const platform = new StrictPlatform(clock, scenario.rules, () => scenario.latencyMs);
  const isSlack = scenario.rules.dialect === 'slack';
  return withTime(clock, async () => {
    const answer = server(platform, (thread) => Number(/r(\d+)$/.exec(thread)![1]));
    const adapter = await (isSlack ? slack(answer) : discord(answer));
    for (const [i, { channel, tokens, times }] of streams.entries()) {
      const id = isSlack ? `slack:${channel}:r${i}` : `discord:g:~${channel}~r${i}`;
      const thread = new ThreadImpl({ id, adapter, channelId: channel, logger: silent, stateAdapter: {} });
      async function* text() {
        for (const [token, piece] of tokens.entries()) {
          const wait = times[token]! - clock.monotonic();
          if (wait > 0) await new Promise<void>((resolve) => void clock.after(wait, resolve));
          yield piece;
        }
      }
      clock.after(times[0]!, () => void thread.post(text()).catch(() => undefined));
    }
    await nextTurn();
    await clock.advance(horizonMs);
    return figuresOf(scenario, streams, platform.writes, platform.refused.length);
  });
}
