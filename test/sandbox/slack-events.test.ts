import { describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { clientOf, startApp, startSlack } from './slack-support.ts';

interface Seen {
  type: string;
  subtype?: string;
  id: string;
  retry: number | undefined;
  event: Record<string, unknown>;
}

/** An app that notes every event it gets. */
async function listener(slack: Awaited<ReturnType<typeof startSlack>>) {
  const seen: Seen[] = [];
  await startApp(slack, (app) => {
    app.event(/.*/, async ({ event, body, context }) => {
      const { subtype } = event as { subtype?: string };
      const retry = context.retryNum || undefined;
      seen.push({
        type: event.type,
        ...(subtype && { subtype }),
        id: body.event_id,
        retry,
        event: { ...event },
      });
    });
  });
  return seen;
}

describe('events of the fake Slack, as the real Bolt app gets them', () => {
  it.each([
    ['mention-first', ['app_mention', 'message']],
    ['message-first', ['message', 'app_mention']],
  ] as const)('tells of a mention by two events with ids of their own: %s', async (order, types) => {
    const slack = await startSlack();
    const seen = await listener(slack);
    const ts = slack.say({ channel: slack.channel, user: slack.people.asker, text: 'hi @pilotlight', order });
    await slack.eventsDelivered();
    expect(seen.map(({ type }) => type)).toEqual(types);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(2);
    for (const { event } of seen) {
      expect(event).toMatchObject({ ts, channel: slack.channel, text: `hi <@${slack.botUserId}>` });
    }
  });

  it('tells of a message without a mention by one event, with its text escaped', async () => {
    const slack = await startSlack();
    const seen = await listener(slack);
    const text = 'if (a < b && b > c) ping <!channel> and <@U0NOBODY>';
    slack.say({ channel: slack.channel, user: slack.people.asker, text });
    await slack.eventsDelivered();
    expect(seen.map(({ type }) => type)).toEqual(['message']);
    expect(seen[0]?.event).toMatchObject({
      channel_type: 'channel',
      text: 'if (a &lt; b &amp;&amp; b &gt; c) ping &lt;!channel&gt; and &lt;@U0NOBODY&gt;',
    });
    expect(slack.messages(slack.channel)[0]?.text).toBe(text);
  });

  it('tells of a mention in a DM by message.im alone', async () => {
    const slack = await startSlack();
    const seen = await listener(slack);
    slack.say({ channel: slack.dm, user: slack.people.asker, text: '@pilotlight hi' });
    await slack.eventsDelivered();
    expect(seen.map(({ type, event }) => [type, event.channel_type])).toEqual([['message', 'im']]);
  });

  it('tells nothing of channels the bot is not in, nor of what the app is not subscribed to', async () => {
    const slack = await startSlack({ subscriptions: ['app_mention'] });
    const seen = await listener(slack);
    const foreign = slack.addChannel('foreign', { bot: false });
    slack.say({ channel: foreign, user: slack.people.asker, text: '@pilotlight hi' });
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight hi' });
    await slack.eventsDelivered();
    expect(seen.map(({ type, event }) => [type, event.channel])).toEqual([['app_mention', slack.channel]]);
  });

  it('puts replies into their thread', async () => {
    const slack = await startSlack();
    const seen = await listener(slack);
    const ts = slack.say({ channel: slack.channel, user: slack.people.asker, text: 'first' });
    slack.say({ channel: slack.channel, user: slack.people.colleague, text: 'second', thread: ts });
    await slack.eventsDelivered();
    expect(seen[1]?.event).toMatchObject({ thread_ts: ts, parent_user_id: slack.people.asker });
  });

  it("tells of the bot's own posts, edits and of deletions as Slack does", async () => {
    const slack = await startSlack();
    const seen = await listener(slack);
    const client = clientOf(slack);
    const { ts } = await client.chat.postMessage({ channel: slack.channel, text: 'one' });
    await client.chat.update({ channel: slack.channel, ts: ts!, text: 'two' });
    slack.deleteMessage(slack.channel, ts!);
    await slack.eventsDelivered();
    expect(seen.map(({ subtype }) => subtype)).toEqual([undefined, 'message_changed', 'message_deleted']);
    const [posted, changed, deleted] = seen.map(({ event }) => event);
    expect(posted).toMatchObject({ bot_id: expect.stringMatching(/^B/), user: slack.botUserId });
    expect(changed).not.toHaveProperty('user');
    expect(changed).toMatchObject({ message: { ts, text: 'two' }, previous_message: { ts, text: 'one' } });
    expect(deleted).toMatchObject({ deleted_ts: ts, previous_message: { text: 'two' } });
    expect(slack.messages(slack.channel)).toEqual([]);
  });

  it('brings an event twice on demand: same event id, marked as a retry', async () => {
    const slack = await startSlack();
    const seen = await listener(slack);
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hi', duplicate: true });
    await slack.eventsDelivered();
    expect(seen.map(({ retry }) => retry)).toEqual([undefined, 1]);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(1);
  });

  it('brings an event again at once, after a minute and after five, then gives it up', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'is anybody there?' });
    await clock.advance(60_000);
    expect(slack.lostEvents).toEqual([]);
    const seen = await listener(slack);
    await clock.advance(299_999);
    expect(seen).toEqual([]);
    await clock.advance(1);
    await vi.waitFor(() => expect(seen.map(({ retry }) => retry)).toEqual([3]));
    await slack.eventsDelivered();
    expect(slack.lostEvents).toEqual([]);

    slack.dropConnections();
    await vi.waitFor(() => expect(slack.connected).toBe(false));
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'and now?' });
    await clock.advance(360_000);
    await slack.eventsDelivered();
    expect(slack.lostEvents).toHaveLength(1);
  });

  it('waits 3 s for an acknowledgement before it brings an event again', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    const { frames } = await rawSocket(slack);
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hi' });
    await vi.waitFor(() => expect(frames).toHaveLength(2));
    await clock.advance(2999);
    expect(frames).toHaveLength(2);
    await clock.advance(1);
    await vi.waitFor(() => expect(frames).toHaveLength(3));
    expect(frames[1]).toMatchObject({ type: 'events_api', retry_attempt: 0, retry_reason: '' });
    expect(frames[2]).toMatchObject({
      retry_attempt: 1,
      retry_reason: 'timeout',
      payload: frames[1]?.payload,
    });
    expect(frames[2]?.envelope_id).not.toBe(frames[1]?.envelope_id);
  });
});

