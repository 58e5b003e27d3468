import { describe, expect, it, vi } from 'vitest';
import { WriteError } from '../../src/bot/ports.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { as, calls, connected, mentioned, page } from './discord-support.ts';

const POST = 'POST /channels/*/messages';
const EDIT = 'PATCH /channels/*/messages/*';

describe('the answer to a message', () => {
  it('replies to it, grows by edits and ends without its buttons, pinging nobody', async () => {
    const it = await connected();
    const { message, reply } = await mentioned(it);
    const first = await reply.post(
      page(`@everyone <@${it.fake.people.admin}>`, { buttons: ['stop'] }),
      as('a'),
    );
    const shown = () => it.fake.messages(it.fake.channel).find(({ id }) => id === first.message)!;
    expect(shown()).toMatchObject({
      thread: message,
      buttons: [{ id: 'pilotlight:stop:1.0', label: 'Stop' }],
    });
    await reply.edit(first.message, page('Whole, @everyone', { footer: 'done' }), as('a', { final: true }));
    expect(shown()).toMatchObject({ text: 'Whole, @everyone\n-# done', buttons: [], edits: 1 });
    expect(it.fake.pings).toEqual([]);
  });

  it('goes out although the question was deleted meanwhile', async () => {
    const it = await connected();
    const { message, reply } = await mentioned(it);
    it.fake.deleteMessage(it.fake.channel, message);
    await reply.post(page('An answer'), as('a'));
    expect(it.fake.messages(it.fake.channel).map(({ text }) => text)).toEqual(['An answer']);
  });

  it('is written after a restart from the stored address alone', async () => {
    const it = await connected();
    const { question, reply } = await mentioned(it);
    const { message } = await reply.post(page('Half'), as('a'));
    const again = it.discord.open(JSON.parse(JSON.stringify(question.address)), 0);
    await again.edit(message, page('Half, and the rest'), as('a'));
    expect(it.fake.messages(it.fake.channel).at(-1)!.text).toBe('Half, and the rest');
  });

  it('is not posted twice when the first post’s answer was lost', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.faults.add({ on: POST, act: { type: 'lose-answer' } });
    const lost = await reply.post(page('Once'), as('a')).catch((error) => error);
    expect(lost).toMatchObject({ fault: 'unavailable' });
    const found = await reply.post(page('Once'), as('a'));
    expect(it.fake.messages(it.fake.channel).filter(({ text }) => text === 'Once')).toMatchObject([
      { id: found.message },
    ]);
    const other = await reply.post(page('Once'), as('b'));
    expect(other.message).not.toBe(found.message);
  });

  it('is brought up to date where an earlier process had posted it, and was never told', async () => {
    const it = await connected();
    const { question, reply } = await mentioned(it);
    it.fake.faults.add({ on: POST, act: { type: 'lose-answer' } });
    await reply.post(page('Wait', { buttons: ['stop'] }), as('a')).catch(() => {});
    const again = it.discord.open(question.address, 0);
    const { message } = await again.post(page('Whole'), as('a', { final: true }));
    expect(it.fake.messages(it.fake.channel).filter(({ author }) => author.bot)).toMatchObject([
      { id: message, text: 'Whole', buttons: [] },
    ]);
  });

  it('goes without a reference where the bot may not read what was written', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.deny(it.fake.channel, 'ReadMessageHistory');
    const { message } = await reply.post(page('An answer'), as('a'));
    expect(it.fake.messages(it.fake.channel).at(-1)).toMatchObject({ id: message, text: 'An answer' });
  });

  it('reopens a thread that was archived while it was written', async () => {
    const it = await connected();
    const { fake } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    const { reply } = await mentioned(it, thread);
    const { message } = await reply.post(page('Half'), as('a'));
    fake.archiveThread(thread);
    await reply.edit(message, page('Whole'), as('a'));
    expect(fake.messages(thread).at(-1)!.text).toBe('Whole');
  });

  it('stops at a locked thread', async () => {
    const it = await connected();
    const { fake } = it;
    const thread = fake.createThread({ channel: fake.channel, user: fake.people.asker, name: 'a thread' });
    const { reply } = await mentioned(it, thread);
    const { message } = await reply.post(page('Half'), as('a'));
    fake.archiveThread(thread, { locked: true });
    const refused = await reply.edit(message, page('Whole'), as('a')).catch((error) => error);
    expect(refused).toMatchObject({ fault: 'denied' });
  });
});

