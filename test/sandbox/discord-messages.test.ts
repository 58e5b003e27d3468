import { Events, MessageFlags, Routes, type ThreadChannel } from 'discord.js';
import { describe, expect, it } from 'vitest';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { faultyFields, logIn, next, refusal, request, restOf, startDiscord } from './discord-support.ts';

const HOUR = 60 * 60_000;
const LOOSE = { limit: 1000, windowMs: 1000 };

/** Posts and edits as the bot. */
function bot(discord: FakeDiscord) {
  const rest = restOf(discord);
  return {
    rest,
    post: (body: object, channel = discord.channel) =>
      rest.post(Routes.channelMessages(channel), { body }) as Promise<{ id: string; content: string }>,
    edit: (id: string, body: object, channel = discord.channel) =>
      rest.patch(Routes.channelMessage(channel, id), { body }) as Promise<{ id: string; content: string }>,
    list: (query = {}, channel = discord.channel) =>
      rest.get(Routes.channelMessages(channel), { query: new URLSearchParams(query) }) as Promise<
        { id: string; content: string }[]
      >,
  };
}

const start = async (options = {}) => {
  const discord = await startDiscord({ budgets: { message: LOOSE, edit: LOOSE }, ...options });
  return { discord, ...bot(discord), last: () => discord.messages(discord.channel).at(-1) };
};

const button = (custom_id: string, label = 'Stop') => ({ type: 2, style: 2, label, custom_id });
const row = (...components: object[]) => ({ type: 1, components });

