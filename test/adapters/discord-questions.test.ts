import { describe, expect, it, vi } from 'vitest';
import { type Connected, calls, connected } from './discord-support.ts';

/** Says something that must be passed over, then something that must not, and gives what came of both. */
async function onlyTheSecond({ fake, bot }: Connected, first: () => void, channel = fake.channel) {
  const { length } = bot.questions;
  first();
  fake.say({ channel, user: fake.people.asker, text: '@pilotlight the second' });
  const since = () => bot.questions.slice(length).map(({ text }) => text);
  await vi.waitUntil(() => since().includes('the second'), { timeout: 5_000 });
  return since();
}

describe('a mention in a channel', () => {
  it('is a question that begins a conversation of its own', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    const message = fake.say({
      channel: fake.channel,
      user: fake.people.asker,
      text: '@pilotlight what is a pilot light?',
    });
    expect(await next).toMatchObject({
      platform: 'discord',
      workspace: fake.guildId,
      channel: fake.channel,
      message,
      conversation: message,
      author: { id: fake.people.asker, roles: [], name: 'asker' },
      text: 'what is a pilot light?',
      images: [],
    });
  });

  it('names the roles of who asks, so that admins are known', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    fake.say({ channel: fake.channel, user: fake.people.admin, text: '@pilotlight hello' });
    const { author } = await next;
    expect(author.roles).toHaveLength(1);
    expect(author.roles).not.toContain(fake.guildId);
  });

  it('is understood when somebody picks the role with the bot’s name', async () => {
    const { fake, bot } = await connected();
    const role = await ownRoleOf(fake.apiUrl, fake.token, fake.guildId);
    const next = bot.next();
    fake.say({ channel: fake.channel, user: fake.people.admin, text: `<@&${role}> hello` });
    expect((await next).text).toBe('hello');
  });

  it('carries pictures along, and names the files that are neither pictures nor text', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    const content = new Uint8Array([1, 2, 3]);
    fake.say({
      channel: fake.channel,
      user: fake.people.asker,
      text: '@pilotlight what is this?',
      files: [
        { name: 'a.png', mimetype: 'image/png', content },
        { name: 'a.zip', mimetype: 'application/zip', content },
      ],
    });
    const { images, text } = await next;
    expect(images).toEqual([{ url: expect.stringContaining('a.png'), mimeType: 'image/png', bytes: 3 }]);
    expect(text).toBe('what is this?\n\n(The file a.zip cannot be read.)');
  });

  it('that is a file alone which cannot be read is empty, so that the bot can say how to ask', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    const file = { name: 'a.zip', mimetype: 'application/zip', content: new Uint8Array([1]) };
    fake.say({ channel: fake.dm, user: fake.people.asker, text: '', files: [file] });
    expect((await next).text).toBe('');
  });

  it('carries along what was pasted, which Discord makes a file of when it is long', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    const pasted = 'A long line.\n'.repeat(8_000);
    fake.say({
      channel: fake.channel,
      user: fake.people.asker,
      text: '@pilotlight sum this up',
      files: [
        { name: 'message.txt', mimetype: 'text/plain; charset=utf-8', content: Buffer.from(pasted) },
        { name: 'huge.txt', mimetype: 'text/plain', content: Buffer.alloc(300 * 1024, 'x') },
      ],
    });
    expect((await next).text).toBe(
      `sum this up\n\nmessage.txt:\n\n${pasted.trim()}\n\n(The file huge.txt is too long to be read.)`,
    );
  });

  it('is a question even when nothing else is said, so that the bot can say how to ask', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight' });
    expect((await next).text).toBe('');
  });

  it('about somebody else’s message brings that message along', async () => {
    const { fake, bot } = await connected();
    const about = fake.say({ channel: fake.channel, user: fake.people.colleague, text: 'Two\nlines' });
    const next = bot.next();
    fake.say({
      channel: fake.channel,
      user: fake.people.asker,
      text: '@pilotlight is that true?',
      replyTo: about,
    });
    const question = await next;
    expect(question.text).toBe('colleague wrote:\n> Two\n> lines\n\nis that true?');
    expect(question.inReplyTo).toBeUndefined();
  });
});

describe('what is not for the bot', () => {
  it('is everything else in a channel, @everyone too', async () => {
    const it = await connected();
    const { fake } = it;
    const say = (text: string) => fake.say({ channel: fake.channel, user: fake.people.admin, text });
    expect(
      await onlyTheSecond(it, () => {
        say('hello all');
        say('@everyone hello');
        say('@colleague hello');
      }),
    ).toEqual(['the second']);
  });

  it('is what bots say, itself above all', async () => {
    const it = await connected();
    const { fake } = it;
    const own = () => fake.say({ channel: fake.channel, user: fake.botUserId, text: '@pilotlight hello' });
    expect(await onlyTheSecond(it, own)).toEqual(['the second']);
  });

  it('is a message that was changed, or that a link preview was added to', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const next = bot.next();
    const id = fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight hello' });
    await next;
    const change = () => {
      fake.editMessage(fake.channel, id, '@pilotlight hello again');
      fake.unfurl(fake.channel, id, 'A page');
    };
    expect(await onlyTheSecond(it, change)).toEqual(['the second']);
  });
});

