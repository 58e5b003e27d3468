import { once } from 'node:events';
import { Events, GatewayIntentBits as Intents, type Message, type Typing } from 'discord.js';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { logIn, next, restOf, startDiscord, until } from './discord-support.ts';

/** A connection by hand that collects what it is sent. */
function connect(discord: FakeDiscord, query = '?v=10&encoding=json') {
  const socket = new WebSocket(`${discord.apiUrl.replace('http', 'ws').replace('/api', '/')}${query}`);
  const received: { op: number; t: string | null; s: number | null; d: Record<string, unknown> }[] = [];
  socket.on('message', (data) => {
    received.push(JSON.parse(String(data)));
    socket.emit('received');
  });
  return {
    received,
    send: (op: number, d: unknown) => socket.send(JSON.stringify({ op, d })),
    sendRaw: (text: string) => socket.send(text),
    close: (code?: number) => socket.close(code),
    opened: once(socket, 'open'),
    closed: once(socket, 'close').then(([code]) => code as number),
    async receives(count: number) {
      while (received.length < count) await once(socket, 'received');
      return received;
    },
  };
}

const identify = (discord: FakeDiscord, intents = 0) => ({ token: discord.token, intents, properties: {} });

describe('logging in to the local Discord', () => {
  it('makes the real client ready, with the server and its channels', async () => {
    const discord = await startDiscord();
    const client = await logIn(discord);
    expect(client.user.id).toBe(discord.botUserId);
    expect(client.guilds.cache.get(discord.guildId)?.channels.cache.has(discord.channel)).toBe(true);
    expect(client.channels.cache.get(discord.channel)?.id).toMatch(/^\d{17,19}$/);
    expect(discord.connections).toBe(1);
  });

  it('refuses a wrong token', async () => {
    const discord = await startDiscord();
    await expect(restOf(discord, 'not-the-token').get('/gateway/bot')).rejects.toMatchObject({ status: 401 });
    const connection = connect(discord);
    await connection.opened;
    connection.send(2, { ...identify(discord), token: 'not-the-token' });
    expect(await connection.closed).toBe(4004);
  });

  it('refuses a privileged intent that is not switched on, and lets the client say so', async () => {
    const discord = await startDiscord({ intentsAllowed: [] });
    await expect(logIn(discord)).rejects.toThrow(/disallowed intents/i);
  });

  it('refuses intents that do not exist', async () => {
    const discord = await startDiscord();
    const connection = connect(discord);
    await connection.opened;
    connection.send(2, identify(discord, 1 << 23));
    expect(await connection.closed).toBe(4013);
  });

  it.each([
    ['another API version', '?v=9&encoding=json', 4012],
    ['another encoding', '?v=10&encoding=etf', 4002],
    ['compression', '?v=10&encoding=json&compress=zlib-stream', 4002],
  ])('refuses %s', async (_, query, code) => {
    expect(await connect(await startDiscord(), query).closed).toBe(code);
  });

  it.each([
    ['what is not JSON', (c: ReturnType<typeof connect>) => c.sendRaw('{'), 4002],
    ['a command over 4,096 bytes', (c: ReturnType<typeof connect>) => c.send(1, 'x'.repeat(4096)), 4002],
    ['an unknown opcode', (c: ReturnType<typeof connect>) => c.send(99, null), 4001],
    ['commands before identifying', (c: ReturnType<typeof connect>) => c.send(3, {}), 4003],
  ])('closes the connection on %s', async (_, send, code) => {
    const connection = connect(await startDiscord());
    await connection.opened;
    send(connection);
    expect(await connection.closed).toBe(code);
  });

  it('closes a connection that identifies twice, and one that sends 121 commands in a minute', async () => {
    const discord = await startDiscord();
    const twice = connect(discord);
    await twice.opened;
    twice.send(2, identify(discord));
    twice.send(2, identify(discord));
    expect(await twice.closed).toBe(4005);
    const busy = connect(discord);
    await busy.opened;
    for (let i = 0; i < 121; i++) busy.send(1, null);
    expect(await busy.closed).toBe(4008);
  });

  it('closes a connection whose heart does not beat', async () => {
    const connection = connect(await startDiscord({ heartbeatMs: 20 }));
    expect(await connection.closed).toBe(4009);
    expect(connection.received[0]).toMatchObject({ op: 10, d: { heartbeat_interval: 20 } });
  });

  it('counts the day’s IDENTIFYs and refuses the token when they are used up', async () => {
    const discord = await startDiscord({ identifies: 1 });
    const client = await logIn(discord);
    expect(await client.rest.get('/gateway/bot')).toMatchObject({
      session_start_limit: { total: 1, remaining: 0 },
    });
    await expect(logIn(discord)).rejects.toThrow(/sessions/);
  });

  it('counts them anew after a day', async () => {
    const clock = new VirtualClock();
    const discord = await startDiscord({ identifies: 1, clock });
    await logIn(discord);
    const limit = async () => {
      const info = await restOf(discord).get('/gateway/bot');
      return (info as { session_start_limit: object }).session_start_limit;
    };
    await clock.advance(60 * 60_000);
    expect(await limit()).toMatchObject({ remaining: 0, reset_after: 23 * 60 * 60_000 });
    await clock.advance(23 * 60 * 60_000);
    expect(await limit()).toMatchObject({ remaining: 1, reset_after: 24 * 60 * 60_000 });
  });

  it('recommends a number of shards, and takes no fewer', async () => {
    const discord = await startDiscord({ shards: 2 });
    expect(await restOf(discord).get('/gateway/bot')).toMatchObject({ shards: 2 });
    for (const [shard, code] of [
      [[0, 1], 4011],
      [[2, 2], 4010],
    ]) {
      const connection = connect(discord);
      await connection.opened;
      connection.send(2, { ...identify(discord), shard });
      expect(await connection.closed).toBe(code);
    }
  });

  it('lets only so many identify in 5 s', async () => {
    const discord = await startDiscord({ maxConcurrency: 1 });
    await logIn(discord);
    const connection = connect(discord);
    await connection.opened;
    connection.send(2, identify(discord));
    expect((await connection.receives(2))[1]).toMatchObject({ op: 9, d: false });
  });

  it('gives a shard its own guilds only', async () => {
    const discord = await startDiscord();
    const home = Number((BigInt(discord.guildId) >> 22n) % 2n);
    for (const shard of [0, 1]) {
      const connection = connect(discord);
      await connection.opened;
      connection.send(2, { ...identify(discord), shard: [shard, 2] });
      const ready = (await connection.receives(2))[1];
      expect(ready?.d.guilds).toHaveLength(shard === home ? 1 : 0);
    }
    const wrong = connect(discord);
    await wrong.opened;
    wrong.send(2, { ...identify(discord), shard: [2, 2] });
    expect(await wrong.closed).toBe(4010);
  });
});