describe('a message of the bot', () => {
  it('is shown with its text, buttons and edits', async () => {
    const { discord, post, edit, last } = await start();
    const { id } = await post({ content: 'thinking', components: [row(button('stop:1'))] });
    expect(last()).toMatchObject({
      id,
      channel: discord.channel,
      text: 'thinking',
      author: { id: discord.botUserId, bot: true },
      buttons: [{ id: 'stop:1', label: 'Stop' }],
      edits: 0,
      pending: false,
    });
    await edit(id, { content: 'done\n-# 3 s', components: [] });
    expect(last()).toMatchObject({ id, text: 'done\n-# 3 s', buttons: [], edits: 1 });
  });

  it('keeps what an edit does not name', async () => {
    const { post, edit, last } = await start();
    const { id } = await post({ content: 'text', components: [row(button('stop'))] });
    await edit(id, { components: [] });
    expect(last()).toMatchObject({ text: 'text', buttons: [] });
    await edit(id, { content: 'more', flags: MessageFlags.SuppressEmbeds });
    expect(last()).toMatchObject({ text: 'more' });
  });

  it('holds 2,000 characters, counted as code points, and not one more', async () => {
    const { post, edit } = await start();
    const { id } = await post({ content: '😀'.repeat(2000) });
    expect(await faultyFields(post({ content: '😀'.repeat(2001) }))).toContain('2000 or fewer');
    expect(await faultyFields(edit(id, { content: 'x'.repeat(2001) }))).toContain('2000 or fewer');
    expect(await refusal(post({ content: 'x'.repeat(2001) }))).toBe('400 50035');
  });

  it('cannot be empty, nor become so', async () => {
    const { post, edit } = await start();
    expect(await refusal(post({ content: ' \n ' }))).toBe('400 50006');
    const { id } = await post({ content: 'x' });
    expect(await refusal(edit(id, { content: '' }))).toBe('400 50006');
  });

  it('loses the white space around it', async () => {
    const { post } = await start();
    expect((await post({ content: '\n  answer  \n' })).content).toBe('answer');
  });

  it.each([
    ['six rows', Array.from({ length: 6 }, (_, i) => row(button(`${i}`)))],
    ['an empty row', [row()]],
    ['six buttons in a row', [row(...'abcdef'.split('').map((id) => button(id)))]],
    ['a custom_id over 100 characters', [row(button('x'.repeat(101)))]],
    ['two buttons with one custom_id', [row(button('a'), button('a'))]],
    ['a button without custom_id', [row({ type: 2, style: 1, label: 'Go' })]],
    ['a link without address', [row({ type: 2, style: 5, label: 'Go' })]],
    ['a label over 80 characters', [row(button('a', 'x'.repeat(81)))]],
    ['an unknown style', [row({ ...button('a'), style: 9 })]],
    ['a button outside a row', [button('a')]],
    ['no list', { type: 1 }],
  ])('is refused with components that are malformed: %s', async (_, components) => {
    const { post } = await start();
    expect(await faultyFields(post({ content: 'x', components }))).toContain('components');
  });

  it.each([
    ['a nonce over 25 characters', { nonce: 'x'.repeat(26) }, 'nonce'],
    ['flags that are no number', { flags: 'x' }, 'flags'],
    ['an embed over 4,096 characters', { embeds: [{ description: 'x'.repeat(4097) }] }, 'description'],
    ['embeds over 6,000 characters', { embeds: Array(2).fill({ description: 'x'.repeat(3001) }) }, 'embeds'],
    ['an unknown mention type', { allowed_mentions: { parse: ['all'] } }, 'allowed_mentions'],
    [
      'mentions both parsed and listed',
      { allowed_mentions: { parse: ['users'], users: ['11111111111111111'] } },
      'mutually exclusive',
    ],
    ['a reply to what is no id', { message_reference: { message_id: 'x' } }, 'message_reference'],
    ['a reply to nothing', { message_reference: { message_id: '11111111111111111' } }, 'UNKNOWN_MESSAGE'],
  ])('is refused with %s', async (_, body, field) => {
    const { post } = await start();
    expect(await faultyFields(post({ content: 'x', ...body }))).toContain(field);
  });

  it('is refused when its body is no JSON, or no object', async () => {
    const { discord } = await start();
    const path = `/channels/${discord.channel}/messages`;
    expect(await request(discord, 'POST', path, '{"content":')).toMatchObject({
      status: 400,
      body: { code: 50109 },
    });
    expect(await request(discord, 'POST', path, '"hello"')).toMatchObject({ body: { code: 50006 } });
  });

  it('comes once for one enforced nonce, and again minutes later', async () => {
    const clock = new VirtualClock();
    const { discord, post } = await start({ clock });
    const body = { content: 'answer', nonce: 'turn-1', enforce_nonce: true };
    const first = await post(body);
    expect((await post({ ...body, content: 'again' })).id).toBe(first.id);
    expect((await post({ ...body, enforce_nonce: false })).id).not.toBe(first.id);
    expect(discord.messages(discord.channel)).toHaveLength(2);
    await clock.advance(6 * 60_000);
    expect((await post(body)).id).not.toBe(first.id);
  });

  it('carries files, which can be downloaded, up to 10 MiB each', async () => {
    const { discord, rest, last } = await start();
    const send = (data: Buffer) =>
      rest.post(Routes.channelMessages(discord.channel), {
        body: { content: 'the rest' },
        files: [{ name: 'answer.md', data, contentType: 'text/markdown' }],
      }) as Promise<{ attachments: { url: string; filename: string }[] }>;
    const { attachments } = await send(Buffer.from('# All of it'));
    expect(attachments[0]).toMatchObject({ filename: 'answer.md' });
    expect(await (await fetch(attachments[0]!.url)).text()).toBe('# All of it');
    expect(last()?.text).toBe('the rest\n[answer.md]');
    expect(await refusal(send(Buffer.alloc(10 * 1024 * 1024 + 1)))).toBe('413 40005');
  });

  it('can be edited by nobody else, and is gone once deleted', async () => {
    const { discord, rest, post, edit } = await start();
    const asked = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    expect(await refusal(edit(asked, { content: 'mine' }))).toBe('403 50005');
    expect(await refusal(rest.delete(Routes.channelMessage(discord.channel, asked)))).toBe('403 50013');
    const { id } = await post({ content: 'x' });
    discord.deleteMessage(discord.channel, id);
    expect(await refusal(edit(id, { content: 'y' }))).toBe('404 10008');
    const other = await post({ content: 'z' });
    await rest.delete(Routes.channelMessage(discord.channel, other.id));
    expect(discord.messages(discord.channel).map(({ text }) => text)).toEqual(['hello']);
  });

  it('can be edited 3 times in 6 s once it is older than an hour', async () => {
    const clock = new VirtualClock();
    const { discord, post } = await start({ clock });
    const { id } = await post({ content: 'old' });
    const path = `/channels/${discord.channel}/messages/${id}`;
    const edit = () => request(discord, 'PATCH', path, { content: 'new' });
    await clock.advance(HOUR);
    for (let i = 0; i < 3; i++) expect((await edit()).status).toBe(200);
    expect(await edit()).toMatchObject({ status: 429, body: { code: 30046, retry_after: 6 } });
    await clock.advance(6000);
    expect((await edit()).status).toBe(200);
  });
});

