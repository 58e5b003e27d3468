import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { DiscordOptions } from '../../adapters/discord/discord.ts';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { OperatorError } from '../../src/errors.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { adapterFor, as, connected, localDiscord, MemoryBot, mentioned, page } from './discord-support.ts';

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

  it('that never gets anywhere ends with a word about it', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    onTestFinished(() => silent.closeAllConnections());
    await vi.waitUntil(() => silent.listening);
    const { port } = silent.address() as AddressInfo;
    const clock = new VirtualClock();
    const fault = startFault(await localDiscord(), { apiUrl: `http://127.0.0.1:${port}/api`, clock });
    await clock.advance(60_000);
    expect(await fault).toMatch(/no connection within a minute/);
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

  it('for good is reported with what to do, and ends nothing else', async () => {
    const it = await connected({}, { identifies: 1 });
    const { reply } = await mentioned(it);
    it.fake.invalidateSessions();
    const report = () => it.log.find(({ level, code }) => level === 50 && code === 4004);
    // The library waits about 5 s before it identifies again.
    await vi.waitUntil(report, { timeout: 15_000 });
    expect(report()?.msg).toMatch(/^DISCORD_TOKEN: .*Reset Token/);
    expect(it.discord.connected).toBe(false);
    await reply.post(page('An answer'), as('a'));
  });
});
