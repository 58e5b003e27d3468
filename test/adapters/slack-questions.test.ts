import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { needed } from '../../adapters/slack/tokens.ts';
import { answers, connect, until } from './slack-support.ts';

describe('asking in Slack', () => {
  it('takes a mention in a channel as a question that is answered in its thread', async () => {
    const { slack, bot } = await connect();
    const ts = slack.say({
      channel: slack.channel,
      user: slack.people.asker,
      text: '@pilotlight what is 1 < 2?',
    });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]).toMatchObject({
      platform: 'slack',
      workspace: slack.teamId,
      channel: slack.channel,
      message: ts,
      conversation: `${slack.channel}:${ts}`,
      author: { id: slack.people.asker, roles: [] },
      text: 'what is 1 < 2?',
      images: [],
      address: { thread: ts, dm: false },
    });
  });

  it.each(['mention-first', 'message-first'] as const)(
    'answers a mention once, whichever of its two events comes first and however often (%s)',
    async (order) => {
      const { slack, bot } = await connect();
      slack.say({
        channel: slack.channel,
        user: slack.people.asker,
        text: '@pilotlight hello',
        order,
        duplicate: true,
      });
      await slack.eventsDelivered();
      await until(() => expect(bot.offered).toHaveLength(4));
      expect(bot.questions).toHaveLength(1);
    },
  );

  it('takes a mention in a thread, by anybody, as part of the thread', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const thread = slack.say({ channel, user: people.colleague, text: 'look at this' });
    slack.say({ channel, user: people.asker, text: '@pilotlight explain', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]).toMatchObject({
      conversation: `${channel}:${thread}`,
      address: { thread },
    });
  });

  it('goes on in a thread it has answered in without being mentioned, and in no other', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const known = slack.say({ channel, user: people.asker, text: 'first' });
    const other = slack.say({ channel, user: people.asker, text: 'second' });
    bot.engaged.add(`${channel}:${known}`);
    slack.say({ channel, user: people.colleague, text: 'not for the bot', thread: other });
    slack.say({ channel, user: people.colleague, text: 'and in short?', thread: known });
    await until(() => expect(bot.questions).toHaveLength(1));
    await slack.eventsDelivered();
    expect(bot.questions.map(({ text }) => text)).toEqual(['and in short?']);
  });

  it('leaves alone what people in such a thread say to each other by name', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const thread = slack.say({ channel, user: people.asker, text: 'first' });
    bot.engaged.add(`${channel}:${thread}`);
    slack.say({ channel, user: people.asker, text: '@colleague what do you think?', thread });
    slack.say({ channel, user: people.asker, text: '@here what do you think?', thread });
    slack.sendEvent({
      type: 'message',
      channel,
      channel_type: 'channel',
      user: people.asker,
      text: '<!subteam^S0123456789|@ops> what do you think?',
      ts: '1767614400.000002',
      thread_ts: thread,
    });
    slack.say({ channel, user: people.asker, text: '@colleague see @pilotlight', thread });
    await until(() => expect(bot.questions).toHaveLength(1));
    await slack.eventsDelivered();
    expect(bot.questions.map(({ text }) => text)).toEqual([`@${people.colleague} see`]);
  });

  it('answers everything in a DM, each message starting a thread of its own', async () => {
    const { slack, bot } = await connect();
    const { dm, people } = slack;
    const first = slack.say({ channel: dm, user: people.asker, text: 'hello' });
    await until(() => expect(bot.questions).toHaveLength(1));
    slack.say({ channel: dm, user: people.asker, text: 'go on', thread: first });
    slack.say({ channel: dm, user: people.asker, text: '@pilotlight anew' });
    await until(() => expect(bot.questions).toHaveLength(3));
    const [one, two, three] = bot.questions;
    expect(one).toMatchObject({ conversation: `${dm}:${first}`, address: { dm: true } });
    expect(two!.conversation).toBe(one!.conversation);
    expect(three!.conversation).not.toBe(one!.conversation);
    expect(three!.text).toBe('anew');
  });

  it('takes a message that is only a picture, and records where it is', async () => {
    const { slack, bot } = await connect();
    slack.say({
      channel: slack.dm,
      user: slack.people.asker,
      text: '',
      files: [
        { name: 'plot.png', mimetype: 'image/png', content: Buffer.from('12345') },
        { name: 'notes.pdf', mimetype: 'application/pdf', content: Buffer.from('1') },
      ],
    });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.images).toEqual([
      { url: expect.stringContaining('plot.png'), mimeType: 'image/png', bytes: 5 },
    ]);
    expect(bot.questions[0]!.text).toBe('(The file notes.pdf cannot be read.)');
  });

  it('carries text files along, such as snippets, and names those that cannot be read', async () => {
    const { slack, bot } = await connect();
    slack.say({
      channel: slack.channel,
      user: slack.people.asker,
      text: '@pilotlight what is wrong here?',
      files: [
        { name: 'fib.py', mimetype: 'text/x-python', content: Buffer.from('def fib(n):\n    return n\n') },
        { name: 'huge.txt', mimetype: 'text/plain', content: Buffer.alloc(300 * 1024, 'x') },
        { name: 'uv.lock', mimetype: 'application/octet-stream', content: Buffer.from('version = 1') },
        { name: 'notes.pdf', mimetype: 'application/pdf', content: Buffer.from('1') },
      ],
    });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe(
      [
        'what is wrong here?',
        'fib.py:',
        'def fib(n):\n    return n',
        '(The file huge.txt is too long to be read.)',
        'uv.lock:',
        'version = 1',
        '(The file notes.pdf cannot be read.)',
      ].join('\n\n'),
    );
  });

  it('does not take the login page for a text file that it may not see', async () => {
    const { slack, bot } = await connect({ fake: { scopes: needed } });
    const file = { name: 'fib.py', mimetype: 'text/x-python', content: Buffer.from('def fib(n)') };
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'what is it?', files: [file] });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('what is it?\n\n(The file fib.py could not be read.)');
  });

  it('does not send its token to another host for a text file', async () => {
    const { slack, bot } = await connect();
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'text/plain' }).end('elsewhere');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const file = {
      name: 'a.txt',
      mimetype: 'text/plain',
      size: 9,
      url_private: `http://127.0.0.1:${port}/a.txt`,
    };
    slack.sendEvent({
      type: 'message',
      subtype: 'file_share',
      channel: slack.dm,
      channel_type: 'im',
      user: slack.people.asker,
      text: 'look',
      ts: '1767614400.000009',
      event_ts: '1767614400.000009',
      files: [file],
    });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('look\n\n(The file a.txt cannot be read.)');
    expect(asked).toEqual([]);
  });

  it('takes a file alone that cannot be read for an empty question, and for none in a thread', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people } = slack;
    const files = [
      { name: 'notes.pdf', mimetype: 'application/pdf', content: Buffer.from('1') },
      { name: 'weights.bin', mimetype: 'application/octet-stream', content: Buffer.from('1') },
    ];
    const thread = slack.say({ channel, user: people.asker, text: 'Look at this.' });
    bot.engaged.add(`${channel}:${thread}`);
    slack.say({ channel, user: people.asker, text: '', thread, files });
    slack.say({ channel: dm, user: people.asker, text: '', files });
    await slack.eventsDelivered();
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]).toMatchObject({ channel: dm, text: '' });
  });

  it('takes an empty mention too, so that the person gets an answer', async () => {
    const { slack, bot } = await connect();
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight' });
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.questions[0]!.text).toBe('');
  });

  it('ignores other bots, itself, edits, joins and events it does not know', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people, botUserId } = slack;
    const message = {
      type: 'message',
      channel,
      channel_type: 'channel',
      text: `<@${botUserId}> hi`,
      event_ts: '1',
    };
    const ts = '1767614400.000001';
    slack.sendEvent({ ...message, ts, user: people.colleague, bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ts, type: 'app_mention', user: people.colleague, bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ts, subtype: 'bot_message', bot_id: 'B0OTHER' });
    slack.sendEvent({ ...message, ts, user: botUserId, channel: dm, channel_type: 'im' });
    slack.sendEvent({ ...message, ts, user: people.asker, subtype: 'channel_join' });
    slack.sendEvent({ ...message, ts, subtype: 'message_changed', message: { user: people.asker, ts } });
    slack.sendEvent({ ...message, user: people.asker });
    slack.sendEvent({ type: 'emoji_changed', event_ts: '1' });
    slack.say({ channel, user: people.asker, text: '@pilotlight hi' });
    await slack.eventsDelivered();
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(bot.offered.every(({ author }) => author.id === people.asker)).toBe(true);
    expect(slack.lostEvents).toEqual([]);
  });

  it('takes a field that is null for one that is absent', async () => {
    const { slack, bot } = await connect();
    const { channel, dm, people } = slack;
    const nulls = { subtype: null, thread_ts: null, bot_id: null, user_profile: null, files: null };
    const message = { type: 'message', user: people.asker, attachments: null, ...nulls };
    const thread_ts = '1767614400.000001';
    bot.engaged.add(`${channel}:${thread_ts}`);
    slack.sendEvent({ ...message, channel: dm, channel_type: 'im', text: 'a', ts: '1767614400.000002' });
    slack.sendEvent({ ...message, channel, thread_ts, text: null, ts: '1767614400.000003' });
    slack.sendEvent({
      ...message,
      channel,
      thread_ts,
      text: 'b',
      files: [{ name: null, mimetype: null, url_private: null, size: null }],
      attachments: [{ is_share: true, author_name: null, text: null, files: null }],
      ts: '1767614400.000004',
    });
    await slack.eventsDelivered();
    expect(slack.lostEvents).toEqual([]);
    const texts = bot.questions.map(({ text }) => text).toSorted();
    expect(texts).toEqual(['a', 'b\n\n(The file that was shared cannot be read.)']);
  });

  it('takes a reply that was also sent to the channel', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    bot.engaged.add(`${channel}:1767614400.000001`);
    slack.sendEvent({
      type: 'message',
      subtype: 'thread_broadcast',
      channel,
      channel_type: 'channel',
      user: people.asker,
      text: 'for all',
      ts: '1767614400.000002',
      thread_ts: '1767614400.000001',
    });
    await until(() => expect(bot.questions).toHaveLength(1));
  });

  it('takes a mention that was added by an edit, and no question again that was edited', async () => {
    const { slack, bot } = await connect();
    const { channel, people } = slack;
    const ts = slack.say({ channel, user: people.asker, text: 'what is it?' });
    slack.editMessage(channel, ts, '@pilotlight what is it?');
    await until(() => expect(bot.questions).toMatchObject([{ message: ts, text: 'what is it?' }]));
    slack.editMessage(channel, ts, '@pilotlight what is that?');
    await slack.eventsDelivered();
    expect(bot.offered).toHaveLength(2);
    expect(bot.questions).toHaveLength(1);
  });

  it('is brought a question again that could not be stored, and answers it once', async () => {
    const { slack, bot } = await connect({ fake: { delivery: { ackMs: 200, retryDelaysMs: [0, 20, 20] } } });
    bot.broken = true;
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hello' });
    await until(() => expect(answers(slack, slack.dm)).toHaveLength(1));
    bot.broken = false;
    await slack.eventsDelivered();
    expect(bot.questions.map(({ text }) => text)).toEqual(['hello']);
    expect(slack.lostEvents).toEqual([]);
  });

  it('tells the person, and nobody else, that it comes again, and at last that it does not', async () => {
    const { slack, bot, logged } = await connect({
      fake: { delivery: { ackMs: 200, retryDelaysMs: [0, 20, 20] } },
    });
    bot.broken = true;
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight a private matter' });
    await slack.eventsDelivered();
    expect(answers(slack, slack.channel)).toMatchObject([
      { onlyFor: slack.people.asker, text: expect.stringContaining('no need to repeat it') },
      { onlyFor: slack.people.asker, text: expect.stringContaining('ask again') },
    ]);
    expect(logged.join('')).toContain('the disk is full');
    expect(logged.join('')).not.toContain('private matter');
  });

  it('reports a reply of ours that somebody deleted, and no other message', async () => {
    const { slack, platform, bot } = await connect();
    const ts = slack.say({ channel: slack.channel, user: slack.people.asker, text: 'a question' });
    const { channel, people, teamId: team } = slack;
    const surface = platform.open({ team, channel, thread: ts, ts, user: people.asker, dm: false }, 0);
    const { message } = await surface.post(
      { text: 'an answer', source: 'an answer', buttons: [] },
      { turn: '1.0', key: '1', final: true },
    );
    slack.deleteMessage(channel, message);
    slack.deleteMessage(channel, ts);
    await until(() => expect(bot.deleted).toHaveLength(1));
    await slack.eventsDelivered();
    expect(bot.deleted).toEqual([{ platform: 'slack', workspace: team, channel, message }]);
  });
});