describe('mentions', () => {
  it('of everybody, people and roles get out unless they are switched off', async () => {
    const { discord, post } = await start();
    const { asker } = discord.people;
    const role = discord.addRole('Team');
    const content = `@everyone @here <@${asker}> <@&${role}>`;
    const { id } = await post({ content });
    expect(discord.pings.map(({ what }) => what)).toEqual([
      '@everyone',
      '@here',
      `<@${asker}>`,
      `<@&${role}>`,
    ]);
    expect(discord.pings.every((ping) => ping.message === id && ping.notified)).toBe(true);
    await post({ content, allowed_mentions: { parse: [] } });
    expect(discord.pings).toHaveLength(4);
    await post({ content, allowed_mentions: { parse: ['users'] } });
    expect(discord.pings.at(-1)?.what).toBe(`<@${asker}>`);
    expect(discord.pings).toHaveLength(5);
  });

  it('come back with an edit that does not switch them off again', async () => {
    const { discord, post, edit } = await start();
    const { id } = await post({ content: '@everyone', allowed_mentions: { parse: [] } });
    await edit(id, { content: '@everyone!', allowed_mentions: { parse: [] } });
    expect(discord.pings).toEqual([]);
    await edit(id, { content: '@everyone?' });
    expect(discord.pings).toEqual([{ message: id, what: '@everyone', notified: false }]);
  });

  it('in code, of strangers, or without the permission mention nobody', async () => {
    const { discord, post } = await start();
    await post({ content: '`@everyone`\n```\n@here\n```\n<@11111111111111111>' });
    discord.deny(discord.channel, 'MentionEveryone');
    await post({ content: `@everyone <@&${discord.addRole('Team')}>` });
    expect(discord.pings).toEqual([]);
    await post({ content: `<@&${discord.addRole('On call', [], true)}>` });
    expect(discord.pings).toHaveLength(1);
  });

  it('of whom a reply answers happen by default', async () => {
    const { discord, post, last } = await start();
    const { asker } = discord.people;
    const question = discord.say({ channel: discord.channel, user: asker, text: 'why?' });
    const message_reference = { message_id: question };
    await post({ content: 'because', message_reference, allowed_mentions: { parse: [] } });
    expect(discord.pings).toEqual([]);
    expect(last()).toMatchObject({ thread: question });
    await post({ content: 'because', message_reference });
    expect(discord.pings.map(({ what }) => what)).toEqual([`<@${asker}>`]);
  });

  it('are read as names and typed as names', async () => {
    const { discord, last } = await start();
    discord.say({
      channel: discord.channel,
      user: discord.people.asker,
      text: '@pilotlight and @admin: hello',
    });
    expect(last()?.text).toBe('@pilotlight and @admin: hello');
    const [message] = await bot(discord).list();
    expect(message?.content).toBe(`<@${discord.botUserId}> and <@${discord.people.admin}>: hello`);
  });
});

