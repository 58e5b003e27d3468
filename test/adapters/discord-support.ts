import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createDiscord, type DiscordOptions } from '../../adapters/discord/discord.ts';
import { FakeDiscord, type FakeDiscordOptions } from '../../sandbox/discord/fake-discord.ts';
import type { ChatPlatform, Page, WriteOptions } from '../../src/bot/ports.ts';
import { systemClock } from '../../src/clock.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { MemoryBot } from '../support/memory-bot.ts';

export { MemoryBot } from '../support/memory-bot.ts';

export interface Connected {
  readonly fake: FakeDiscord;
  readonly bot: MemoryBot;
  readonly discord: ChatPlatform;
  readonly log: LogLine[];
}

export type LogLine = { level: number; msg: string } & Record<string, unknown>;

/** A local Discord for one test. */
export async function localDiscord(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
  const fake = await FakeDiscord.start(options);
  onTestFinished(() => fake.close());
  return fake;
}

/** An adapter for a local Discord, not started. Whatever it logs is kept as lines of JSON. */
export function adapterFor(fake: FakeDiscord, options: Partial<DiscordOptions> = {}) {
  const log: LogLine[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line)) });
  const { clock = systemClock } = options;
  const discord = createDiscord({
    token: fake.token,
    apiUrl: fake.apiUrl,
    spare: new EditPacer({ clock, log: logger }),
    clock,
    log: logger,
    ...options,
  });
  onTestFinished(() => discord.close());
  return { discord, log };
}

/** A local Discord with the adapter connected to it. */
export async function connected(
  options: Partial<DiscordOptions> = {},
  fakeOptions: FakeDiscordOptions = {},
): Promise<Connected> {
  const fake = await localDiscord(fakeOptions);
  const { discord, log } = adapterFor(fake, options);
  const bot = new MemoryBot();
  await discord.start(bot);
  return { fake, bot, discord, log };
}

/** A question asked by a mention, and the reply opened to it. */
export async function mentioned({ fake, bot, discord }: Connected, channel = fake.channel) {
  const next = bot.next();
  const message = fake.say({ channel, user: fake.people.asker, text: '@pilotlight hello' });
  const question = await next;
  return { message, question, reply: discord.open(question.address, 0) };
}

/** A question asked by /ask, and the reply opened to it. */
export async function commanded({ fake, bot, discord }: Connected, prompt = 'hello', channel = fake.channel) {
  const next = bot.next();
  const used = await fake.command({ channel, user: fake.people.asker, name: 'ask', options: { prompt } });
  const question = await next;
  return { ...used, question, reply: discord.open(question.address, 0) };
}

export const page = (text: string, rest: Partial<Page> = {}): Page => ({
  text,
  source: text,
  buttons: [],
  ...rest,
});

export const as = (key: string, rest: Partial<WriteOptions> = {}): WriteOptions => ({
  turn: '1.0',
  key,
  final: false,
  ...rest,
});

/** How often the local Discord was asked for this. */
export const calls = (fake: FakeDiscord, call: string): number =>
  fake.calls.filter((request) => request.call === call).length;
