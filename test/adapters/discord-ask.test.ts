import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { as, type Connected, calls, commanded, connected, page } from './discord-support.ts';

const MINUTE = 60_000;
const BY_TOKEN = 'PATCH /webhooks/*/*/messages/*';
const BY_BOT = 'PATCH /channels/*/messages/*';
const CREATE = 'POST /channels/*/messages';
const CALLBACK = 'POST /interactions/*/*/callback';

const shown = ({ fake }: Connected, id: string) =>
  fake.messages(fake.channel).find((message) => message.id === id);

describe('/ask', () => {
  it('shows that the bot is thinking, and then the question and the answer in the same place', async () => {
    const it = await connected();
    const { message, question, id, reply } = await commanded(it, 'What is <@1>\n a pilot light?');
    expect(shown(it, message)?.pending).toBe(true);
    expect(question).toMatchObject({
      platform: 'discord',
      workspace: it.fake.guildId,
      channel: it.fake.channel,
      message: id,
      conversation: id,
      author: { id: it.fake.people.asker, name: 'asker' },
    });
    const receipt = await reply.post(page('A small'), as('a'));
    expect(receipt.message).toBe(message);
    await reply.edit(message, page('A small flame'), as('a', { final: true }));
    expect(shown(it, message)).toMatchObject({
      text: '> What is <@1> a pilot light?\nA small flame'.replaceAll('<@1>', '@someone'),
      pending: false,
    });
  });

  it('is acknowledged before anything else is done', async () => {
    const it = await connected();
    const { ask } = it.bot;
    let acknowledged = 0;
    it.bot.ask = (question) => {
      acknowledged = calls(it.fake, CALLBACK);
      return ask.call(it.bot, question);
    };
    await commanded(it);
    expect(acknowledged).toBe(1);
  });

  it('writes on the interaction’s own budget, and further pages on the channel’s', async () => {
    const it = await connected();
    const { message, id, reply } = await commanded(it);
    const ids = (op: 'post' | 'edit', of?: string) => reply.budgets(op, of).map((budget) => budget.id);
    expect(ids('post')).toEqual([`discord:interaction:${id}`]);
    await reply.post(page('one'), as('a'));
    expect(ids('edit', message)).toEqual([`discord:interaction:${id}`]);
    expect(ids('post')).toEqual([`discord:${it.fake.channel}:create`, 'discord:global']);
    const second = await reply.post(page('two'), as('b'));
    expect(ids('edit', second.message)).toEqual([`discord:${it.fake.channel}:edit`, 'discord:global']);
    expect(shown(it, second.message)).toMatchObject({ text: 'two', thread: message });
  });

  it('belongs to the conversation of its thread or direct message', async () => {
    const it = await connected();
    const { fake } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    expect((await commanded(it, 'x', thread)).question).toMatchObject({
      channel: thread,
      conversation: thread,
    });
    const inDm = (await commanded(it, 'x', fake.dm)).question;
    expect(inDm).toMatchObject({ workspace: fake.dm, conversation: fake.dm });
  });

  it('shows no typing beside "thinking…"', async () => {
    const it = await connected();
    const { reply } = await commanded(it);
    reply.activity('is thinking…');
    await reply.post(page('x'), as('a'));
    expect(calls(it.fake, 'POST /channels/*/typing')).toBe(0);
  });

  it('that cannot be taken says so where it was thinking', async () => {
    const it = await connected();
    it.bot.broken = true;
    const { fake } = it;
    const used = await fake.command({
      channel: fake.channel,
      user: fake.people.asker,
      name: 'ask',
      options: { prompt: 'a private question' },
    });
    await vi.waitUntil(() => !shown(it, used.message)?.pending, { timeout: 5_000 });
    expect(shown(it, used.message)?.text).toContain('could not take your question');
    expect(JSON.stringify(it.log)).not.toContain('a private question');
  });

  it('that cannot be taken says so although the acknowledgement’s answer was lost', async () => {
    const it = await connected();
    it.bot.broken = true;
    const { fake } = it;
    fake.faults.add({ on: CALLBACK, act: { type: 'lose-answer' } });
    const options = { prompt: 'a private question' };
    const used = await fake.command({ channel: fake.channel, user: fake.people.asker, name: 'ask', options });
    await vi.waitUntil(() => !shown(it, used.message)?.pending, { timeout: 5_000 });
    expect(shown(it, used.message)?.text).toContain('could not take your question');
  });

  it('that was acknowledged too late is left to Discord’s own words', async () => {
    const it = await connected();
    const { fake, bot, log } = it;
    fake.faults.add({
      on: CALLBACK,
      act: { type: 'answer', status: 404, body: { code: 10062, message: '' } },
    });
    const use = { channel: fake.channel, user: fake.people.asker, name: 'ask', options: { prompt: 'x' } };
    fake.command(use).catch(() => {});
    await vi.waitUntil(() => log.some(({ msg }) => msg.includes('too late')), { timeout: 5_000 });
    expect(bot.questions).toEqual([]);
  });

  it('is taken although the acknowledgement’s answer was lost', async () => {
    const it = await connected();
    it.fake.faults.add({ on: CALLBACK, act: { type: 'lose-answer' } });
    const { message, reply } = await commanded(it);
    await reply.post(page('An answer'), as('a'));
    expect(shown(it, message)).toMatchObject({ text: '> hello\nAn answer', pending: false });
  });

  it('puts a retried answer into a message of its own', async () => {
    const it = await connected();
    const { message, question, reply } = await commanded(it);
    await reply.post(page('The first'), as('a'));
    const retry = it.discord.open(question.address, 1);
    const receipt = await retry.post(page('The second'), as('b'));
    expect(shown(it, message)?.text).toContain('The first');
    expect(shown(it, receipt.message)).toMatchObject({ text: 'The second', thread: message });
  });

  it('goes on in the same message after a restart', async () => {
    const it = await connected();
    const { message, question } = await commanded(it);
    const reopened = () => it.discord.open(JSON.parse(JSON.stringify(question.address)), 0);
    const receipt = await reopened().post(page('Half'), as('a'));
    expect(receipt.message).toBe(message);
    const again = reopened();
    await again.edit(message, page('Whole'), as('a'));
    await again.post(page('The second page'), as('b'));
    expect(it.fake.messages(it.fake.channel).map(({ text }) => text)).toEqual([
      '> hello\nWhole',
      'The second page',
    ]);
  });
});

