import { describe, expect, it } from 'vitest';
import { needed } from '../../adapters/slack/tokens.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { calls, connect, until } from './slack-support.ts';

const picture = { name: 'plot.png', mimetype: 'image/png', content: Buffer.from('12345') };
const log = { name: 'build.log', mimetype: 'text/plain', content: Buffer.from('error: no space left') };
const files = [picture, log];

describe('a file in a Slack channel that is shared with another organisation', () => {
  it('is read although the message tells its id alone', async () => {
    const { slack, bot } = await connect();
    const { people } = slack;
    const channel = slack.addChannel('partners', { shared: true });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', files });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]).toMatchObject({
      text: 'why?\n\nbuild.log:\n\nerror: no space left',
      images: [{ url: expect.stringContaining('plot.png'), mimeType: 'image/png', bytes: 5 }],
    });
  });

  it('is a question by itself in a thread that the bot takes part in', async () => {
    const { slack, bot } = await connect();
    const { people } = slack;
    const channel = slack.addChannel('partners', { shared: true });
    const [known, other] = ['first', 'second'].map((text) =>
      slack.say({ channel, user: people.asker, text }),
    );
    bot.engaged.add(`${channel}:${known}`);
    slack.say({ channel, user: people.asker, text: '', files: [log], thread: other! });
    slack.say({ channel, user: people.asker, text: '', files: [log], thread: known! });
    await slack.eventsDelivered();
    expect(bot.questions).toMatchObject([{ text: 'build.log:\n\nerror: no space left' }]);
    expect(calls(slack, 'files.info')).toHaveLength(1);
  });

  it('is said not to be readable where Slack does not tell more of it, or not in time', async () => {
    const clock = new VirtualClock(Date.now());
    for (const fake of [{ scopes: needed }, {}]) {
      const { slack, bot } = await connect({ fake, clock });
      const channel = slack.addChannel('partners', { shared: true });
      // Each of a mention's two events asks.
      slack.faults.add({ on: 'files.info', act: { type: 'delay', ms: 60_000 }, times: 2 });
      slack.say({ channel, user: slack.people.asker, text: '@pilotlight why?', files: [log] });
      await until(async () => {
        await clock.advance(500);
        expect(bot.questions).toHaveLength(1);
      });
      expect(bot.questions[0]!.text).toBe('why?\n\n(The file that was shared cannot be read.)');
    }
  });
});
