/**
 * The same replies in real time: the real adapters over HTTP against the sandbox's strict Slack and Discord.
 * It shows that the rows on a virtual clock can be believed.
 */
import { pino } from 'pino';
import { createDiscord } from '../../adapters/discord/discord.ts';
import { createSlack } from '../../adapters/slack/slack.ts';
import { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import type { Address, Bot, ChatPlatform, Question } from '../../src/bot/ports.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { openReply } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import type { Page, ReplySurface, WriteOp } from '../../src/reply/surface.ts';
import type { Write } from '../../test/reply/strict-platform.ts';
import { type Figures, figuresOf, type Scenario, type Stream } from './scenario.ts';

const log = pino({ level: 'silent' });

interface Place {
  readonly platform: ChatPlatform;
  readonly fake: FakeDiscord | FakeSlack;
}

async function discord(spare: EditPacer): Promise<Place> {
  const fake = await FakeDiscord.start();
  return { fake, platform: createDiscord({ token: fake.token, apiUrl: fake.apiUrl, spare, clock, log }) };
}

async function slack(spare: EditPacer): Promise<Place> {
  const fake = await FakeSlack.start();
  const { botToken, appToken, apiUrl } = fake;
  return { fake, platform: createSlack({ botToken, appToken, apiUrl, spare, clock, log }) };
}

/** A bot that hands on where it was asked, each question once. */
function listener() {
  let heard = Promise.withResolvers<Address>();
  const seen = new Set<string>();
  const bot: Bot = {
    async ask({ message, address }: Question) {
      if (seen.has(message)) return 'seen';
      seen.add(message);
      heard.resolve(address);
      return 'accepted';
    },
    isEngaged: async () => false,
    isOwnReply: async () => false,
    press: async () => ({ answer: null, spent: false }),
    stopConversation: async () => undefined,
    messageDeleted: async () => undefined,
    lastAsked: async () => [],
    isTaken: async () => true,
  };
  const next = () => {
    heard = Promise.withResolvers<Address>();
    return heard.promise;
  };
  return { bot, next };
}

/** Keeps what a surface wrote, by when the platform had answered. */
function recording(surface: ReplySurface, writes: Write[], start: number): ReplySurface {
  const kept = async (op: WriteOp, page: Page, key: string, writing: ReturnType<ReplySurface['post']>) => {
    const receipt = await writing;
    writes.push({ at: clock.monotonic() - start, op, message: receipt.message, channel: '', page, key });
    return receipt;
  };
  return {
    dialect: surface.dialect,
    budgets: (op, message) => surface.budgets(op, message),
    post: (page, options) => kept('post', page, options.key, surface.post(page, options)),
    edit: (message, page, options) => kept('edit', page, options.key, surface.edit(message, page, options)),
    activity: (status) => surface.activity(status),
    announce: (text) => surface.announce(text),
  };
}

/** All replies in one channel of the sandbox's platform. */
export async function overHttp(scenario: Scenario, streams: readonly Stream[]): Promise<Figures> {
  const pacer = new EditPacer({ clock, log });
  const { platform, fake } = await (scenario.rules.dialect === 'slack' ? slack(pacer) : discord(pacer));
  const { bot, next } = listener();
  await platform.start(bot);
  try {
    const surfaces: ReplySurface[] = [];
    for (const _ of streams) {
      const asked = next();
      fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight hello' });
      surfaces.push(platform.open(await asked, 0));
    }
    const writes: Write[] = [];
    const start = clock.monotonic();
    await Promise.all(
      streams.map(({ tokens, times }, i) => {
        const surface = recording(surfaces[i]!, writes, start);
        const reply = openReply(pacer, surface, { turn: `${i}`, clock, log });
        const { promise, resolve } = Promise.withResolvers<unknown>();
        const write = (token: number) => {
          reply.append(tokens[token]!);
          if (token === tokens.length - 1) return resolve(reply.finish({ buttons: [] }));
          clock.after(Math.max(0, start + times[token + 1]! - clock.monotonic()), () => write(token + 1));
        };
        clock.after(times[0]!, () => write(0));
        return promise;
      }),
    );
    return figuresOf({ ...scenario, latencyMs: 0 }, streams, writes, fake.rateLimitHits.length);
  } finally {
    await platform.stop();
    await platform.close();
    await fake.close();
  }
}
