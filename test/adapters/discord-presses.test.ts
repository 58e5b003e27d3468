import { describe, expect, it, vi } from 'vitest';
import type { Pressed } from '../../src/bot/ports.ts';
import { as, type Connected, commanded, connected, page } from './discord-support.ts';

const CALLBACK = 'POST /interactions/*/*/callback';

describe('a button', () => {
  async function withButton(it: Connected) {
    const { reply, message } = await commanded(it);
    await reply.post(page('x', { buttons: ['stop'] }), as('a'));
    return message;
  }

  it('is acknowledged and passed on with who pressed it', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const message = await withButton(it);
    await fake.click(fake.channel, message, 'pilotlight:stop:1.0', fake.people.admin);
    await vi.waitUntil(() => bot.presses.length === 1, { timeout: 5_000 });
    expect(bot.presses[0]).toMatchObject({
      platform: 'discord',
      workspace: fake.guildId,
      channel: fake.channel,
      button: 'stop',
      turn: '1.0',
      user: { id: fake.people.admin, name: 'admin', roles: [expect.any(String)] },
    });
  });

  it('answers in private what concerns only the person who pressed it', async () => {
    const it = await connected();
    const { fake, bot } = it;
    bot.pressAnswer = 'Only the person who asked can do that.';
    const message = await withButton(it);
    await fake.click(fake.channel, message, 'pilotlight:stop:1.0', fake.people.colleague);
    const answer = () => fake.messages(fake.channel).find(({ onlyFor }) => onlyFor === fake.people.colleague);
    await vi.waitUntil(answer, { timeout: 5_000 });
    expect(answer()?.text).toBe(bot.pressAnswer);
  });

  it('that cannot be acted on says so to the person who pressed it', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const message = await withButton(it);
    bot.broken = true;
    await fake.click(fake.channel, message, 'pilotlight:stop:1.0', fake.people.asker);
    const answer = () => fake.messages(fake.channel).find(({ onlyFor }) => onlyFor === fake.people.asker);
    await vi.waitUntil(answer, { timeout: 5_000 });
    expect(answer()?.text).toContain('did not work');
  });

  it('stops the answer, and nothing else, when Discord refuses to hear that it was pressed', async () => {
    const it = await connected();
    const { fake, bot } = it;
    const message = await withButton(it);
    const done = Promise.withResolvers<Pressed>();
    bot.press = () => done.promise;
    const refused = {
      type: 'answer',
      status: 404,
      body: { message: 'Unknown interaction', code: 10062 },
    } as const;
    fake.faults.add({ on: CALLBACK, act: refused });
    void fake.click(fake.channel, message, 'pilotlight:stop:1.0', fake.people.asker).catch(() => {});
    await vi.waitUntil(() => fake.calls.some(({ call, status }) => call === CALLBACK && status === 404));
    // Long enough for a refusal that nobody hears to end the process.
    await new Promise((resolve) => setTimeout(resolve, 50));
    done.resolve({ answer: null, spent: false });
    await vi.waitUntil(() => it.log.some(({ msg }) => msg.includes('acknowledged too late')), {
      timeout: 5_000,
    });
  });

  it('works until the bot is closed, also while it takes no more questions', async () => {
    const it = await connected();
    const { fake, bot, discord } = it;
    const message = await withButton(it);
    await discord.stop();
    fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight hello' });
    await fake.click(fake.channel, message, 'pilotlight:stop:1.0', fake.people.asker);
    await vi.waitUntil(() => bot.presses.length === 1, { timeout: 5_000 });
    expect(bot.questions).toHaveLength(1);
  });
});
