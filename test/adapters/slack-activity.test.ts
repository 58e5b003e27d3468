import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { answers, ask, calls, connect, createOn, final, live, page, until } from './slack-support.ts';

describe('signs of life in Slack', () => {
  it('are a reaction on the question and a status in the thread, and go when the work is done', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const question = () => slack.messages(slack.channel).find(({ id }) => id === address.ts)!;
    surface.activity('is waking the model…');
    await until(() => expect(question().reactions).toEqual(['eyes']));
    await until(() =>
      expect(slack.activity(slack.channel)).toEqual([
        { thread: address.thread, text: 'is waking the model…' },
      ]),
    );
    surface.activity(null);
    await until(() => expect(question().reactions).toEqual([]));
    await until(() => expect(slack.activity(slack.channel)).toEqual([]));
    expect(answers(slack, slack.channel)).toEqual([]);
  });

  it('go also when Slack could not be reached at first', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const question = () => slack.messages(slack.channel).find(({ id }) => id === address.ts)!;
    surface.activity('is waking the model…');
    await until(() => expect(question().reactions).toEqual(['eyes']));
    await until(() => expect(slack.activity(slack.channel)).toHaveLength(1));
    for (const on of ['reactions.remove', 'assistant.threads.setStatus'])
      slack.faults.add({ on, act: { type: 'reset' }, times: 2 });
    surface.activity(null);
    await until(async () => {
      await clock.advance(2_000);
      expect(question().reactions).toEqual([]);
      expect(slack.activity(slack.channel)).toEqual([]);
    });
  });

  it('go also when Slack never answered that they stand', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const question = () => slack.messages(slack.channel).find(({ id }) => id === address.ts)!;
    slack.faults.add({ on: 'reactions.add', act: { type: 'lose-answer' } });
    surface.activity('is waking the model…');
    await until(() => expect(question().reactions).toEqual(['eyes']));
    surface.activity(null);
    await until(async () => {
      await clock.advance(2_000);
      expect(question().reactions).toEqual([]);
    });
  });

  it('outlast the two minutes after which Slack drops a status', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const statuses = () => calls(slack, 'assistant.threads.setStatus').map(({ args }) => args.status);
    surface.activity('is waking the model…');
    await until(() => expect(statuses()).toHaveLength(1));
    for (const times of [2, 3, 4]) {
      await clock.advance(100_000);
      await until(() => expect(statuses()).toHaveLength(times));
    }
    surface.activity(null);
    await until(async () => {
      // While Slack has not answered yet, the next call waits.
      await clock.advance(2_000);
      expect(statuses().at(-1)).toBe('');
    });
    await clock.advance(600_000);
    expect(statuses()).toHaveLength(5);
    expect(calls(slack, 'reactions.add')).toHaveLength(1);
  });

  it('show the latest of many statuses, not each', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    for (let second = 0; second < 50; second += 1) surface.activity(`is waking: ${second} s`);
    await until(async () => {
      await clock.advance(1_000);
      expect(slack.activity(slack.channel)).toMatchObject([{ text: 'is waking: 49 s' }]);
    });
    expect(calls(slack, 'assistant.threads.setStatus').length).toBeLessThan(4);
  });

  it('go before the process ends, also those that it was about to take away', async () => {
    // Its own pauses never end.
    const running = await connect({ clock: new VirtualClock(Date.now()) });
    const { slack, platform } = running;
    const [one, two] = [ask(running, 'channel'), ask(running, 'dm')];
    const signs = () =>
      [slack.channel, slack.dm].flatMap((channel) =>
        slack.messages(channel).flatMap(({ reactions }) => reactions),
      );
    for (const { surface } of [one, two]) surface.activity('is thinking…');
    await until(() => expect(signs()).toHaveLength(2));
    one.surface.activity(null);
    await platform.close();
    expect(signs()).toEqual([]);
    expect(slack.activity(slack.channel)).toEqual([]);
  });

  it('that a process left which could not reach Slack are taken away by the next', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    surface.activity('is thinking…');
    const question = () => slack.messages(slack.channel).find(({ id }) => id === address.ts)!;
    await until(() => expect(question().reactions).toEqual(['eyes']));
    slack.faults.add({ on: 'reactions.remove', act: { type: 'reset' } });
    await running.platform.close();
    expect(question().reactions).toEqual(['eyes']);
    createOn(slack).platform.open(address, 0).activity(null);
    await until(() => expect(question().reactions).toEqual([]));
  });

  it('also take away Slack’s own Stop that a killed process left', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'dm');
    await surface.post(page('One'), live);
    await until(() => expect(slack.activity(slack.dm)).toMatchObject([{ text: 'is working…' }]));
    createOn(slack).platform.open(address, 0, 'text').activity(null);
    await until(() => expect(slack.activity(slack.dm)).toEqual([]));
  });

  it('never break or hold up an answer, and are left alone where Slack does not have them', async () => {
    const running = await connect({
      fake: {
        scopes: ['app_mentions:read', 'channels:history', 'chat:write', 'groups:history', 'im:history'],
      },
    });
    const { slack } = running;
    const body = { ok: false, error: 'unknown_method' };
    const act = { type: 'answer', status: 200, body } as const;
    slack.faults.add({ on: 'assistant.threads.setStatus', act });
    for (const text of ['one', 'two', 'three']) {
      const { surface } = ask(running, 'channel');
      surface.activity('is thinking…');
      await until(() => expect(calls(slack, 'reactions.add')).toHaveLength(1));
      await surface.post(page(text), final);
      surface.activity(null);
    }
    expect(answers(slack, slack.channel)).toHaveLength(3);
    expect(calls(slack, 'reactions.add')).toHaveLength(1);
    expect(calls(slack, 'assistant.threads.setStatus')).toEqual([]);
  });

  it('stay within Slack’s limits when a hundred ask at once, and all go in the end', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock, fake: { clock } });
    const { slack } = running;
    const signs = () => slack.messages(slack.channel).flatMap(({ reactions }) => reactions).length;
    const surfaces = Array.from({ length: 100 }, () => ask(running, 'channel').surface);
    for (const surface of surfaces) surface.activity('is waking the model…');
    await until(async () => {
      await clock.advance(1_000);
      expect(slack.activity(slack.channel)).toHaveLength(100);
      expect(signs()).toBeGreaterThan(4);
    });
    for (const surface of surfaces) surface.activity(null);
    await until(async () => {
      await clock.advance(1_000);
      expect(slack.activity(slack.channel)).toEqual([]);
      expect(signs()).toBe(0);
    });
    expect(calls(slack, 'reactions.remove').length).toBe(calls(slack, 'reactions.add').length);
    expect(slack.rateLimitHits).toEqual([]);
  });
});
