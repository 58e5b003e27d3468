import { describe, expect, it, vi } from 'vitest';
import { clientOf, startApp, startSlack } from './slack-support.ts';

describe('a conversation with the real Bolt app', () => {
  it('shows a question, a reaction and an answer that grows by edits', async () => {
    const slack = await startSlack();
    await startApp(slack, (app) => {
      app.event('app_mention', async ({ event, client }) => {
        const { channel, ts } = event;
        await client.reactions.add({ channel, timestamp: ts, name: 'eyes' });
        const posted = await client.chat.postMessage({ channel, thread_ts: ts, text: 'Hel' });
        await client.chat.update({ channel, ts: posted.ts!, text: 'Hello &amp; welcome' });
      });
    });

    const ts = slack.say({
      channel: slack.channel,
      user: slack.people.asker,
      text: '@pilotlight hi, is 1 < 2?',
    });

    await vi.waitFor(() => expect(slack.messages(slack.channel).at(-1)?.edits).toBe(1));
    const [question, answer] = slack.messages(slack.channel);
    expect(question).toMatchObject({ id: ts, text: '@pilotlight hi, is 1 < 2?', reactions: ['eyes'] });
    expect(answer).toMatchObject({
      thread: ts,
      text: 'Hello & welcome',
      author: { name: 'pilotlight', bot: true },
    });
  });
});
