import { pino } from 'pino';
import { expect, onTestFinished, vi } from 'vitest';
import type { SlackAddress } from '../../adapters/slack/address.ts';
import { createSlack, type SlackOptions } from '../../adapters/slack/slack.ts';
import { FakeSlack, type FakeSlackOptions } from '../../sandbox/slack/fake-slack.ts';
import { signature } from '../../sandbox/slack/http-events.ts';
import type { ChatPlatform, Page, ReplySurface, WriteOptions } from '../../src/bot/ports.ts';
import { systemClock } from '../../src/clock.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { Seal } from '../../src/seal.ts';
import type { InstallationStore } from '../../src/store/installation-store.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { install } from '../support/browser.ts';
import { MemoryBot } from '../support/memory-bot.ts';
import { nowhere, serveSlack } from '../support/slack-http.ts';

export { MemoryBot } from '../support/memory-bot.ts';

export interface Running {
  readonly slack: FakeSlack;
  readonly platform: ChatPlatform;
  readonly bot: MemoryBot;
  /** Everything logged so far. */
  readonly logged: string[];
}

/** A fake Slack; closed when the test ends. */
export async function startFake(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  const slack = await FakeSlack.start(options);
  onTestFinished(() => slack.close());
  return slack;
}

/** The adapter on a fake Slack, not started. */
export function createOn(slack: FakeSlack, options: Partial<SlackOptions> = {}): Omit<Running, 'bot'> {
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => logged.push(line) });
  const { clock = systemClock } = options;
  const platform = createSlack({
    botToken: slack.botToken,
    appToken: slack.appToken,
    apiUrl: slack.apiUrl,
    spare: new EditPacer({ clock, log }),
    clock,
    log,
    ...options,
  });
  onTestFinished(() => platform.close());
  return { slack, platform, logged };
}

/** The adapter, connected to a fake Slack. */
export async function connect(
  options: Partial<SlackOptions> & { fake?: FakeSlackOptions } = {},
): Promise<Running> {
  const { fake, ...own } = options;
  const running = createOn(await startFake(fake), own);
  const bot = new MemoryBot();
  await running.platform.start(bot);
  return { ...running, bot };
}

const signingSecret = 'a signing secret';

/** The adapter over HTTP, called by a fake Slack. */
export async function connectHttp(fake: FakeSlackOptions = {}): Promise<HttpRunning> {
  const slack = await startFake({ ...fake, http: { url: nowhere, signingSecret } });
  const bot = new MemoryBot();
  return { ...(await anotherHttp(slack, bot)), bot };
}

/** A further process that Slack calls from now on. */
export async function anotherHttp(
  slack: FakeSlack,
  bot: MemoryBot,
  options: Partial<SlackOptions> = {},
): Promise<Omit<HttpRunning, 'bot'>> {
  const running = createOn(slack, { appToken: undefined, signingSecret, ...options });
  const server = await serveSlack(running.platform);
  onTestFinished(() => server.close());
  const url = `http://127.0.0.1:${server.port}/slack/events`;
  slack.requestUrl = url;
  await running.platform.start(bot);
  const call = (body: string, headers: Record<string, string> = signature(body, signingSecret, Date.now())) =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  return { ...running, url, call };
}

export interface HttpRunning extends Running {
  readonly url: string;
  /** Calls it as Slack does, signed unless other headers are given. */
  call(body: string, headers?: Record<string, string>): Promise<Response>;
}

const clientSecret = 'a client secret';

export interface Many extends Omit<HttpRunning, 'bot'> {
  readonly bot: MemoryBot;
  readonly store: InstallationStore;
}

/** A fake Slack with an app for many workspaces, of which `slack` is one; none has it yet. */
export function startFakeForMany(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  return startFake({
    ...options,
    http: { url: nowhere, signingSecret },
    oauth: { clientId: '1.2', clientSecret, redirectUrl: nowhere },
  });
}

/** The adapter for many workspaces; another on the same store is another process, or the next. */
export async function startMany(
  slack: FakeSlack,
  {
    store = new SqliteStore(':memory:').installations,
    keys = [Buffer.alloc(32, 1)],
    secret = clientSecret,
    ...options
  }: Partial<SlackOptions> & { store?: InstallationStore; keys?: Uint8Array[]; secret?: string } = {},
): Promise<Many> {
  const bot = new MemoryBot();
  const running = await anotherHttp(slack, bot, {
    botToken: undefined,
    install: {
      clientId: '1.2',
      clientSecret: secret,
      stateSecret: 'a state secret',
      store,
      seal: new Seal(keys),
    },
    ...options,
  });
  slack.redirectUrl = new URL('/slack/oauth_redirect', running.url).href;
  return { ...running, bot, store };
}

/** Somebody of each of these workspaces installs the bot. */
export async function installIn({ url }: { url: string }, ...teams: FakeSlack[]): Promise<void> {
  for (const { app, people } of teams) {
    const page = await install(url, (link) => app.agree(link, people.admin));
    expect(page.status).toBe(200);
  }
}

/** From now on this bot stores a question only when `stored` is resolved; `asked` resolves when one came. */
export function holding(bot: MemoryBot) {
  const asked = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const take = bot.ask.bind(bot);
  bot.ask = async (question) => {
    asked.resolve();
    await stored.promise;
    return take(question);
  };
  return { asked: asked.promise, stored };
}

/** A question in the channel or the DM, and the surface to answer it on. */
export function ask(
  { slack, platform }: Omit<Running, 'bot'>,
  where: 'channel' | 'dm',
  thread?: string,
): { surface: ReplySurface; address: SlackAddress } {
  const channel = where === 'dm' ? slack.dm : slack.channel;
  const user = slack.people.asker;
  const ts = slack.say({ channel, user, text: 'a question', ...(thread && { thread }) });
  const address: SlackAddress = {
    team: slack.teamId,
    channel,
    thread: thread ?? ts,
    ts,
    user,
    dm: where === 'dm',
  };
  return { surface: platform.open(address, 0), address };
}

/** A page as the live reply makes it: the source is the text unless given. */
export function page(text: string, more: Partial<Page> = {}): Page {
  return { text, source: text, buttons: [], ...more };
}

export const live: WriteOptions = { turn: '7.0', key: '7.0:1', final: false };
export const final: WriteOptions = { ...live, final: true };

/** Waits for a condition to hold. */
export function until<T>(check: () => T): Promise<T> {
  return vi.waitFor(check, { timeout: 10_000, interval: 5 });
}

/** What a person sees of the bot in a channel. */
export function answers(slack: FakeSlack, channel: string) {
  return slack.messages(channel).filter(({ author }) => author.bot);
}

/** How often a method was called. */
export function calls(slack: FakeSlack, method: string) {
  return slack.calls.filter((call) => call.method === method);
}