describe('an answer that outlives its interaction', () => {
  it('goes over to the bot’s own token a minute before the interaction’s ends', async () => {
    const clock = new VirtualClock();
    const it = await connected({ clock });
    const { message, reply } = await commanded(it);
    await reply.post(page('one'), as('a'));
    await clock.advance(14 * MINUTE - 1);
    await reply.edit(message, page('two'), as('a'));
    expect([calls(it.fake, BY_TOKEN), calls(it.fake, BY_BOT)]).toEqual([2, 0]);
    await clock.advance(1);
    expect(reply.budgets('edit', message).map(({ id }) => id)).toContain(`discord:${it.fake.channel}:edit`);
    await reply.edit(message, page('three'), as('a'));
    expect([calls(it.fake, BY_TOKEN), calls(it.fake, BY_BOT)]).toEqual([2, 1]);
    expect(shown(it, message)?.text).toBe('> hello\nthree');
  });

  it('goes over at once when the token is refused before its time, and does not try it again', async () => {
    const it = await connected();
    const { message, reply } = await commanded(it);
    await reply.post(page('one'), as('a'));
    it.fake.expireInteraction(message);
    await reply.edit(message, page('two'), as('a'));
    await reply.edit(message, page('three'), as('a'));
    expect([calls(it.fake, BY_TOKEN), calls(it.fake, BY_BOT)]).toEqual([2, 2]);
    expect(shown(it, message)?.text).toBe('> hello\nthree');
  });

  it('also when Discord no longer knows the token', async () => {
    const it = await connected();
    const { message, reply } = await commanded(it);
    await reply.post(page('one'), as('a'));
    it.fake.faults.add({
      on: BY_TOKEN,
      act: { type: 'answer', status: 404, body: { message: '404: Not Found' } },
    });
    await reply.edit(message, page('two'), as('a'));
    expect(shown(it, message)?.text).toBe('> hello\ntwo');
  });

  it('also when its thread was archived meanwhile, which it reopens', async () => {
    const it = await connected();
    const { fake } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    const { message, reply } = await commanded(it, 'hello', thread);
    await reply.post(page('one'), as('a'));
    fake.archiveThread(thread);
    await reply.edit(message, page('two'), as('a'));
    expect(fake.messages(thread).at(-1)?.text).toBe('> hello\ntwo');
  });

  it('still fills the place where it was thinking when the token ended before the first word', async () => {
    const it = await connected();
    const { message, reply } = await commanded(it);
    it.fake.expireInteraction(message);
    expect((await reply.post(page('At last'), as('a'))).message).toBe(message);
    expect(shown(it, message)).toMatchObject({ text: '> hello\nAt last', pending: false });
  });

  it('becomes a new message when that place is gone with the token', async () => {
    const it = await connected();
    const { message, reply } = await commanded(it);
    it.fake.expireInteraction(message);
    it.fake.deleteMessage(it.fake.channel, message);
    const receipt = await reply.post(page('At last'), as('a'));
    expect(shown(it, receipt.message)?.text).toBe('At last');
    expect(calls(it.fake, CREATE)).toBe(1);
  });

  it('is not brought back when somebody deleted it while the token lived', async () => {
    const it = await connected();
    const { message, reply } = await commanded(it);
    it.fake.deleteMessage(it.fake.channel, message);
    await expect(reply.post(page('x'), as('a'))).rejects.toMatchObject({ fault: 'gone' });
    expect(it.fake.messages(it.fake.channel)).toEqual([]);
  });
});