describe('a reply to a message that was deleted', () => {
  it('is refused, or comes as a plain message with fail_if_not_exists: false', async () => {
    const { discord, post, last } = await start();
    const id = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'why?' });
    discord.deleteMessage(discord.channel, id);
    expect(await refusal(post({ content: 'x', message_reference: { message_id: id } }))).toBe('400 50035');
    await post({ content: 'x', message_reference: { message_id: id, fail_if_not_exists: false } });
    expect(last()?.thread).toBeUndefined();
  });
});

describe('a history', () => {
  it('comes newest first, by page, after or before a message', async () => {
    const { discord, list } = await start();
    const ids = ['a', 'b', 'c', 'd'].map((text) =>
      discord.say({ channel: discord.channel, user: discord.people.asker, text }),
    );
    const texts = async (query: object) => (await list(query)).map(({ content }) => content).join('');
    expect(await texts({})).toBe('dcba');
    expect(await texts({ limit: 2 })).toBe('dc');
    expect(await texts({ after: ids[0], limit: 2 })).toBe('cb');
    expect(await texts({ before: ids[2] })).toBe('ba');
    expect(await texts({ around: ids[1], limit: 3 })).toBe('cba');
  });

  it('is refused when more than a page, or next to what is no id, is asked for', async () => {
    const { list } = await start();
    expect(await faultyFields(list({ limit: 101 }))).toContain('limit');
    expect(await faultyFields(list({ after: 'yesterday' }))).toContain('after');
  });

  it('is empty without the permission to read it', async () => {
    const { discord, list, post } = await start();
    const id = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    discord.deny(discord.channel, 'ReadMessageHistory');
    expect(await list()).toEqual([]);
    expect(await refusal(post({ content: 'x', message_reference: { message_id: id } }))).toBe('400 160002');
  });
});

describe('the bot', () => {
  it('is refused where it may not see, write or react, and where nothing is', async () => {
    const { discord, rest, post, edit } = await start();
    const id = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    const react = () =>
      rest.put(Routes.channelMessageOwnReaction(discord.channel, id, encodeURIComponent('👀')));
    discord.deny(discord.channel, 'SendMessages', 'AddReactions');
    expect(await refusal(post({ content: 'x' }))).toBe('403 50013');
    expect(await refusal(rest.post(Routes.channelTyping(discord.channel)))).toBe('403 50013');
    expect(await refusal(react())).toBe('403 50013');
    discord.allow(discord.channel, 'SendMessages');
    await post({ content: 'x' });
    discord.deny(discord.channel, 'ViewChannel');
    expect(await refusal(post({ content: 'x' }))).toBe('403 50001');
    expect(await refusal(post({ content: 'x' }, '11111111111111111'))).toBe('404 10003');
    expect(await refusal(post({ content: 'x' }, 'general'))).toBe('400 50035');
    expect(await refusal(edit('11111111111111111', { content: 'x' }, discord.dm))).toBe('404 10008');
    expect(await refusal(rest.get('/no/such/route'))).toBe('404 0');
  });

  it('writes to people who let it', async () => {
    const { discord, rest, post } = await start();
    const { colleague } = discord.people;
    const dm = (await rest.post(Routes.userChannels(), { body: { recipient_id: colleague } })) as {
      id: string;
    };
    await post({ content: 'ready' }, dm.id);
    expect(discord.messages(discord.openDm(colleague)).map(({ text }) => text)).toEqual(['ready']);
    discord.refuseDms(colleague);
    expect(await refusal(post({ content: 'x' }, dm.id))).toBe('403 50007');
  });

  it('reacts with emoji only, and takes its reaction back', async () => {
    const { discord, rest, last } = await start({ budgets: { reaction: LOOSE } });
    const id = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    const route = (emoji: string) =>
      Routes.channelMessageOwnReaction(discord.channel, id, encodeURIComponent(emoji));
    await rest.put(route('👀'));
    await rest.put(route('❤'));
    expect(last()?.reactions).toEqual(['👀', '❤']);
    await rest.delete(route('👀'));
    expect(last()?.reactions).toEqual(['❤']);
    expect(await refusal(rest.put(route('eyes')))).toBe('400 10014');
  });
});

