import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { FakeDiscordOptions } from '../../sandbox/discord/fake-discord.ts';
import { SharedLeases } from '../support/shared-leases.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { adapterFor, as, localDiscord, MemoryBot, page } from './discord-support.ts';

/** Processes of one bot: what one was asked, all know. */
async function several({ apart = false, ...fakeOptions }: FakeDiscordOptions & { apart?: boolean } = {}) {
  const clock = new VirtualClock(Date.now());
  const fake = await localDiscord({ ...fakeOptions, clock });
  const leases = new SharedLeases(clock);
  const bot = new MemoryBot();
  const processes = ['first', 'second'].map((name) => ({
    ...adapterFor(fake, { clock, ...(!apart && { leases: leases.of(name) }) }),
    start() {
      return this.discord.start(bot);
    },
  }));
  // Processes that end wait for each other, on the same clock.
  onTestFinished(() => {
    const ticking = setInterval(() => void clock.advance(500), 20).unref();
    setTimeout(() => clearInterval(ticking), 5_000).unref();
  });
  const [first, second] = processes as [(typeof processes)[0], (typeof processes)[0]];
  return {
    clock,
    fake,
    leases,
    bot,
    first,
    second,
    /** Lets time pass until it is so. */
    async until(condition: () => unknown, step = 250) {
      await vi.waitUntil(
        async () => {
          if (condition()) return true;
          await clock.advance(step);
          return false;
        },
        { timeout: 20_000, interval: 20 },
      );
    },
    async isHeard(text: string, channel = fake.channel) {
      const { length } = bot.questions;
      fake.say({ channel, user: fake.people.asker, text: `@pilotlight ${text}` });
      await vi.waitUntil(() => bot.questions.length > length, { timeout: 10_000 });
      expect(bot.questions.at(-1)?.text).toBe(text);
    },
  };
}

