import { describe, expect, it, vi } from 'vitest';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { systemClock } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { adapterFor, calls, localDiscord, MemoryBot } from './discord-support.ts';

const READ = 'GET /channels/*/messages';
const HOUR = 60 * 60_000;

const texts = ({ questions }: MemoryBot) => questions.map(({ text }) => text);

/** A bot that knows what it was asked, through its connections and the times between them. */
async function local(clock = systemClock) {
  const fake = await localDiscord({ clock });
  const bot = new MemoryBot();
  return {
    fake,
    bot,
    clock,
    async start() {
      const { discord, log } = adapterFor(fake, { clock });
      await discord.start(bot);
      return { discord, log };
    },
    /** Comes, is asked something, and goes. */
    async wasAsked(channel: string, user = fake.people.asker) {
      const { discord } = await this.start();
      const next = bot.next();
      fake.say({ channel, user, text: '@pilotlight before' });
      bot.engaged.add((await next).conversation);
      await discord.close();
    },
    /** Until this is the last thing that the bot was asked. */
    async lastAsked(text: string) {
      await vi.waitUntil(() => texts(bot).at(-1) === text, { timeout: 10_000 });
    },
  };
}

const say = (fake: FakeDiscord, channel: string, ...said: string[]) =>
  said.map((text) => fake.say({ channel, user: fake.people.asker, text }));

const thread = (fake: FakeDiscord, message?: string) =>
  fake.createThread({
    channel: fake.channel,
    user: fake.people.asker,
    name: 'a thread',
    ...(message && { message }),
  });

