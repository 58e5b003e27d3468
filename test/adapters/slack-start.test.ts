import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { OperatorError, Unreachable } from '../../src/errors.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { connect, createOn, MemoryBot, startFake, until } from './slack-support.ts';

const start = async (running: Omit<Awaited<ReturnType<typeof connect>>, 'bot'>) => {
  const error = await running.platform.start(new MemoryBot()).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(OperatorError);
  return error.message as string;
};

describe('starting on Slack', () => {
  it('connects, says so, and stops', async () => {
    const { slack, platform } = await connect();
    expect(platform).toMatchObject({ platform: 'slack', connected: true });
    expect(slack.connections).toBe(1);
    await platform.stop();
    expect(platform.connected).toBe(false);
    await until(() => expect(slack.connections).toBe(0));
  });

  it('names SLACK_BOT_TOKEN when it is wrong, and says where the right one is', async () => {
    const slack = await startFake();
    const message = await start(createOn(slack, { botToken: 'xoxb-wrong' }));
    expect(message).toMatch(/SLACK_BOT_TOKEN.*invalid_auth.*OAuth & Permissions/);
    expect(message).not.toContain('xoxb-wrong');
  });

  it('names SLACK_APP_TOKEN when that is wrong', async () => {
    const slack = await startFake();
    const running = createOn(slack, { appToken: 'xapp-wrong' });
    expect(await start(running)).toMatch(/SLACK_APP_TOKEN.*invalid_auth.*connections:write/);
    expect(running.platform.connected).toBe(false);
  });

  it('tells tokens apart that were swapped', async () => {
    const slack = await startFake();
    expect(await start(createOn(slack, { botToken: slack.appToken }))).toContain('SLACK_BOT_TOKEN');
    expect(await start(createOn(slack, { appToken: slack.botToken }))).toContain('SLACK_APP_TOKEN');
  });

  it('says that the app must be installed again when it was removed', async () => {
    const slack = await startFake();
    const body = { ok: false, error: 'account_inactive' };
    slack.faults.add({ on: 'auth.test', act: { type: 'answer', status: 200, body } });
    expect(await start(createOn(slack))).toMatch(/install it again/);
  });

  it('names the scopes without which it cannot work', async () => {
    const slack = await startFake({ scopes: ['chat:write', 'im:history', 'channels:history'] });
    expect(await start(createOn(slack))).toMatch(/app_mentions:read, groups:history.*reinstall/);
  });

  it('goes without the others, and warns', async () => {
    const scopes = ['app_mentions:read', 'channels:history', 'chat:write', 'groups:history', 'im:history'];
    const { platform, logged } = await connect({ fake: { scopes } });
    expect(platform.connected).toBe(true);
    expect(logged.join('')).toMatch(/reactions:write.*lacks scopes/);
  });

  it('says when Slack cannot be reached, or something else answers', async () => {
    const slack = await startFake();
    const nobody = createOn(slack, { apiUrl: 'http://127.0.0.1:9/api/' });
    expect(await start(nobody)).toMatch(/could not be reached \(.+\).*SLACK_API_URL/);
    slack.faults.add({ on: 'auth.test', act: { type: 'answer', status: 200, body: '<html>hello</html>' } });
    expect(await start(createOn(slack))).toMatch(/did not answer as Slack does/);
  });

  it.each(['auth.test', 'apps.connections.open'])(
    'can start later when %s could not be reached',
    async (on) => {
      const slack = await startFake();
      const cut = slack.faults.add({ on, act: { type: 'reset' }, times: Number.POSITIVE_INFINITY });
      const { platform } = createOn(slack);
      const bot = new MemoryBot();
      await expect(platform.start(bot)).rejects.toBeInstanceOf(Unreachable);
      cut();
      await platform.start(bot);
      expect(platform.connected).toBe(true);
      slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hello' });
      await until(() => expect(bot.questions).toHaveLength(1));
      expect(bot.offered).toHaveLength(1);
    },
  );

  it.each(['ratelimited', 'internal_error'])('takes %s for something that passes', async (error) => {
    const slack = await startFake();
    slack.faults.add({ on: 'auth.test', act: { type: 'answer', status: 200, body: { ok: false, error } } });
    await expect(createOn(slack).platform.start(new MemoryBot())).rejects.toBeInstanceOf(Unreachable);
  });

  it('takes a wrong token for something that does not pass', async () => {
    const { platform } = createOn(await startFake(), { botToken: 'xoxb-wrong' });
    await expect(platform.start(new MemoryBot())).rejects.not.toBeInstanceOf(Unreachable);
  });

  it('writes no token and no message into the log', async () => {
    const { slack, bot, platform, logged } = await connect();
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'a private matter' });
    await until(() => expect(bot.questions).toHaveLength(1));
    await platform.close();
    expect(logged.join('')).not.toMatch(/xoxb|xapp|private matter/);
  });
});