describe('threads', () => {
  it('made from a message have its id, one for each message', async () => {
    const { discord, rest, post } = await start();
    const question = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'why?' });
    const make = (name: string) =>
      rest.post(Routes.threads(discord.channel, question), { body: { name } }) as Promise<{ id: string }>;
    expect(await faultyFields(make(''))).toContain('name');
    expect((await make('Why?')).id).toBe(question);
    expect(await refusal(make('Again'))).toBe('400 160004');
    await post({ content: 'because' }, question);
    expect(discord.messages(question).map(({ text }) => text)).toEqual(['because']);
    discord.deny(discord.channel, 'CreatePublicThreads', 'SendMessagesInThreads');
    const other = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'and?' });
    expect(await refusal(rest.post(Routes.threads(discord.channel, other), { body: { name: 'x' } }))).toBe(
      '403 50013',
    );
    expect(await refusal(post({ content: 'x' }, question))).toBe('403 50013');
  });

  it('that are archived take no edits; a new message opens them again, unless they are locked', async () => {
    const { discord, rest, post, edit } = await start();
    const { asker } = discord.people;
    const thread = discord.createThread({ channel: discord.channel, user: asker, name: 'More' });
    const { id } = await post({ content: 'x' }, thread);
    discord.archiveThread(thread);
    expect(await refusal(edit(id, { content: 'y' }, thread))).toBe('400 50083');
    const active = async () =>
      ((await rest.get(Routes.guildActiveThreads(discord.guildId))) as { threads: object[] }).threads.length;
    expect(await active()).toBe(0);
    await post({ content: 'more' }, thread);
    await edit(id, { content: 'y' }, thread);
    expect(await active()).toBe(1);
    discord.archiveThread(thread, { locked: true });
    expect(await refusal(post({ content: 'x' }, thread))).toBe('403 160005');
    expect(() => discord.say({ channel: thread, user: asker, text: 'x' })).toThrow(/locked/);
  });

  it('are opened again by whoever may write, and changed otherwise by moderators only', async () => {
    const { discord, rest, edit, post } = await start();
    const thread = discord.createThread({
      channel: discord.channel,
      user: discord.people.asker,
      name: 'More',
    });
    const { id } = await post({ content: 'x' }, thread);
    const change = (body: object) => refusal(rest.patch(Routes.channel(thread), { body }));
    discord.archiveThread(thread);
    expect(await change({ archived: false })).toBe('not refused');
    await edit(id, { content: 'y' }, thread);
    expect(await change({ name: 'Less' })).toBe('403 50013');
    discord.archiveThread(thread, { locked: true });
    expect(await change({ archived: false })).toBe('403 50013');
    discord.allow(discord.channel, 'ManageThreads');
    expect(await change({ name: 'Less' })).toBe('400 50083');
    expect(await change({ archived: false, locked: false, name: 'Less' })).toBe('not refused');
  });

  it('tell when they are made, joined and deleted', async () => {
    const discord = await startDiscord();
    const client = await logIn(discord);
    const created = next<ThreadChannel>(client, Events.ThreadCreate);
    const id = discord.createThread({ channel: discord.channel, user: discord.people.asker, name: 'More' });
    const thread = await created;
    expect(thread).toMatchObject({ id, name: 'More', joined: false, archived: false });
    await thread.join();
    await expect.poll(() => thread.joined).toBe(true);
    const deleted = next<ThreadChannel>(client, Events.ThreadDelete);
    discord.deleteChannel(id);
    expect((await deleted).id).toBe(id);
    expect(await refusal(client.rest.post(Routes.channelTyping(id)))).toBe('404 10003');
  });
});