describe('what was written while the bot was away', () => {
  it('in direct messages is taken when it is back, once and in order', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.wasAsked(fake.dm);
    say(fake, fake.dm, 'one', 'two', 'three');
    await here.start();
    await here.lastAsked('three');
    expect(bot.offered.map(({ text }) => text)).toEqual(['before', 'one', 'two', 'three']);
  });

  it('in a thread it takes part in is taken, but not what is said to others', async () => {
    const here = await local();
    const { fake, bot } = here;
    const channel = thread(fake);
    await here.wasAsked(channel);
    say(fake, channel, '@colleague not you', 'you');
    await here.start();
    await here.lastAsked('you');
    expect(texts(bot)).toEqual(['before', 'you']);
  });

  it('in a thread that was opened on its answer meanwhile is taken', async () => {
    const here = await local();
    const { fake, bot } = here;
    const answer = fake.say({ channel: fake.channel, user: fake.botUserId, text: 'An answer' });
    bot.own.add(`${fake.channel} ${answer}`);
    say(fake, thread(fake, answer), 'and then?');
    await here.start();
    await here.lastAsked('and then?');
  });

  it('as a mention or a reply to it is taken in any channel, with who asked', async () => {
    const here = await local();
    const { fake, bot } = here;
    const answer = fake.say({ channel: fake.channel, user: fake.botUserId, text: 'An answer' });
    say(fake, fake.channel, 'nobody is meant');
    fake.say({ channel: fake.channel, user: fake.people.admin, text: '@pilotlight hello' });
    fake.say({ channel: fake.channel, user: fake.people.asker, text: 'go on', replyTo: answer });
    await here.start();
    await here.lastAsked('go on');
    expect(texts(bot)).toEqual(['hello', 'go on']);
    expect(bot.questions[0]?.author).toMatchObject({ name: 'admin', roles: [expect.any(String)] });
    expect(bot.questions[1]?.inReplyTo).toBe(answer);
  });

  it('is left alone when it is older than an hour', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local(clock);
    const { fake, bot } = here;
    await here.wasAsked(fake.dm);
    say(fake, fake.dm, 'long ago');
    await clock.advance(HOUR + 1);
    say(fake, fake.dm, 'just now');
    await here.start();
    await here.lastAsked('just now');
    expect(texts(bot)).toEqual(['before', 'just now']);
  });

  it('is left alone when the bot has said something to it, such as that it could not take it', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.wasAsked(fake.dm);
    const { discord } = await here.start();
    bot.broken = true;
    say(fake, fake.dm, 'while the disk was full');
    await vi.waitUntil(() => fake.messages(fake.dm).at(-1)?.author.bot);
    await discord.close();
    bot.broken = false;
    say(fake, fake.dm, 'after that');
    await here.start();
    await here.lastAsked('after that');
    expect(texts(bot)).toEqual(['before', 'after that']);
  });

  it('where the bot may not answer brings nobody a direct message at every start', async () => {
    const here = await local();
    const { fake, bot } = here;
    fake.deny(fake.channel, 'SendMessages');
    say(fake, fake.channel, '@pilotlight here?');
    say(fake, thread(fake), '@pilotlight and here?');
    const { log } = await here.start();
    await here.lastAsked('and here?');
    await vi.waitUntil(() => log.some(({ msg }) => msg === 'may not answer in this channel'));
    expect(fake.messages(fake.dm)).toEqual([]);
    expect(texts(bot)).toEqual(['and here?']);
  });

  it('comes before what is written once it is back', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.wasAsked(fake.dm);
    say(fake, fake.dm, 'meanwhile');
    fake.faults.add({ on: READ, act: { type: 'delay', ms: 300 } });
    await here.start();
    say(fake, fake.dm, 'now');
    await here.lastAsked('now');
    expect(texts(bot)).toEqual(['before', 'meanwhile', 'now']);
  });

  it('is found through many pages, without more requests than Discord allows', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.wasAsked(fake.dm);
    const said = Array.from({ length: 230 }, (_, n) => `message ${n}`);
    say(fake, fake.dm, ...said);
    await here.start();
    await here.lastAsked('message 229');
    expect(texts(bot)).toEqual(['before', ...said]);
    expect(calls(fake, READ)).toBe(3);
    expect(fake.rateLimitHits).toEqual([]);
  });

  it('costs no request where nothing was written', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.wasAsked(fake.channel);
    const quiet = fake.addChannel('quiet');
    say(fake, quiet, '@pilotlight hello');
    await here.start();
    await here.lastAsked('hello');
    expect(texts(bot)).toEqual(['before', 'hello']);
    expect(calls(fake, READ)).toBe(1);
  });

  it('is asked for again when Discord did not answer', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local(clock);
    const { fake, bot } = here;
    say(fake, fake.channel, '@pilotlight hello');
    // The library itself tries four times.
    fake.faults.add({ on: READ, act: { type: 'answer', status: 500 }, times: 4 });
    const { log } = await here.start();
    await vi.waitUntil(() => log.some(({ msg }) => msg.startsWith('cannot read what was written')));
    expect(texts(bot)).toEqual([]);
    await clock.advance(20_000);
    await here.lastAsked('hello');
  });

  it('as a command is told to be lost where the bot was killed before it had the question', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local(clock);
    const { fake, bot } = here;
    const { discord } = await here.start();
    const { channel, people } = fake;
    const use = (prompt: string) =>
      fake.command({ channel, user: people.asker, name: 'ask', options: { prompt } });
    const { message: kept } = await use('taken');
    await vi.waitUntil(() => texts(bot).length === 1);
    const ask = vi.spyOn(bot, 'ask').mockReturnValue(new Promise(() => {}));
    const { message: lost } = await use('not taken');
    await vi.waitUntil(() => ask.mock.calls.length === 1);
    ask.mockRestore();
    await discord.close();

    await here.start();
    await vi.waitUntil(() => calls(fake, READ) === 1);
    await clock.advance(20_000);
    const shown = (id: string) => fake.messages(channel).find((message) => message.id === id);
    await vi.waitUntil(() => !shown(lost)?.pending);
    expect(shown(lost)?.text).toMatch(/your command was lost/);
    expect(shown(kept)).toMatchObject({ pending: true });
  });

  it('is also asked for when the gateway could not go on where it was', async () => {
    const here = await local();
    const { fake, bot } = here;
    await here.start();
    fake.invalidateSessions();
    say(fake, fake.channel, '@pilotlight are you there?');
    // The library waits about 5 s before it identifies again.
    await here.lastAsked('are you there?');
    expect(bot.offered).toHaveLength(1);
  });
});