describe('a reply to the bot', () => {
  it('goes on in that answer’s conversation, with or without a ping', async () => {
    const { fake, bot } = await connected();
    const answer = fake.say({ channel: fake.channel, user: fake.botUserId, text: 'An answer' });
    for (const pingReplied of [true, false]) {
      const next = bot.next();
      const message = fake.say({
        channel: fake.channel,
        user: fake.people.asker,
        text: 'and then?',
        replyTo: answer,
        pingReplied,
      });
      expect(await next).toMatchObject({ message, inReplyTo: answer, text: 'and then?' });
    }
  });
});

describe('a thread', () => {
  it('is one conversation', async () => {
    const { fake, bot } = await connected();
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    const next = bot.next();
    fake.say({ channel: thread, user: fake.people.asker, text: '@pilotlight hello' });
    expect(await next).toMatchObject({ channel: thread, conversation: thread, workspace: fake.guildId });
  });

  it('needs no mention once the bot takes part', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    const say = () => fake.say({ channel: thread, user: fake.people.asker, text: 'go on' });
    expect(await onlyTheSecond(it, say, thread)).toEqual(['the second']);
    bot.engaged.add(thread);
    expect(await onlyTheSecond(it, say, thread)).toEqual(['go on', 'the second']);
  });

  it('leaves people alone who speak to each other there', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    bot.engaged.add(thread);
    const said = fake.say({ channel: thread, user: fake.people.colleague, text: '@asker I am here' });
    const aside = () => {
      const say = { channel: thread, user: fake.people.admin };
      fake.say({ ...say, text: '@colleague what do you think?' });
      fake.say({ ...say, text: '@everyone what do you think?' });
      for (const pingReplied of [true, false]) fake.say({ ...say, text: 'Yes', replyTo: said, pingReplied });
    };
    expect(await onlyTheSecond(it, aside, thread)).toEqual(['the second']);
  });

  it('hears who goes on by a reply to themselves', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const thread = fake.createThread({ channel, user: people.asker, name: 'a thread' });
    bot.engaged.add(thread);
    const replyTo = fake.say({ channel: thread, user: people.asker, text: 'one' });
    fake.say({ channel: thread, user: people.asker, text: 'two', replyTo });
    await vi.waitUntil(() => bot.questions.length === 2, { timeout: 5_000 });
    expect(bot.questions.map(({ text }) => text)).toEqual(['one', 'two']);
  });

  it('that was opened on one of the bot’s answers needs no mention from the start', async () => {
    const { fake, bot } = await connected();
    const answer = fake.say({ channel: fake.channel, user: fake.botUserId, text: 'An answer' });
    bot.own.add(`${fake.channel} ${answer}`);
    const thread = fake.createThread({
      channel: fake.channel,
      user: fake.people.asker,
      name: 'a thread',
      message: answer,
    });
    const next = bot.next();
    fake.say({ channel: thread, user: fake.people.asker, text: 'and then?' });
    expect(await next).toMatchObject({ conversation: thread, text: 'and then?' });
  });

  it('keeps the order of what is said, whether or not the bot is named', async () => {
    const { fake, bot } = await connected();
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    bot.engaged.add(thread);
    const texts = ['one', '@pilotlight two', 'three', '@pilotlight four'];
    for (const text of texts) fake.say({ channel: thread, user: fake.people.asker, text });
    await vi.waitUntil(() => bot.questions.length === 4, { timeout: 5_000 });
    expect(bot.questions.map(({ text }) => text)).toEqual(['one', 'two', 'three', 'four']);
  });
});

describe('a direct message', () => {
  it('needs no mention and is one conversation', async () => {
    const { fake, bot } = await connected();
    const channel = fake.dm;
    const next = bot.next();
    fake.say({ channel, user: fake.people.asker, text: 'hello' });
    expect(await next).toMatchObject({ channel, workspace: channel, conversation: channel, text: 'hello' });
  });
});

describe('a question that cannot be taken', () => {
  it('is answered with a word about it, and logged without what was asked', async () => {
    const { fake, bot, log } = await connected();
    bot.broken = true;
    const message = fake.say({
      channel: fake.channel,
      user: fake.people.asker,
      text: '@pilotlight a private question',
    });
    const shown = () => fake.messages(fake.channel).find(({ thread }) => thread === message);
    await vi.waitUntil(shown, { timeout: 5_000 });
    expect(shown()!.text).toContain('could not take your question');
    expect(log).toContainEqual(expect.objectContaining({ level: 50, message }));
    expect(JSON.stringify(log)).not.toContain('a private question');
  });

  it('because the bot may not write there is told to the person alone, and costs no model', async () => {
    const { fake, bot } = await connected();
    const closed = fake.addChannel('closed');
    fake.deny(closed, 'SendMessages');
    fake.say({ channel: closed, user: fake.people.asker, text: '@pilotlight hello' });
    const dm = fake.dm;
    await vi.waitUntil(() => fake.messages(dm).length > 0, { timeout: 5_000 });
    expect(fake.messages(dm)[0]!.text).toContain('Send Messages');
    expect(bot.questions).toEqual([]);
    expect(calls(fake, 'POST /channels/*/messages')).toBe(1);
  });
});

/** The role that Discord made for the bot. */
async function ownRoleOf(apiUrl: string, token: string, guild: string): Promise<string> {
  const answer = await fetch(`${apiUrl}/v10/guilds/${guild}`, { headers: { authorization: `Bot ${token}` } });
  const { roles } = (await answer.json()) as { roles: { id: string; managed: boolean }[] };
  return roles.find(({ managed }) => managed)!.id;
}