describe('events', () => {
  it('come only for the intents that were asked for', async () => {
    const discord = await startDiscord();
    const events: string[] = [];
    await logIn(
      discord,
      (client) => {
        client.on(Events.Raw, ({ t }: { t: string }) => events.push(t));
      },
      { intents: [Intents.Guilds, Intents.DirectMessages] },
    );
    discord.say({ channel: discord.channel, user: discord.people.asker, text: 'to all' });
    discord.typing({ channel: discord.dm, user: discord.people.asker });
    const thread = discord.createThread({
      channel: discord.channel,
      user: discord.people.asker,
      name: 'more',
    });
    discord.say({ channel: discord.dm, user: discord.people.asker, text: 'to the bot' });
    await expect.poll(() => events).toContain('MESSAGE_CREATE');
    expect(events.filter((type) => type === 'MESSAGE_CREATE')).toHaveLength(1);
    expect(events).not.toContain('TYPING_START');
    expect(events).toContain('THREAD_CREATE');
    expect(thread).toMatch(/^\d{17,19}$/);
  });

  it('carry no content without the MESSAGE_CONTENT intent, but for DMs and mentions', async () => {
    const discord = await startDiscord({ intentsAllowed: [] });
    const seen: string[] = [];
    const client = await logIn(
      discord,
      (c) => void c.on(Events.MessageCreate, (message) => seen.push(message.content)),
      { intents: [Intents.Guilds, Intents.GuildMessages, Intents.DirectMessages] },
    );
    const { asker } = discord.people;
    const plain = discord.say({ channel: discord.channel, user: asker, text: 'among ourselves' });
    discord.say({ channel: discord.channel, user: asker, text: '@pilotlight hello' });
    discord.say({ channel: discord.dm, user: asker, text: 'in private' });
    await expect.poll(() => seen).toHaveLength(3);
    expect(seen).toEqual(['', `<@${discord.botUserId}> hello`, 'in private']);
    const channel = await client.channels.fetch(discord.channel);
    if (!channel?.isTextBased()) throw new Error('no text channel');
    expect((await channel.messages.fetch({ message: plain, force: true })).content).toBe('');
  });

  it('tell of replies, edits, previews, deletions, typing and reactions', async () => {
    const discord = await startDiscord();
    const { asker, colleague } = discord.people;
    const client = await logIn(discord);
    const created = next<Message>(client, Events.MessageCreate);
    const first = discord.say({ channel: discord.channel, user: asker, text: 'see example.com' });
    expect((await created).author.id).toBe(asker);

    const replied = next<Message>(client, Events.MessageCreate);
    discord.say({ channel: discord.channel, user: colleague, text: 'yes', replyTo: first });
    const reply = await replied;
    expect(reply.reference?.messageId).toBe(first);
    expect(reply.mentions.repliedUser?.id).toBe(asker);

    const unfurled = once(client, Events.MessageUpdate);
    discord.unfurl(discord.channel, first, 'Example');
    expect((await unfurled)[1]).toMatchObject({ content: 'see example.com', editedTimestamp: null });

    const edited = once(client, Events.MessageUpdate);
    discord.editMessage(discord.channel, first, 'never mind');
    expect((await edited)[1]).toMatchObject({ content: 'never mind' });

    const typing = next<Typing>(client, Events.TypingStart);
    discord.typing({ channel: discord.channel, user: asker });
    expect((await typing).user.id).toBe(asker);

    const reacted = once(client, Events.MessageReactionAdd);
    discord.react({ channel: discord.channel, message: first, user: colleague, emoji: '👍' });
    expect((await reacted)[0].emoji.name).toBe('👍');

    const deleted = next<Message>(client, Events.MessageDelete);
    discord.deleteMessage(discord.channel, first);
    expect((await deleted).id).toBe(first);
  });

  it('come to every bot process that has the token', async () => {
    const discord = await startDiscord();
    const seen: string[] = [];
    for (const name of ['one', 'two'])
      await logIn(discord, (c) => void c.on(Events.MessageCreate, () => seen.push(name)));
    discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    await expect.poll(() => seen.toSorted()).toEqual(['one', 'two']);
  });

  it('come twice when asked for, with one message id', async () => {
    const discord = await startDiscord();
    const ids: string[] = [];
    await logIn(discord, (client) => {
      client.on(Events.Raw, ({ t, d }: { t: string; d: { id: string } }) => {
        if (t === 'MESSAGE_CREATE') ids.push(d.id);
      });
    });
    const id = discord.say({
      channel: discord.channel,
      user: discord.people.asker,
      text: 'hello',
      duplicate: true,
    });
    await expect.poll(() => ids).toEqual([id, id]);
  });

  it('are not sent for channels that the bot cannot see', async () => {
    const discord = await startDiscord();
    const hidden = discord.addChannel('hidden');
    discord.deny(hidden, 'ViewChannel');
    const seen: string[] = [];
    await logIn(discord, (c) => void c.on(Events.MessageCreate, (message) => seen.push(message.content)));
    discord.say({ channel: hidden, user: discord.people.asker, text: 'secret' });
    discord.say({ channel: discord.channel, user: discord.people.asker, text: 'open' });
    await expect.poll(() => seen).toEqual(['open']);
  });
});