describe('an announcement', () => {
  it('notifies the person who asked and nobody else', async () => {
    const it = await connected();
    const { message, reply } = await mentioned(it);
    await reply.announce('your answer is ready, @everyone');
    const shown = it.fake.messages(it.fake.channel).at(-1)!;
    expect(shown).toMatchObject({ thread: message, text: '@asker your answer is ready, @everyone' });
    expect(it.fake.pings.map(({ what }) => what)).toEqual([`<@${it.fake.people.asker}>`]);
  });
});

describe('a write that Discord does not carry out', () => {
  const refused = async (write: Promise<unknown>): Promise<WriteError> => {
    const error = await write.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(WriteError);
    return error as WriteError;
  };

  it('is not tried again by the adapter, whatever went wrong', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    const { message } = await reply.post(page('Half'), as('a'));
    const before = calls(it.fake, EDIT);
    it.fake.faults.add({ on: EDIT, act: { type: 'answer', status: 502 }, times: 1 });
    expect(await refused(reply.edit(message, page('Whole'), as('a')))).toMatchObject({
      fault: 'unavailable',
    });
    expect(calls(it.fake, EDIT)).toBe(before + 1);
    it.fake.faults.add({ on: EDIT, act: { type: 'reset' }, times: 1 });
    expect(await refused(reply.edit(message, page('Whole'), as('a')))).toMatchObject({
      fault: 'unavailable',
    });
    await reply.edit(message, page('Whole'), as('a'));
  });

  it('because the budget is used up says when it may go, at once, and is not queued', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    const { message } = await reply.post(page('0'), as('a'));
    const [budget] = reply.budgets('edit', message);
    const receipts = [];
    for (let n = 1; n <= budget!.limit; n++) receipts.push(await reply.edit(message, page(`${n}`), as('a')));
    expect(receipts.map(({ seen }) => seen?.[0])).toMatchObject(
      [4, 3, 2, 1, 0].map((remaining) => ({ budget: budget!.id, remaining })),
    );
    const error = await refused(reply.edit(message, page('too much'), as('a')));
    expect(error).toMatchObject({ fault: 'rate-limited', budgets: [budget!.id] });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(error.retryAfterMs).toBeLessThanOrEqual(budget!.windowMs);
    expect(it.fake.messages(it.fake.channel).at(-1)!.text).toBe('5');
    // Creates are counted apart, so the rest may still go out as a new message.
    await reply.post(page('the rest'), as('b'));
  });

  it('because the message was deleted means gone', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    const { message } = await reply.post(page('Half'), as('a'));
    it.fake.deleteMessage(it.fake.channel, message);
    expect(await refused(reply.edit(message, page('Whole'), as('a')))).toMatchObject({ fault: 'gone' });
  });

  it('because the bot lost its permission, or the channel, means denied', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.deny(it.fake.channel, 'SendMessages');
    expect(await refused(reply.post(page('x'), as('a')))).toMatchObject({ fault: 'denied' });
    it.fake.deleteChannel(it.fake.channel);
    expect(await refused(reply.post(page('x'), as('a')))).toMatchObject({ fault: 'denied' });
  });

  it('because it is too long says so', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    expect(await refused(reply.post(page('x'.repeat(2001)), as('a')))).toMatchObject({ fault: 'too-long' });
  });

  it('because the caller gave it up ends at once', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    const controller = new AbortController();
    it.fake.faults.add({ on: POST, act: { type: 'delay', ms: 60_000 } });
    const post = refused(reply.post(page('x'), as('a', { signal: controller.signal })));
    controller.abort();
    expect(await post).toMatchObject({ fault: 'unavailable' });
  });

  it('because the token was refused does not keep later ones from going out', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.faults.add({ on: POST, act: { type: 'answer', status: 401, body: { code: 0, message: '401' } } });
    expect(await refused(reply.post(page('x'), as('a')))).toMatchObject({ fault: 'unavailable' });
    await reply.post(page('x'), as('a'));
  });
});