/** A bare WebSocket client that acknowledges nothing. */
async function rawSocket(slack: Awaited<ReturnType<typeof startSlack>>) {
  const { url } = await clientOf(slack, slack.appToken).apps.connections.open();
  const frames: Record<string, unknown>[] = [];
  const socket = new WebSocket(url!);
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  socket.addEventListener('message', ({ data }) => frames.push(JSON.parse(data)));
  await vi.waitFor(() => expect(frames).not.toEqual([]));
  return { url: url!, frames, socket, closed };
}

describe('Socket Mode of the fake Slack', () => {
  it('says hello first and brings each payload to exactly one connection', async () => {
    const slack = await startSlack();
    const one = await rawSocket(slack);
    const two = await rawSocket(slack);
    expect([one.frames[0], two.frames[0]]).toMatchObject([{ type: 'hello' }, { type: 'hello' }]);
    for (const text of ['a', 'b', 'c', 'd']) slack.say({ channel: slack.dm, user: slack.people.asker, text });
    await vi.waitFor(() => expect(one.frames.length + two.frames.length).toBe(6));
    expect([one.frames.length, two.frames.length]).toEqual([3, 3]);
  });

  it('sends away the eleventh connection, and whoever comes with a used address', async () => {
    const slack = await startSlack({
      budgets: { default: { limit: 50, windowMs: 60_000, burst: 50, per: 'team' } },
    });
    const sockets = [];
    for (let count = 0; count < 10; count += 1) sockets.push(await rawSocket(slack));
    const eleventh = await rawSocket(slack);
    await eleventh.closed;
    expect(eleventh.frames).toEqual([{ type: 'disconnect', reason: 'too_many_websockets' }]);
    expect(slack.connections).toBe(10);
    const stale = new WebSocket(sockets[0]!.url);
    await new Promise((resolve) => stale.addEventListener('error', resolve));
    expect(stale.readyState).toBe(WebSocket.CLOSED);
  });

  it('asks a client to connect anew and brings it nothing more over the old connection', async () => {
    const slack = await startSlack();
    const { frames } = await rawSocket(slack);
    slack.askToReconnect('refresh_requested');
    expect(slack.connected).toBe(false);
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hi' });
    await vi.waitFor(() =>
      expect(frames).toContainEqual({ type: 'disconnect', reason: 'refresh_requested' }),
    );
    expect(frames).toHaveLength(2);
  });

  it('is found again by the real client after its connection was dropped', async () => {
    const slack = await startSlack({ delivery: { retryDelaysMs: Array(100).fill(100) } });
    const seen = await listener(slack);
    slack.dropConnections();
    await vi.waitFor(() => expect(slack.connected).toBe(false));
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'while you were away' });
    await slack.waitForConnection();
    await slack.eventsDelivered();
    expect(seen).toMatchObject([{ type: 'message', event: { text: 'while you were away' } }]);
  });

  it('hands out an address to the app token only', async () => {
    const slack = await startSlack();
    const answer = await clientOf(slack)
      .apps.connections.open()
      .catch((error) => error.data.error);
    expect(answer).toBe('not_allowed_token_type');
  });

  it('can tell that events were too many by a payload without an event', async () => {
    const slack = await startSlack();
    const { frames } = await rawSocket(slack);
    slack.tellRateLimited();
    await vi.waitFor(() => expect(frames).toHaveLength(2));
    expect(frames[1]).toMatchObject({ type: 'events_api', payload: { type: 'app_rate_limited' } });
    expect(frames[1]?.payload).not.toHaveProperty('event');
  });
});