describe('staying connected to Slack', () => {
  it('connects again at once when Slack asks for it, as it does every few hours', async () => {
    const clock = new VirtualClock();
    const { slack, platform, bot } = await connect({ clock });
    await clock.advance(3_600_000);
    slack.askToReconnect();
    await until(async () => {
      await clock.advance(0);
      expect(slack.connections).toBe(1);
      expect(platform.connected).toBe(true);
    });
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'still there?' });
    await until(() => expect(bot.questions).toHaveLength(1));
  });

  it('tells the truth while it is not connected, and tries until it is', async () => {
    const clock = new VirtualClock();
    const { slack, platform } = await connect({ clock });
    await clock.advance(60_000);
    const body = { ok: false, error: 'internal_error' };
    slack.faults.add({ on: 'apps.connections.open', act: { type: 'answer', status: 200, body }, times: 3 });
    slack.dropConnections();
    await until(() => expect(platform.connected).toBe(false));
    await until(async () => {
      await clock.advance(1_000);
      expect(platform.connected).toBe(true);
    });
  });

  it('outlives a token that is revoked while it runs', async () => {
    const clock = new VirtualClock();
    const { slack, platform, logged } = await connect({ clock });
    const rejected: unknown[] = [];
    const onRejection = (reason: unknown) => rejected.push(reason);
    process.on('unhandledRejection', onRejection);
    onTestFinished(() => void process.off('unhandledRejection', onRejection));
    const body = { ok: false, error: 'invalid_auth' };
    slack.faults.add({ on: 'apps.connections.open', act: { type: 'answer', status: 200, body }, times: 99 });
    slack.dropConnections();
    await until(async () => {
      await clock.advance(60_000);
      expect(logged.filter((line) => line.includes('cannot connect')).length).toBeGreaterThan(2);
    });
    expect(platform.connected).toBe(false);
    expect(rejected).toEqual([]);
  });

  it('does not come back after it was stopped', async () => {
    const clock = new VirtualClock();
    const { slack, platform } = await connect({ clock });
    slack.dropConnections();
    await until(() => expect(platform.connected).toBe(false));
    await platform.stop();
    await clock.advance(600_000);
    expect(slack.connections).toBe(0);
  });

  it('outlives a payload without an event, such as app_rate_limited', async () => {
    const slack = await startFake();
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => void sockets.close());
    await once(sockets, 'listening');
    const { port } = sockets.address() as AddressInfo;
    const body = { ok: true, url: `ws://127.0.0.1:${port}/` };
    slack.faults.add({ on: 'apps.connections.open', act: { type: 'answer', status: 200, body } });
    const { user, event_ts } = { user: slack.people.asker, event_ts: '1767614400.000001' };
    const event = { type: 'message', channel: slack.dm, user, text: 'hello', ts: event_ts, event_ts };
    const payloads = [
      { type: 'app_rate_limited', team_id: slack.teamId, minute_rate_limited: 1 },
      { type: 'event_callback', team_id: slack.teamId, event },
    ];
    sockets.on('connection', (socket) => {
      socket.send(JSON.stringify({ type: 'hello' }));
      for (const [id, payload] of payloads.entries()) {
        socket.send(JSON.stringify({ type: 'events_api', envelope_id: String(id), payload }));
      }
    });
    const { platform, logged } = createOn(slack);
    const bot = new MemoryBot();
    await platform.start(bot);
    await until(() => expect(bot.questions).toHaveLength(1));
    expect(logged.join('')).toContain('app_rate_limited, maybe');
  });
});
