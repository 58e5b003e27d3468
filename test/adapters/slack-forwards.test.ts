import { describe, expect, it } from 'vitest';
import { connect, until } from './slack-support.ts';

const picture = { name: 'plot.png', mimetype: 'image/png', content: Buffer.from('12345') };
const log = { name: 'build.log', mimetype: 'text/plain', content: Buffer.from('error: no space left') };

describe('a message that is forwarded in Slack', () => {
  it('goes along with what is said to it, with its author, files and pictures', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people } = slack;
    const text = 'The build *fails* again';
    const message = slack.say({ channel, user: people.colleague, text, files: [picture, log] });
    const forwards = { channel, message };
    slack.say({ channel: dm, user: people.asker, text: 'why?', forwards });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe(
      'colleague wrote:\n> The build **fails** again\n\nwhy?\n\nbuild.log:\n\nerror: no space left',
    );
    expect(bot.questions[0]!.images).toMatchObject([{ url: expect.stringContaining('plot.png') }]);
  });

  it('is a question without a word said to it, also in a thread the bot takes part in', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people } = slack;
    const message = slack.say({ channel, user: people.colleague, text: 'Two\nlines' });
    const thread = slack.say({ channel, user: people.asker, text: 'first' });
    bot.engaged.add(`${channel}:${thread}`);
    const forwards = { channel, message };
    slack.say({ channel: dm, user: people.asker, text: '', forwards });
    slack.say({ channel, user: people.asker, text: '', thread, forwards });
    await until(() => expect(bot.questions).toHaveLength(2));
    for (const { text } of bot.questions) expect(text).toBe('colleague wrote:\n> Two\n> lines');
  });

  it('goes along with a mention', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const message = slack.say({ channel, user: people.colleague, text: 'Long story' });
    const text = '@pilotlight sum this up';
    slack.say({ channel, user: people.asker, text, forwards: { channel, message } });
    await slack.eventsDelivered();
    expect(bot.questions.map((question) => question.text)).toEqual([
      'colleague wrote:\n> Long story\n\nsum this up',
    ]);
  });

  it('asks the bot nothing by mentioning it', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const message = slack.say({ channel, user: people.colleague, text: '@pilotlight hello' });
    slack.say({ channel, user: people.asker, text: 'look', forwards: { channel, message } });
    await slack.eventsDelivered();
    expect(bot.questions.map((question) => question.text)).toEqual(['hello']);
  });

  it('is told from the preview of a link', async () => {
    const { slack, bot } = await connect();
    slack.sendEvent({
      type: 'message',
      channel: slack.dm,
      channel_type: 'im',
      user: slack.people.asker,
      text: 'see <https://example.com/archives/C1/p1>',
      ts: '1767614400.000009',
      attachments: [{ is_msg_unfurl: true, author_name: 'colleague', text: 'not meant', ts: '1' }],
    });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('see https://example.com/archives/C1/p1');
  });
});