describe('several processes of one bot', () => {
  it('have one connection between them, and all count as connected', async () => {
    const { fake, bot, first, second, isHeard } = await several();
    await first.start();
    await second.start();
    expect([first, second].map(({ discord }) => discord.connected)).toEqual([true, true]);
    await isHeard('hello');
    expect(fake.connections).toBe(1);
    expect(bot.offered).toHaveLength(1);
    expect(second.log.map(({ msg }) => msg)).toContainEqual(expect.stringContaining('stands by'));
  });

  it('hand it over when one is stopped, and hear everything meanwhile', async () => {
    const { clock, fake, bot, first, second, until, isHeard } = await several();
    await first.start();
    await second.start();
    await clock.advance(10_000);
    let stopped = false;
    const stopping = first.discord.stop().then(() => {
      stopped = true;
    });
    await isHeard('still the first');
    await until(() => fake.connections === 2, 25);
    await isHeard('both');
    expect(stopped).toBe(false);
    await until(() => stopped);
    await stopping;
    await first.discord.close();
    await vi.waitUntil(() => fake.connections === 1);
    expect(second.discord.connected).toBe(true);
    await isHeard('the second');
    expect(bot.questions.map(({ text }) => text)).toEqual(['still the first', 'both', 'the second']);
  });

  it('stop without another, too', async () => {
    const { fake, first, until } = await several();
    await first.start();
    let closed = false;
    void first.discord.close().then(() => {
      closed = true;
    });
    await until(() => closed);
    await vi.waitUntil(() => fake.connections === 0);
  });

  it('take over within seconds from one that cannot renew its lease, which closes its connection before', async () => {
    const { fake, leases, bot, clock, first, second, until, isHeard } = await several();
    await first.start();
    await second.start();
    const before = clock.monotonic();
    leases.cutOff('first');
    await until(() => fake.connections === 0);
    expect(leases.holder('discord:shard:0/1')).not.toBe('second');
    expect(first.discord.connected).toBe(false);
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight in between' });
    await until(() => bot.questions.length === 1);
    expect(leases.holder('discord:shard:0/1')).toBe('second');
    expect(clock.monotonic() - before).toBeLessThan(10_000);
    await isHeard('afterwards');
    expect(fake.connections).toBe(1);
    expect(bot.offered).toHaveLength(2);
  });

  it('stay away when they have lost the connection while they tried to get it back', async () => {
    const { fake, leases, bot, first, second, until } = await several();
    await first.start();
    await second.start();
    const off = fake.faults.add({ on: 'GET /', act: { type: 'reset' }, times: Number.POSITIVE_INFINITY });
    fake.dropConnections();
    await vi.waitUntil(() => first.log.some(({ msg }) => msg.includes('reconnecting')));
    leases.cutOff('first');
    await until(() => first.log.some(({ msg }) => msg.startsWith('lost the lease')));
    off();
    await until(() => fake.connections > 0);
    // discord.js tries again every half second.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(fake.connections).toBe(1);
    expect(second.discord.connected).toBe(true);
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight hello' });
    await vi.waitUntil(() => bot.questions.length === 1);
    expect(bot.offered).toHaveLength(1);
  });

  it('take what two of them hear once, and only one acknowledges it', async () => {
    const { fake, bot, first, second, isHeard } = await several({ apart: true });
    await first.start();
    await second.start();
    expect(fake.connections).toBe(2);
    await isHeard('hello');
    const { channel, people } = fake;
    await fake.command({ channel, user: people.asker, name: 'ask', options: { prompt: 'and you?' } });
    await vi.waitUntil(() => bot.offered.length === 4);
    expect(bot.questions.map(({ text }) => text)).toEqual(['hello', 'and you?']);

    const deferred = fake.messages(channel).at(-1)!;
    const reply = first.discord.open(bot.questions[1]!.address, 0);
    await reply.post(page('An answer', { buttons: ['stop', 'retry'] }), as('a'));
    bot.pressAnswer = 'only for one';
    for (const button of fake.messages(channel).at(-1)!.buttons)
      await fake.click(channel, deferred.id, button.id, people.asker);
    await vi.waitUntil(() => bot.presses.length >= 3);
    await vi.waitUntil(() => fake.messages(channel).filter(({ onlyFor }) => onlyFor).length === 2);
    expect(bot.presses.filter(({ button }) => button === 'retry')).toHaveLength(1);
    for (const { log } of [first, second]) expect(log.filter(({ level }) => level >= 40)).toEqual([]);
  });

  it('share the shards, and each event reaches one of them', async () => {
    const { fake, bot, leases, first, second, until, isHeard } = await several({ shards: 4 });
    await Promise.all([first.start(), second.start()]);
    const holders = () => [0, 1, 2, 3].map((shard) => leases.holder(`discord:shard:${shard}/4`));
    expect(new Set(holders())).toEqual(new Set(['first', 'second']));
    expect(fake.connections).toBe(4);
    await isHeard('in the server');
    await isHeard('directly', fake.dm);
    expect(bot.offered).toHaveLength(2);
    let closed = false;
    void first.discord.close().then(() => {
      closed = true;
    });
    // Until then both are connected to a shard that changes hands.
    await until(() => closed && holders().every((holder) => holder === 'second') && fake.connections === 4);
    await isHeard('in the server again');
    await isHeard('directly again', fake.dm);
    expect(bot.offered).toHaveLength(4);
  });

  it('connect their shards one after the other where Discord wants it', async () => {
    const { fake, clock, until, ...them } = await several({ shards: 3, maxConcurrency: 1 });
    const started = Promise.all([them.first.start(), them.second.start()]);
    const before = clock.monotonic();
    await until(() => fake.connections === 3);
    await started;
    // Three within ten seconds, in which Discord takes no more than one in five.
    expect(clock.monotonic() - before).toBeGreaterThan(10_000);
    const { remaining } = await sessions(fake);
    expect(remaining).toBe(997);
  });
});

async function sessions({ apiUrl, token }: { apiUrl: string; token: string }) {
  const response = await fetch(`${apiUrl}/v10/gateway/bot`, { headers: { authorization: `Bot ${token}` } });
  const info = (await response.json()) as { session_start_limit: { remaining: number } };
  return info.session_start_limit;
}
