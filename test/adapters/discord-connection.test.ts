import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DiscordOptions } from '../../adapters/discord/discord.ts';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { OperatorError, Unreachable } from '../../src/errors.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  adapterFor,
  as,
  calls,
  connected,
  localDiscord,
  MemoryBot,
  mentioned,
  page,
} from './discord-support.ts';

/** What the operator reads when the start fails. */
async function startFault(fake: FakeDiscord, options: Partial<DiscordOptions> = {}): Promise<string> {
  const { discord } = adapterFor(fake, options);
  const error = await discord.start(new MemoryBot()).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OperatorError);
  expect(discord.connected).toBe(false);
  return (error as OperatorError).message;
}

describe('connecting to Discord', () => {
  it('is done when start has resolved, and over when close has', async () => {
    const { discord, fake } = await connected();
    expect(discord.connected).toBe(true);
    await discord.close();
    expect(discord.connected).toBe(false);
    await vi.waitUntil(() => !fake.connected, { timeout: 5_000 });
    await discord.close();
  });

  it('with a token that Discord does not accept names DISCORD_TOKEN and where to get one', async () => {
    const fake = await localDiscord();
    const token = `${fake.token.slice(0, -1)}1`;
    const fault = await startFault(fake, { token });
    expect(fault).toMatch(/^DISCORD_TOKEN: .*Reset Token/);
    expect(fault).not.toContain(token);
  });

  it('without the Message Content intent says which switch to set', async () => {
    const fake = await localDiscord({ intentsAllowed: [] });
    expect(await startFault(fake)).toMatch(/switch on "Message Content Intent"/);
  });

  it('that finds nobody there says what to check', async () => {
    const fake = await localDiscord();
    expect(await startFault(fake, { apiUrl: 'http://127.0.0.1:1/api' })).toMatch(
      /cannot connect.*DISCORD_API_URL/,
    );
  });

  it('that finds nobody answering says so', async () => {
    const fake = await localDiscord();
    const { port } = new URL(fake.apiUrl);
    await fake.close();
    expect(await startFault(fake, { apiUrl: `http://127.0.0.1:${port}/api` })).toMatch(/ECONNREFUSED/);
  });

  it('can be made later when Discord could not be reached; answers are written meanwhile', async () => {
    const fake = await localDiscord();
    const cut = fake.faults.add({
      on: 'GET /gateway/bot',
      act: { type: 'reset' },
      times: Number.POSITIVE_INFINITY,
    });
    const { discord } = adapterFor(fake);
    const bot = new MemoryBot();
    await expect(discord.start(bot)).rejects.toBeInstanceOf(Unreachable);
    const { channel, people } = fake;
    const message = fake.say({ channel, user: people.asker, text: '@pilotlight hello' });
    const address = { by: 'message', guild: fake.guildId, channel, message, author: people.asker };
    await discord.open(address, 0).post(page('An answer'), as('a'));
    expect(fake.messages(channel).at(-1)?.text).toBe('An answer');
    cut();
    await discord.start(bot);
    expect(discord.connected).toBe(true);
    const next = bot.next();
    fake.say({ channel, user: people.asker, text: '@pilotlight are you there?' });
    expect((await next).text).toBe('are you there?');
    expect(bot.offered).toHaveLength(1);
  });

  it('that is stopped while Discord is asked where to connect is not made', async () => {
    const fake = await localDiscord();
    const { discord } = adapterFor(fake);
    fake.faults.add({ on: 'GET /gateway/bot', act: { type: 'delay', ms: 50 } });
    const started = discord.start(new MemoryBot());
    await discord.close();
    await started.catch(() => {});
    expect(discord.connected).toBe(false);
    expect(fake.connections).toBe(0);
  });

  it('that never gets anywhere ends with a word about it', async () => {
    const fake = await localDiscord();
    fake.faults.add({ on: 'GET /', act: { type: 'reset' }, times: Number.POSITIVE_INFINITY });
    const clock = new VirtualClock();
    const fault = startFault(fake, { clock });
    await vi.waitUntil(() => calls(fake, 'GET /gateway/bot') > 1);
    await clock.advance(60_000);
    expect(await fault).toMatch(/no connection within a minute/);
  });
});

describe('a connection that is given up while it is made', () => {
  it('ends nothing when it then fails', async () => {
    const server = createServer((_request, response) => {
      const { port } = server.address() as AddressInfo;
      const limit = { total: 1000, remaining: 1000, reset_after: 1000, max_concurrency: 1 };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ url: `ws://127.0.0.1:${port}`, shards: 1, session_start_limit: limit }));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    const connecting = once(server, 'upgrade');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { discord } = adapterFor(await localDiscord(), { apiUrl: `http://127.0.0.1:${port}/api` });
    const started = discord.start(new MemoryBot());
    const [, socket] = (await connecting) as [unknown, Socket];
    await discord.close();
    await started;
    socket.destroy();
    // An error that nobody hears would end the test as it would end the process.
    await once(socket, 'close');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(discord.connected).toBe(false);
  });
});

describe('what the library cannot read', () => {
  it('is reported, without what it says, and ends nothing: what comes next is heard', async () => {
    const it = await connected();
    const { channel, guildId, people } = it.fake;
    const author = { id: people.asker, username: 'asker' };
    const message = { id: channel, channel_id: channel, guild_id: guildId, author, content: 'A secret' };
    it.fake.dispatch('MESSAGE_CREATE', { ...message, components: null });
    await mentioned(it);
    expect(it.log).toContainEqual(expect.objectContaining({ level: 50, event: 'MESSAGE_CREATE' }));
    expect(JSON.stringify(it.log)).not.toContain('A secret');
  });
});

describe('a connection that is lost', () => {
  it('comes back by itself, and what was asked meanwhile is not missed', async () => {
    const it = await connected();
    const { fake, bot, discord } = it;
    const next = bot.next();
    fake.dropConnections();
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight are you there?' });
    expect((await next).text).toBe('are you there?');
    await vi.waitUntil(() => discord.connected, { timeout: 5_000 });
  });

  it('does not keep answers from being written', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.dropConnections();
    await reply.post(page('An answer'), as('a'));
    expect(it.fake.messages(it.fake.channel).at(-1)?.text).toBe('An answer');
  });

  it('follows Discord’s own request to reconnect', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    fake.requestReconnect();
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight hello' });
    expect((await next).text).toBe('hello');
  });

  it('for good is reported with what to do, ends nothing else, and is tried again later', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.closeConnections(4004);
    const report = () => it.log.find(({ level, code }) => level === 50 && code === 4004);
    await vi.waitUntil(report, { timeout: 5_000 });
    expect(report()?.msg).toMatch(/^DISCORD_TOKEN: .*Reset Token/);
    expect(it.discord.connected).toBe(false);
    await reply.post(page('An answer'), as('a'));
    await vi.waitUntil(() => it.discord.connected, { timeout: 15_000 });
    expect(it.fake.connections).toBe(1);
  });

  it('costs no token: once the day’s connections are used up, the bot waits for the next day', async () => {
    const clock = new VirtualClock(Date.now());
    const it = await connected({ clock }, { identifies: 1, clock });
    it.fake.invalidateSessions();
    const waits = () => it.log.find(({ msg }) => msg === 'no connection to Discord is left today');
    await vi.waitUntil(waits, { timeout: 5_000 });
    expect(it.discord.connected).toBe(false);
    await clock.advance(25 * 60 * 60_000);
    await vi.waitUntil(() => it.discord.connected, { timeout: 5_000 });
  });
});
