import { pino } from 'pino';
import { createSlack, type SlackOptions } from '../../adapters/slack/slack.ts';
import { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import { systemClock } from '../../src/clock.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { nowhere, served } from '../support/slack-http.ts';
import { conformance } from './adapter-suite.ts';
import type { Harness } from './harness.ts';

const log = pino({ level: 'silent' });

const create = (slack: FakeSlack, options: Partial<SlackOptions> = {}) =>
  createSlack({
    botToken: slack.botToken,
    appToken: slack.appToken,
    apiUrl: slack.apiUrl,
    spare: new EditPacer({ clock: systemClock, log }),
    clock: systemClock,
    log,
    ...options,
  });

/** What both ways of hearing from Slack have in common. */
const common = {
  platform: 'slack',
  ways: [
    {
      name: 'a mention in a channel',
      channel: ({ channel }: FakeSlack) => channel,
      ask: (slack: FakeSlack, text: string) =>
        slack.say({ channel: slack.channel, user: slack.people.asker, text: `@pilotlight ${text}` }),
      calls: { post: ['chat.postMessage'], edit: ['chat.update'] },
      deny: (slack) => slack.archive(slack.channel),
    },
    {
      name: 'a direct message',
      channel: ({ dm }) => dm,
      ask: (slack, text) => slack.say({ channel: slack.dm, user: slack.people.asker, text }),
      calls: {
        post: ['chat.startStream', 'chat.postMessage'],
        edit: ['chat.appendStream', 'chat.stopStream', 'chat.update'],
      },
      deny: (slack) => slack.archive(slack.dm),
    },
  ],
  botsSpeak(slack) {
    const { channel, dm, people, botUserId } = slack;
    const message = { type: 'message', channel, channel_type: 'channel', text: `<@${botUserId}> hello` };
    const ids = { ts: '1767614400.000001', event_ts: '1767614400.000001' };
    slack.sendEvent({ ...message, ...ids, user: people.colleague, bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ...ids, type: 'app_mention', user: people.colleague, bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ...ids, subtype: 'bot_message', bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ...ids, user: botUserId });
    slack.sendEvent({ ...message, ...ids, user: botUserId, channel: dm, channel_type: 'im' });
  },
  edit(slack, { channel, id, text }) {
    const { asker } = slack.people;
    const said = text.replace('@pilotlight', `<@${slack.botUserId}>`);
    const edited = { user: asker, ts: id, text: said, edited: { user: asker, ts: id } };
    const events = { channel, event_ts: id };
    slack.sendEvent({
      ...events,
      type: 'message',
      subtype: 'message_changed',
      message: edited,
      hidden: true,
    });
    // As users report, with an event id of its own: https://github.com/PostHog/posthog/pull/59517
    slack.sendEvent({ ...events, ...edited, type: 'app_mention' });
  },
  openThread(slack) {
    const { channel, people } = slack;
    const thread = slack.say({ channel, user: people.asker, text: 'a thread' });
    return {
      conversation: `${channel}:${thread}`,
      say: (text) => void slack.say({ channel, user: people.colleague, text, thread }),
    };
  },
  shows: ({ text, footer }) => [text, footer].filter(Boolean).join('\n\n'),
} satisfies Partial<Harness<FakeSlack>>;

conformance<FakeSlack>({
  ...common,
  name: 'Slack through Socket Mode',
  keepsConnection: true,
  startFake: () => FakeSlack.start(),
  create: (slack) => create(slack),
  badTokens: {
    SLACK_BOT_TOKEN: (slack, botToken) => create(slack, { botToken }),
    SLACK_APP_TOKEN: (slack, appToken) => create(slack, { appToken }),
  },
});

const signingSecret = 'a signing secret';

conformance<FakeSlack>({
  ...common,
  name: 'Slack over HTTP',
  keepsConnection: false,
  startFake: () => FakeSlack.start({ http: { url: nowhere, signingSecret } }),
  create: (slack) => served(slack, create(slack, { appToken: undefined, signingSecret })),
  badTokens: {
    SLACK_BOT_TOKEN: (slack, botToken) => create(slack, { appToken: undefined, signingSecret, botToken }),
  },
});