describe('typing', () => {
  const TYPING = 'POST /channels/*/typing';

  it('shows at once, is kept up for as long as the reply is worked on, and then ends', async () => {
    const clock = new VirtualClock();
    const it = await connected({ clock });
    const { reply } = await mentioned(it);
    reply.activity('is thinking…');
    await vi.waitUntil(() => calls(it.fake, TYPING) === 1, { timeout: 5_000 });
    expect(it.fake.activity(it.fake.channel)).toEqual([{ text: 'pilotlight is typing…' }]);
    for (const count of [2, 3]) {
      reply.activity('is still thinking…');
      await clock.advance(9_000);
      await vi.waitUntil(() => calls(it.fake, TYPING) === count, { timeout: 5_000 });
    }
    reply.activity(null);
    await clock.advance(60_000);
    await reply.post(page('An answer'), as('a'));
    expect(calls(it.fake, TYPING)).toBe(3);
  });

  it('is asked for once however many replies a channel waits for', async () => {
    const clock = new VirtualClock();
    const it = await connected({ clock });
    const replies = [await mentioned(it), await mentioned(it), await mentioned(it)].map(({ reply }) => reply);
    for (const reply of replies) reply.activity('is thinking…');
    replies[0]!.activity(null);
    await clock.advance(8_000);
    await vi.waitUntil(() => calls(it.fake, TYPING) === 2, { timeout: 5_000 });
    for (const reply of replies) reply.activity(null);
    await clock.advance(60_000);
    await replies[0]!.post(page('An answer'), as('a'));
    expect(calls(it.fake, TYPING)).toBe(2);
  });

  it('leaves most of what Discord takes to the answers when many channels wait, and shows in all of them', async () => {
    const clock = new VirtualClock();
    const it = await connected({ clock });
    const { guildId: guild, people, channel } = it.fake;
    const threads = Array.from({ length: 25 }, (_, i) =>
      it.fake.createThread({ channel, user: people.asker, name: `thread ${i}` }),
    );
    for (const thread of threads) {
      const address = { by: 'message', guild, channel: thread, author: people.asker, message: thread };
      it.discord.open(address, 0).activity('is waking the model…');
    }
    await vi.waitUntil(() => calls(it.fake, TYPING) === 10, { timeout: 5_000 });
    await clock.advance(1_500);
    expect(calls(it.fake, TYPING)).toBe(10);
    await vi.waitUntil(
      async () => {
        await clock.advance(100);
        return calls(it.fake, TYPING) >= 25;
      },
      { timeout: 10_000 },
    );
    expect(threads.every((thread) => it.fake.activity(thread).length > 0)).toBe(true);
  });

  it('that fails hurts nobody', async () => {
    const it = await connected();
    const { reply } = await mentioned(it);
    it.fake.faults.add({ on: TYPING, act: { type: 'answer', status: 500 } });
    reply.activity('is thinking…');
    await vi.waitUntil(() => calls(it.fake, TYPING) === 1, { timeout: 5_000 });
    await reply.post(page('An answer'), as('a'));
    reply.activity(null);
  });
});

describe('a deleted message', () => {
  it('is reported when it is the bot’s, however long ago it was written', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const own = fake.say({ channel: fake.channel, user: fake.botUserId, text: 'An answer' });
    const other = fake.say({ channel: fake.channel, user: fake.people.asker, text: 'hello' });
    fake.deleteMessage(fake.channel, other);
    fake.deleteMessage(fake.channel, own);
    await vi.waitUntil(() => bot.deleted.length > 0, { timeout: 5_000 });
    expect(bot.deleted).toEqual([
      { platform: 'discord', workspace: fake.guildId, channel: fake.channel, message: own },
    ]);
  });
});