describe('a lost connection', () => {
  const listening = async (discord: FakeDiscord) => {
    const seen: string[] = [];
    await logIn(discord, (c) => void c.on(Events.MessageCreate, (message) => seen.push(message.content)));
    const say = (text: string) => discord.say({ channel: discord.channel, user: discord.people.asker, text });
    return { seen, say };
  };

  it('is resumed, and what was missed comes then, once each and in order', async () => {
    const discord = await startDiscord();
    const { seen, say } = await listening(discord);
    say('before');
    await expect.poll(() => seen).toEqual(['before']);
    discord.dropConnections();
    expect(discord.connected).toBe(false);
    say('one');
    say('two');
    await discord.waitForConnection();
    say('after');
    await expect.poll(() => seen).toEqual(['before', 'one', 'two', 'after']);
  });

  it('is resumed on request (op 7)', async () => {
    const discord = await startDiscord();
    const { seen, say } = await listening(discord);
    discord.requestReconnect();
    await until(discord, () => !discord.connected);
    say('meanwhile');
    await expect.poll(() => seen).toEqual(['meanwhile']);
  });

  it('whose session was ended (op 9) cannot be resumed, and what happens meanwhile is missed', async () => {
    const discord = await startDiscord();
    const { asker } = discord.people;
    const first = connect(discord);
    await first.opened;
    first.send(2, identify(discord, Intents.DirectMessages));
    await first.receives(2);
    discord.invalidateSessions();
    expect((await first.receives(3))[2]).toMatchObject({ op: 9, d: false });
    discord.say({ channel: discord.dm, user: asker, text: 'missed' });
    const second = connect(discord);
    await second.opened;
    second.send(2, identify(discord, Intents.DirectMessages));
    await second.receives(2);
    discord.say({ channel: discord.dm, user: asker, text: 'heard' });
    expect((await second.receives(3))[2]).toMatchObject({ t: 'MESSAGE_CREATE', d: { content: 'heard' } });
    expect(first.received).toHaveLength(3);
  });

  it('cannot be resumed after a goodbye, nor with a sequence that never was', async () => {
    const discord = await startDiscord();
    const resume = async (session: string, seq: number) => {
      const connection = connect(discord);
      await connection.opened;
      connection.send(6, { token: discord.token, session_id: session, seq });
      return connection;
    };
    const first = connect(discord);
    await first.opened;
    first.send(2, identify(discord));
    const session = String((await first.receives(2))[1]?.d.session_id);
    expect(await (await resume(session, 99)).closed).toBe(4007);
    first.close(1000);
    await until(discord, () => !discord.connected);
    expect((await (await resume(session, 1)).receives(2))[1]).toMatchObject({ op: 9, d: false });
  });

  it('stays lost while the gateway refuses connections', async () => {
    const discord = await startDiscord();
    discord.faults.add({ on: 'GET /', act: { type: 'reset' }, times: 1 });
    const connection = connect(discord);
    connection.opened.catch(() => {});
    await expect(connection.closed).rejects.toThrow(/hang up/);
  });
});

describe('people in the local Discord', () => {
  it('see the bot type for 10 s, or until it posts', async () => {
    const clock = new VirtualClock();
    const discord = await startDiscord({ clock });
    const client = await logIn(discord);
    const channel = await client.channels.fetch(discord.channel);
    if (!channel?.isSendable()) throw new Error('no text channel');
    const texts = () => discord.activity(discord.channel).map(({ text }) => text);
    await channel.sendTyping();
    expect(texts()).toEqual(['pilotlight is typing…']);
    await clock.advance(9999);
    expect(texts()).toHaveLength(1);
    await clock.advance(1);
    expect(texts()).toEqual([]);
    await channel.sendTyping();
    await channel.send('here it is');
    expect(texts()).toEqual([]);
  });
});
