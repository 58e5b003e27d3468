import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { connect, createOn, holding, MemoryBot, until } from './slack-support.ts';

/** A second process with a connection of its own; both bots have their store in common. */
async function two(clock = new VirtualClock()) {
  const one = await connect({ clock, fake: { delivery: { ackMs: 400, retryDelaysMs: [0, 20, 20] } } });
  const other = createOn(one.slack);
  const bot = new MemoryBot();
  await other.platform.start(bot);
  return { slack: one.slack, clock, one, other: { ...other, bot } };
}

describe('several processes on Socket Mode', () => {
  it('share what is asked, and take each question once', async () => {
    const { slack, one, other } = await two();
    expect(slack.connections).toBe(2);
    const { dm, people } = slack;
    for (const text of ['a', 'b', 'c', 'd']) slack.say({ channel: dm, user: people.asker, text });
    await slack.eventsDelivered();
    expect(one.bot.questions.length).toBeGreaterThan(0);
    expect(other.bot.questions.length).toBeGreaterThan(0);
    const taken = [...one.bot.questions, ...other.bot.questions].map(({ text }) => text);
    expect(taken.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('hand over what one of them has not stored when it stops', async () => {
    const { slack, clock, one, other } = await two();
    const { asked } = holding(one.bot);
    const { dm, people } = slack;
    for (const text of ['a', 'b']) slack.say({ channel: dm, user: people.asker, text });
    await asked;
    await until(() => expect(other.bot.questions).toHaveLength(1));
    const stopped = one.platform.stop();
    await until(async () => {
      await clock.advance(1_000);
      expect(slack.connections).toBe(1);
    });
    await stopped;
    await slack.eventsDelivered();
    expect(other.bot.questions.map(({ text }) => text).toSorted()).toEqual(['a', 'b']);
    expect(slack.lostEvents).toEqual([]);
  });

  it('hand over what one of them cannot store', async () => {
    const { slack, one, other } = await two();
    one.bot.broken = true;
    const { dm, people } = slack;
    for (const text of ['a', 'b', 'c', 'd']) slack.say({ channel: dm, user: people.asker, text });
    await until(() => expect(other.bot.questions).toHaveLength(4));
    expect(slack.lostEvents).toEqual([]);
  });
});