describe('/ask where the bot itself may not write', () => {
  async function outOfReach(clock = new VirtualClock()) {
    const it = await connected({ clock });
    it.fake.deny(it.fake.channel, 'SendMessages');
    return { ...it, ...(await commanded(it)), clock };
  }

  it('is answered through the interaction alone, all pages of it', async () => {
    const it = await outOfReach();
    await it.reply.post(page('one'), as('a'));
    const second = await it.reply.post(page('two'), as('b'));
    await it.reply.edit(second.message, page('two, whole'), as('b'));
    expect(it.fake.messages(it.fake.channel).map(({ text }) => text)).toEqual(['> hello\none', 'two, whole']);
    expect(it.reply.budgets('post').map(({ id }) => id)).toEqual([`discord:interaction:${it.id}`]);
    expect(calls(it.fake, CREATE) + calls(it.fake, BY_BOT)).toBe(0);
  });

  it('says in the chat why it stops, before its 15 minutes end', async () => {
    const it = await outOfReach();
    await it.reply.post(page('one'), as('a'));
    await it.clock.advance(14 * MINUTE);
    await it.reply.edit(it.message, page('more', { footer: 'still going' }), as('a'));
    expect(shown(it, it.message)?.text).toMatch(
      /^> hello\nmore\n-# Discord lets me write here for 15 minutes only/,
    );
    await it.clock.advance(MINUTE);
    const refused = it.reply.edit(it.message, page('much more'), as('a'));
    await expect(refused).rejects.toMatchObject({ fault: 'denied' });
  });

  it('says nothing of it under an answer that is whole', async () => {
    const it = await outOfReach();
    await it.clock.advance(14 * MINUTE + 1);
    await it.reply.post(page('whole'), as('a', { final: true }));
    expect(shown(it, it.message)?.text).toBe('> hello\nwhole');
  });
});

describe('"Answer this" in a message’s menu', () => {
  it('takes the message for the question, with its pictures', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const message = fake.say({
      channel: fake.channel,
      user: fake.people.colleague,
      text: 'Why is the sky blue?',
      files: [{ name: 'sky.png', mimetype: 'image/png', content: new Uint8Array(3) }],
    });
    const next = bot.next();
    await fake.messageCommand({
      channel: fake.channel,
      user: fake.people.asker,
      name: 'Answer this',
      message,
    });
    expect(await next).toMatchObject({
      text: 'Why is the sky blue?',
      author: { id: fake.people.asker },
      images: [{ mimeType: 'image/png', bytes: 3 }],
    });
  });
});
