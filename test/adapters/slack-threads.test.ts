import { describe, expect, it, vi } from 'vitest';
import type { BudgetRule } from '../../sandbox/slack/budgets.ts';
import type { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import { manifestScopes } from '../../sandbox/slack/manifest.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { calls, connect, installIn, startFakeForMany, startMany, until } from './slack-support.ts';

const picture = { name: 'plot.png', mimetype: 'image/png', content: Buffer.from('12345') };
const log = { name: 'build.log', mimetype: 'text/plain', content: Buffer.from('error: no space left') };

/** What Slack allows an app that is distributed outside of its Marketplace. */
const oneAMinute: BudgetRule = { limit: 1, windowMs: 60_000, burst: 1, per: 'team' };

function sayMany(slack: FakeSlack, replies: number): void {
  const { channel, people } = slack;
  const thread = slack.say({ channel, user: people.colleague, text: 'the first' });
  for (let reply = 1; reply <= replies; reply += 1)
    slack.say({ channel, user: people.colleague, text: `no. ${reply}.`, thread });
  slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
}

describe('a question in other people’s Slack thread', () => {
  it('has what was said there before, with who wrote it, and what was shared', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const text = 'The build *fails*\nagain';
    const thread = slack.say({ channel, user: people.colleague, text, files: [picture] });
    slack.say({ channel, user: people.admin, text: '@colleague since when?', thread });
    slack.say({ channel, user: people.colleague, text: '', files: [log], thread });
    slack.say({ channel, user: people.asker, text: '@pilotlight explain this', thread });
    slack.say({ channel, user: people.colleague, text: 'too late to be quoted', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe(
      [
        `colleague wrote:\n> The build **fails**\n> again`,
        `admin wrote:\n> @colleague since when?`,
        'explain this',
        'build.log:\n\nerror: no space left',
      ].join('\n\n'),
    );
    expect(bot.questions[0]!.images).toMatchObject([{ url: expect.stringContaining('plot.png') }]);
  });

  it('has an alert as its bot shows it, in blocks or in boxes', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const user = slack.addUser('alerts', { bot: true });
    const inBlocks = slack.say({
      channel,
      user,
      text: 'Disk full',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: 'Disk full' } },
        { type: 'section', fields: [{ type: 'mrkdwn', text: '*host* db-1' }] },
        { type: 'actions', elements: [{ type: 'button', text: { type: 'plain_text', text: 'Silence' } }] },
      ],
    });
    const fields = [{ title: 'host', value: 'db-1' }];
    const boxes = [{ title: 'Disk full', text: '98 % of 1 TB', fields, fallback: 'Disk full on db-1' }];
    const inBoxes = slack.say({ channel, user, text: '', attachments: boxes });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread: inBlocks });
    await until(() => expect(bot.questions).toHaveLength(1));
    slack.say({ channel, user: people.asker, text: '@pilotlight', thread: inBoxes });
    await until(() => expect(bot.questions).toHaveLength(2));
    expect(bot.questions.map(({ text }) => text)).toEqual([
      'alerts wrote:\n> Disk full\n> **host** db-1\n\nwhy?',
      'alerts wrote:\n> Disk full\n> 98 % of 1 TB\n> host: db-1',
    ]);
  });

  it('cannot be put into its asker’s mouth by what was said before', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const user = slack.addUser('a\n\nname', { bot: true });
    const thread = slack.say({ channel, user, text: 'one\n\ntwo\rthree\u2028```\nfour' });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    const lines = bot.questions[0]!.text.split(/[\n\r\u2028]/);
    expect(lines.slice(0, 1)).toEqual(['a name wrote:']);
    expect(lines.slice(-2)).toEqual(['', 'why?']);
    for (const line of lines.slice(1, -2)) expect(line).toMatch(/^> /);
  });

  it('has the first message and the latest, as many as there is room for', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const said = { channel, user: people.colleague };
    const many = slack.say({ ...said, text: 'the first' });
    for (let reply = 1; reply <= 12; reply += 1) slack.say({ ...said, text: `no. ${reply}.`, thread: many });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread: many });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text.match(/(?<=> ).*/g)).toEqual([
      'the first',
      ...Array.from({ length: 10 }, (_, at) => `no. ${at + 3}.`),
    ]);

    const long = slack.say({ ...said, text: 'a'.repeat(9_000) });
    for (const letter of 'bcd') slack.say({ ...said, text: letter.repeat(1_800), thread: long });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread: long });
    await until(() => expect(bot.questions).toHaveLength(2));
    expect(bot.questions[1]!.text.match(/(?<=> ).*/g)).toEqual([
      `${'a'.repeat(4_000)}…`,
      'c'.repeat(1_800),
      'd'.repeat(1_800),
    ]);
  });

  it('has the latest messages of a long thread, too', async () => {
    const { slack, bot } = await connect({ clock: new VirtualClock(Date.now()) });
    sayMany(slack, 1_105);
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text.match(/(?<=> ).*/g)).toEqual([
      'the first',
      ...Array.from({ length: 10 }, (_, at) => `no. ${at + 1_096}.`),
    ]);
    expect(calls(slack, 'conversations.replies')).toHaveLength(3);
  });

  it('has the first message alone of a long thread where Slack may be asked once a minute', async () => {
    const { slack, bot } = await connect({ fake: { budgets: { 'conversations.replies': oneAMinute } } });
    sayMany(slack, 101);
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe(`colleague wrote:\n> the first\n\nwhy?`);
  });

  it('has the first message alone of a long thread where Slack is late with the end', async () => {
    const clock = new VirtualClock(Date.now());
    const { slack, bot } = await connect({ clock });
    slack.faults.add({ on: 'conversations.replies', act: { type: 'delay', ms: 60_000 }, skip: 1 });
    const arriving = vi.spyOn(slack.faults, 'take');
    const arrived = () => arriving.mock.calls.filter(([call]) => call === 'conversations.replies');
    sayMany(slack, 101);
    await until(() => expect(arrived()).toHaveLength(2));
    await clock.advance(500);
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe(`colleague wrote:\n> the first\n\nwhy?`);
  });

  it('has people’s ids where Slack does not tell their names, and asks no more', async () => {
    const scopes = manifestScopes.filter((scope) => scope !== 'users:read');
    const { slack, bot } = await connect({ fake: { scopes } });
    const { channel, people } = slack;
    for (const text of ['one', 'two']) {
      const next = bot.next();
      const thread = slack.say({ channel, user: people.colleague, text });
      slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
      expect((await next).text).toBe(`@${people.colleague} wrote:\n> ${text}\n\nwhy?`);
    }
    expect(calls(slack, 'users.info')).toHaveLength(1);
  });

  it('has people’s ids where Slack tells their names too late', async () => {
    const clock = new VirtualClock(Date.now());
    const { slack, bot } = await connect({ clock });
    const { channel, people } = slack;
    slack.faults.add({ on: 'users.info', act: { type: 'delay', ms: 60_000 } });
    const arriving = vi.spyOn(slack.faults, 'take');
    const thread = slack.say({ channel, user: people.colleague, text: 'look' });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(() => expect(arriving).toHaveBeenCalledWith('users.info'));
    await clock.advance(1_000);
    // The client itself gives up after 7 s.
    await vi.waitFor(() => expect(bot.questions).toHaveLength(1), { timeout: 5_000, interval: 5 });
    expect(bot.questions[0]!.text).toBe(`@${people.colleague} wrote:\n> look\n\nwhy?`);
  });

  it('has none of it in a thread that the bot takes part in, nor in a direct message', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people } = slack;
    const [known, direct] = [channel, dm].map((where) =>
      slack.say({ channel: where, user: people.asker, text: 'the first' }),
    );
    await until(() => expect(bot.questions).toHaveLength(1));
    bot.engaged.add(`${channel}:${known}`);
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread: known! });
    slack.say({ channel: dm, user: people.asker, text: '@pilotlight why?', thread: direct! });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?' });
    await until(() => expect(bot.questions).toHaveLength(4));
    expect(bot.questions.slice(1).map(({ text }) => text)).toEqual(['why?', 'why?', 'why?']);
    expect(calls(slack, 'conversations.replies')).toEqual([]);
  });

  it.each(['mention-first', 'message-first'] as const)(
    'has it where Slack may be asked once a minute, of both events: %s',
    async (order) => {
      const { slack, bot } = await connect({ fake: { budgets: { 'conversations.replies': oneAMinute } } });
      const { channel, people } = slack;
      const thread = slack.say({ channel, user: people.colleague, text: 'look' });
      const said = { channel, user: people.asker, text: '@pilotlight why?', thread };
      slack.say({ ...said, order, duplicate: true });
      await slack.eventsDelivered();
      expect(bot.questions.map(({ text }) => text)).toEqual([`colleague wrote:\n> look\n\nwhy?`]);
      expect(slack.rateLimitHits).toEqual([]);
    },
  );

  it.each([
    { name: 'refuses', fake: { scopes: manifestScopes.filter((scope) => scope !== 'mpim:history') } },
    { name: 'limits', fake: { budgets: { 'conversations.replies': { ...oneAMinute, burst: 0 } } } },
    { name: 'is late', fake: {} },
  ])('goes without it where Slack $name, and the log says so', async ({ name, fake }) => {
    const clock = new VirtualClock(Date.now());
    const { slack, bot, logged } = await connect({ fake, clock });
    const { people } = slack;
    const channel = slack.openGroup([people.asker, people.colleague]);
    if (name === 'is late')
      slack.faults.add({ on: 'conversations.replies', act: { type: 'delay', ms: 60_000 } });
    const thread = slack.say({ channel, user: people.colleague, text: 'look at a secret' });
    const message = slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(async () => {
      await clock.advance(500);
      expect(bot.questions).toHaveLength(1);
    });
    expect(bot.questions[0]!.text).toBe('why?');
    const lines = logged.map((line) => JSON.parse(line)).filter(({ msg }) => /without the thread/.test(msg));
    expect(lines[0]).toMatchObject({ channel, message, err: { message: expect.any(String) } });
    expect(logged.join('')).not.toContain('secret');
  });

  it('quotes nothing for a first message that was deleted', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const messages = [
      {
        type: 'message',
        subtype: 'tombstone',
        user: 'USLACKBOT',
        text: 'This message was deleted.',
        ts: '1.1',
      },
      { type: 'message', subtype: 'bot_message', bot_id: 'B1', username: 'a webhook', text: 'hi', ts: '1.2' },
    ];
    slack.faults.add({
      on: 'conversations.replies',
      act: { type: 'answer', status: 200, body: { ok: true, messages, has_more: false } },
    });
    const thread = slack.say({ channel, user: people.colleague, text: 'look' });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('a webhook wrote:\n> hi\n\nwhy?');
  });

  it('quotes also what Slack tells with fields that are null', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const share = { is_share: true, author_name: null, text: 'hi', files: null };
    const thread = slack.say({ channel, user: people.colleague, text: 'look' });
    const first = { subtype: null, bot_id: null, username: null, files: null, attachments: [share] };
    const messages = [{ type: 'message', user: people.colleague, text: null, ts: thread, ...first }];
    slack.faults.add({
      on: 'conversations.replies',
      act: { type: 'answer', status: 200, body: { ok: true, messages, has_more: false } },
    });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('Somebody wrote:\n> hi\n\nwhy?');
  });

  it('has it in each of many workspaces', async () => {
    const slack = await startFakeForMany();
    const running = await startMany(slack);
    await installIn(running, slack);
    const { channel, people } = slack;
    const thread = slack.say({ channel, user: people.colleague, text: 'look' });
    slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await until(() => expect(running.bot.questions).toHaveLength(1));
    expect(running.bot.questions[0]!.text).toBe(`colleague wrote:\n> look\n\nwhy?`);
  });
});
