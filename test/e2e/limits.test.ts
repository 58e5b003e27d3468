import { describe, expect, it } from 'vitest';
import {
  discordChannel,
  discordCommand,
  isRunning,
  slackChannel,
  slackDm,
  talkIn,
  until,
} from './support.ts';

describe.concurrent('a person who reaches a limit', () => {
  it.for([slackChannel, slackDm, discordChannel, discordCommand])(
    'is told which and when to ask again in $name, also when they press Retry too soon',
    async (place, test) => {
      const { answers, ask, model, sandbox } = await talkIn(test, place, {
        env: { LIMIT_QUESTIONS_PER_MINUTE: '1' },
      });
      await ask('repeat after me: one');
      await answers.end();
      await ask('repeat after me: two');
      const { text, buttons } = await answers.end(2);
      expect(text).toMatch(/One question a minute is the limit here. Press Retry in \d+ s\./);
      expect(buttons.map(({ label }) => label)).toEqual(['Retry']);
      expect(model.chats).toHaveLength(1);
      const fake = place.fake(sandbox);
      await answers.click('Retry', fake.people.asker);
      await until(fake, () =>
        fake
          .messages(answers.channel)
          .some(({ onlyFor, text }) => onlyFor === fake.people.asker && text.includes('the limit here')),
      );
      expect(model.chats).toHaveLength(1);
    },
  );

  it.for([slackChannel, discordChannel])(
    'is told in $name that the day’s GPU time is used up',
    async (place, test) => {
      const { answers, ask, model } = await talkIn(test, place, {
        model: { tokensPerSecond: 60 },
        // At eighty cents a second any answer costs more.
        env: { LIMIT_PERSON_USD_PER_DAY: '0.01', GPU_PRICES: 'H100=0.1', MODAL_GPU: 'H100:8' },
      });
      await ask('repeat after me: one');
      await answers.end();
      await ask('repeat after me: two');
      const { text } = await answers.see((message) => !isRunning(message) && message.text.includes('💸'));
      expect(text).toMatch(/You have used today’s \$0\.01 of GPU time/);
      expect(model.chats).toHaveLength(1);
    },
  );

  it('is told that too much waits in the conversation, ahead of what waits', async (test) => {
    const { answers, ask, sandbox, model } = await talkIn(test, slackChannel, {
      env: { LIMIT_WAITING_PER_CONVERSATION: '1' },
    });
    model.streamFaults.add({ type: 'silence', after: 4 });
    await ask('write 400 characters');
    const first = await answers.see(({ text }) => text.includes('Part 1'));
    slackChannel.goOn(sandbox, 'repeat after me: two', first);
    const full = await answers.see(({ text }) => text.includes('🚦'));
    expect(full.text).toMatch(/A question waits in this conversation already/);
    expect(isRunning(answers.all[0]!)).toBe(true);
  });
});
