import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { clientOf, post, refusal, startSlack } from './slack-support.ts';

describe('budgets of the fake Slack', () => {
  it('answers 429 with Retry-After when chat.update is called more than 50 times a minute', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    const { channel } = slack;
    const ts = await post(slack, { text: '0' });
    const update = () => clientOf(slack).chat.update({ channel, ts, text: 'x' });
    for (let count = 0; count < 5; count += 1) await update();
    const error = await update().catch((reason) => reason);
    expect(error).toMatchObject({ retryAfter: 2 });
    expect(slack.rateLimitHits).toEqual([
      { call: 'chat.update', budget: `chat.update ${slack.teamId}`, at: clock.now() },
    ]);
    await clock.advance(2000);
    await update();
    expect(slack.rateLimitHits).toHaveLength(1);
  });

  it('gives each channel its own budget for posts', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    const { chat } = clientOf(slack);
    for (const channel of [slack.channel, slack.dm]) {
      for (let count = 0; count < 3; count += 1) await chat.postMessage({ channel, text: 'x' });
    }
    expect(await refusal(chat.postMessage({ channel: slack.dm, text: 'x' }))).toMatch('rate-limit');
    await clock.advance(1000);
    await chat.postMessage({ channel: slack.dm, text: 'x' });
    expect(slack.messages(slack.dm)).toHaveLength(4);
  });

  it('does nothing that it refused', async () => {
    const slack = await startSlack({
      budgets: { 'chat.postMessage': { limit: 1, windowMs: 1000, burst: 1, per: 'team' } },
    });
    await post(slack, { text: 'one' });
    await refusal(post(slack, { text: 'two' }));
    expect(slack.messages(slack.channel).map(({ text }) => text)).toEqual(['one']);
  });
});

describe('faults switched on in the fake Slack', () => {
  it('answer in its place, close the connection, or lose the answer', async () => {
    const slack = await startSlack();
    const on = 'chat.postMessage';
    slack.faults.add({ on, act: { type: 'answer', status: 500, body: 'oops' } });
    await expect(post(slack, { text: 'a' })).rejects.toMatchObject({ statusCode: 500 });
    slack.faults.add({ on, act: { type: 'reset' } });
    await expect(post(slack, { text: 'b' })).rejects.toThrow('request error');
    slack.faults.add({ on, act: { type: 'lose-answer' } });
    await expect(post(slack, { text: 'c' })).rejects.toThrow('request error');
    expect(slack.messages(slack.channel).map(({ text }) => text)).toEqual(['c']);
    expect(slack.rateLimitHits).toEqual([]);
  });

  it('delay a call', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    slack.faults.add({ on: 'chat.postMessage', act: { type: 'delay', ms: 5000 } });
    const start = clock.now();
    const posted = post(slack, { text: 'late' });
    await vi.waitFor(async () => {
      await clock.advance(1000);
      expect(slack.messages(slack.channel)).toHaveLength(1);
    });
    expect(clock.now() - start).toBeGreaterThanOrEqual(5000);
    await posted;
  });
});
