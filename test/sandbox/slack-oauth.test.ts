import { WebClient } from '@slack/web-api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const oauth = { clientId: '1.2', clientSecret: 's', redirectUrl: 'https://bot.example/back' };
const mine = { client_id: '1.2', client_secret: 's' };

async function start() {
  const clock = new VirtualClock();
  const slack = await FakeSlack.start({
    clock,
    oauth,
    http: { url: 'http://127.0.0.1:9/', signingSecret: 's' },
    delivery: { retryDelaysMs: [] },
  });
  onTestFinished(() => slack.close());
  const client = (token?: string) => new WebClient(token, { slackApiUrl: slack.apiUrl });
  const link = (change: Record<string, string> = {}) => {
    const query = { client_id: '1.2', scope: 'chat:write,im:history', state: 'abc', ...change };
    return `${slack.apiUrl.replace('/api/', '')}/oauth/v2/authorize?${new URLSearchParams(query)}`;
  };
  const agree = (team = slack) =>
    new URL(team.app.agree(link(), team.people.admin)).searchParams.get('code') ?? '';
  const access = (args: Parameters<WebClient['oauth']['v2']['access']>[0]) =>
    client()
      .oauth.v2.access(args)
      .catch(({ data }) => data);
  return { clock, slack, client, link, agree, access };
}

describe("Slack's OAuth", () => {
  it('sends the browser back with a code and the state, and gives a token for the code', async () => {
    const { slack, link, access, client } = await start();
    const back = new URL(slack.app.agree(link(), slack.people.admin));
    expect(back.href).toContain('https://bot.example/back?state=abc&code=');
    const given = await access({ ...mine, code: back.searchParams.get('code')! });
    expect(given).toMatchObject({
      ok: true,
      token_type: 'bot',
      scope: 'chat:write,im:history',
      bot_user_id: slack.botUserId,
      team: { id: slack.teamId },
      enterprise: null,
      is_enterprise_install: false,
      authed_user: { id: slack.people.admin },
    });
    const test = await client(given.access_token).auth.test();
    expect(test).toMatchObject({ team_id: slack.teamId, user_id: slack.botUserId });
    expect(test.response_metadata?.scopes).toEqual(['chat:write', 'im:history']);
  });

  it.each([
    ['a wrong secret', { client_secret: 'x' }, 'bad_client_secret'],
    ['another app', { client_id: '3.4' }, 'invalid_client_id'],
    ['a code that was never given', { code: 'x' }, 'invalid_code'],
    [
      'another address than the browser was sent to',
      { redirect_uri: 'https://bot.example/x' },
      'bad_redirect_uri',
    ],
  ])('gives no token for %s', async (_, change, error) => {
    const { agree, access } = await start();
    expect(await access({ ...mine, code: agree(), ...change })).toMatchObject({ ok: false, error });
  });

  it('takes a code once, and for ten minutes', async () => {
    const { clock, agree, access } = await start();
    const [used, late] = [agree(), agree()];
    expect(await access({ ...mine, code: used })).toMatchObject({ ok: true });
    expect(await access({ ...mine, code: used })).toMatchObject({ error: 'code_already_used' });
    await clock.advance(600_001);
    expect(await access({ ...mine, code: late })).toMatchObject({ error: 'invalid_code' });
  });

  it.each([
    [{ client_id: '3.4' }, /invalid_client_id/],
    [{ scope: '' }, /no_scopes/],
    [{ scope: 'chat:write,chat:everything' }, /invalid_scope: chat:everything/],
    [{ redirect_uri: 'https://elsewhere.example/' }, /bad_redirect_uri/],
  ])('shows a wrong link for what it is: %o', async (change, error) => {
    const { slack, link } = await start();
    expect(() => slack.app.agree(link(change), slack.people.admin)).toThrow(error);
  });

  it('keeps workspaces apart: a token is good in its own', async () => {
    const { slack, agree, access, client } = await start();
    const other = slack.addTeam('other');
    const first = await access({ ...mine, code: agree() });
    const second = await access({ ...mine, code: agree(other) });
    expect(second.access_token).not.toBe(first.access_token);
    const post = (token: string, channel: string) =>
      client(token)
        .chat.postMessage({ channel, text: 'hello' })
        .catch(({ data }) => data);
    expect(await post(second.access_token, other.channel)).toMatchObject({ ok: true });
    expect(await post(first.access_token, other.channel)).toMatchObject({ error: 'channel_not_found' });
  });

  it('refuses a token after the uninstall, gives another one then, and the same one before', async () => {
    const { slack, agree, access, client } = await start();
    const first = await access({ ...mine, code: agree() });
    expect((await access({ ...mine, code: agree() })).access_token).toBe(first.access_token);
    slack.app.uninstall();
    const refused = await client(first.access_token)
      .auth.test()
      .catch(({ data }) => data);
    expect(refused.error).toBe('account_inactive');
    expect((await access({ ...mine, code: agree() })).access_token).not.toBe(first.access_token);
  });

  it('tells the app of nothing where it is not installed, and last of its removal', async () => {
    const { slack, agree, access } = await start();
    const say = () => slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hello' });
    const told = () => slack.lostEvents.map(({ event }) => (event as { type: string }).type);
    say();
    await access({ ...mine, code: agree() });
    say();
    slack.app.uninstall();
    say();
    await slack.eventsDelivered();
    expect(told()).toEqual(['message', 'app_uninstalled', 'tokens_revoked']);
  });
});
