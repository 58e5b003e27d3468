import { describe, expect, it } from 'vitest';
import { answers, connect, final, page, until } from './slack-support.ts';

describe('a direct message of several people in Slack', () => {
  it('is like a channel: the bot is asked by its name, and goes on in the thread without', async () => {
    const { slack, bot } = await connect();
    const { people } = slack;
    const channel = slack.openGroup([people.asker, people.colleague]);
    slack.say({ channel, user: people.colleague, text: 'shall we ask?' });
    const thread = slack.say({ channel, user: people.asker, text: '@pilotlight why?' });
    await slack.eventsDelivered();
    expect(bot.questions).toMatchObject([{ text: 'why?', address: { thread, dm: false } }]);
    bot.engaged.add(`${channel}:${thread}`);
    slack.say({ channel, user: people.colleague, text: 'and in short?', thread });
    await until(() => expect(bot.questions).toHaveLength(2));
    expect(bot.questions[1]).toMatchObject({ text: 'and in short?', conversation: `${channel}:${thread}` });
  });

  it('has the answer in the thread, whose deletion is told', async () => {
    const { slack, platform, bot } = await connect();
    const { people, teamId: team } = slack;
    const channel = slack.openGroup([people.asker, people.colleague]);
    const ts = slack.say({ channel, user: people.asker, text: '@pilotlight why?' });
    await until(() => expect(bot.questions).toHaveLength(1));
    const surface = platform.open(bot.questions[0]!.address, 0, 'text');
    const { message } = await surface.post(page('Because.'), final);
    expect(answers(slack, channel)).toMatchObject([{ thread: ts, text: 'Because.' }]);
    slack.deleteMessage(channel, message);
    await until(() =>
      expect(bot.deleted).toEqual([{ platform: 'slack', workspace: team, channel, message }]),
    );
  });
});
