/** What a platform brings to the conformance suite, and how each test of it begins. */
import { expect, onTestFinished, vi } from 'vitest';
import type { FakeChat } from '../../sandbox/chat.ts';
import type { ChatPlatform, Page, PlatformName, WriteOptions } from '../../src/bot/ports.ts';
import { MemoryBot } from '../support/memory-bot.ts';

/** What both fakes offer to a test. */
export interface Chat extends FakeChat {
  readonly channel: string;
  readonly dm: string;
  readonly people: { readonly asker: string; readonly colleague: string; readonly admin: string };
  /** Mentions of the bot's that became real. */
  readonly pings: readonly { readonly what: string }[];
  readonly connected: boolean;
  waitForConnection(): Promise<void>;
  say(said: { channel: string; user: string; text: string; duplicate?: boolean }): string;
}

export interface Harness<Fake extends Chat> {
  readonly name: string;
  readonly platform: PlatformName;
  startFake(): Promise<Fake>;
  /** The adapter for this fake, not started. */
  create(fake: Fake): ChatPlatform;
  /** The ways in which people ask here. The promises about replies hold for each. */
  readonly ways: readonly Way<Fake>[];
  /** The bot itself and another one say something that mentions the bot. */
  botsSpeak(fake: Fake): void;
  /** The author of a message changes it. */
  edit(fake: Fake, message: { channel: string; id: string; text: string }): void;
  /** A thread, and somebody writes in it without mentioning anybody. */
  openThread(fake: Fake): { readonly conversation: string; say(text: string): void };
  /** What this platform shows for a page. */
  shows(page: Page): string;
  /** False where the platform calls, and there is no connection to keep up. */
  readonly keepsConnection: boolean;
  /** Each token, as the variable is called, and an adapter with a wrong one. */
  readonly badTokens: Readonly<Record<string, (fake: Fake, token: string) => ChatPlatform>>;
}

export interface Way<Fake> {
  readonly name: string;
  channel(fake: Fake): string;
  ask(fake: Fake, text: string): unknown;
  /** What the platform shows above the answer, besides. */
  above?(text: string): string;
  /** The calls by which the first page is posted, and a page edited, as the fake's faults name them. */
  readonly calls: { readonly post: readonly string[]; readonly edit: readonly string[] };
  /** From now on the bot may write nothing new here. */
  deny(fake: Fake): void;
}

export const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

export const page = (text: string, more: Partial<Page> = {}): Page => ({
  text,
  source: text,
  buttons: [],
  ...more,
});
export const live: WriteOptions = { turn: '7.0', key: '7.0:0', final: false };
export const final: WriteOptions = { ...live, final: true };

/** How a test begins: a fake, and the adapter connected to it, or a further one. */
export function started<Fake extends Chat>(harness: Harness<Fake>) {
  async function connect() {
    const fake = await harness.startFake();
    onTestFinished(() => fake.close());
    return { fake, ...(await connectTo(fake)) };
  }

  async function connectTo(fake: Fake, bot = new MemoryBot()) {
    const adapter = harness.create(fake);
    onTestFinished(() => adapter.close());
    await adapter.start(bot);
    return { adapter, bot };
  }

  return { connect, connectTo };
}

/** Says something in the channel that is taken, so that whatever came before has been looked at. */
export async function askedInAll(fake: Chat, bot: MemoryBot): Promise<string[]> {
  const last = 'and this is the last';
  fake.say({ channel: fake.channel, user: fake.people.asker, text: `@pilotlight ${last}` });
  await until(() => expect(bot.questions.at(-1)?.text).toBe(last));
  return bot.questions.slice(0, -1).map(({ text }) => text);
}
