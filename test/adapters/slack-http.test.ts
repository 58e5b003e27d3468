import { describe, expect, it } from 'vitest';
import { signature } from '../../sandbox/slack/http-events.ts';
import type { Commands } from '../../src/bot/commands.ts';
import { anotherHttp, answers, connectHttp, holding, MemoryBot, startFake, until } from './slack-support.ts';

const SECRET = 'a signing secret';

/** A direct message as Slack tells of it. */
function event(
  { slack }: { slack: { teamId: string; dm: string; people: { asker: string } } },
  text = 'hello',
) {
  const ts = '1767614400.000001';
  const message = {
    type: 'message',
    channel: slack.dm,
    channel_type: 'im',
    user: slack.people.asker,
    text,
    ts,
  };
  return JSON.stringify({ type: 'event_callback', team_id: slack.teamId, event: message });
}

describe('Slack over HTTP', () => {
  it('is told that a question came only when it is stored', async () => {
    const running = await connectHttp();
    const { asked, stored } = holding(running.bot);
    let status: number | undefined;
    const answered = running.call(event(running)).then((response) => {
      status = response.status;
    });
    await asked;
    await fetch(new URL('/healthz', running.url));
    expect(status).toBeUndefined();
    stored.resolve();
    await answered;
    expect(status).toBe(200);
  });

  it('is asked to bring a question again that could not be stored', async () => {
    const running = await connectHttp({ delivery: { retryDelaysMs: [0, 20, 20] } });
    const { slack, bot } = running;
    bot.broken = true;
    expect((await running.call(event(running))).status).toBe(503);
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight hello' });
    await until(() => expect(answers(slack, slack.channel)).toHaveLength(1));
    bot.broken = false;
    await slack.eventsDelivered();
    expect(bot.questions.map(({ text }) => text)).toEqual(['hello']);
    expect(slack.lostEvents).toEqual([]);
  });

  it.each([
    ['without a signature', () => ({})],
    ['signed with another secret', (body: string) => signature(body, 'another secret', Date.now())],
    ['whose signature belongs to another body', () => signature('{}', SECRET, Date.now())],
    ['older than five minutes', (body: string) => signature(body, SECRET, Date.now() - 301_000)],
    [
      'whose time was changed',
      (body: string) => ({
        ...signature(body, SECRET, Date.now() - 301_000),
        'x-slack-request-timestamp': String(Math.floor(Date.now() / 1000)),
      }),
    ],
  ])('does not count for a request %s', async (_, headers) => {
    const running = await connectHttp();
    const body = event(running);
    expect((await running.call(body, headers(body))).status).toBe(401);
    expect(running.bot.offered).toEqual([]);
    expect(running.logged.join('')).not.toContain('hello');
  });

  it('is answered once although somebody sends its request again', async () => {
    const running = await connectHttp();
    const body = event(running);
    const headers = signature(body, SECRET, Date.now() - 60_000);
    expect((await running.call(body, headers)).status).toBe(200);
    expect((await running.call(body, headers)).status).toBe(200);
    expect(running.bot.questions).toHaveLength(1);
  });

  it.each([
    ['a body that is too large', 'x'.repeat(1024 * 1024 + 1), 413],
    ['a body that is no JSON', '{"type":', 400],
    ['an event of no known kind', '{"type":"event_callback","event":{}}', 200],
    ['the word that there were too many events', '{"type":"app_rate_limited","team_id":"T1"}', 200],
  ])('may send %s, and the next question is taken', async (_, body, status) => {
    const running = await connectHttp();
    expect((await running.call(body)).status).toBe(status);
    expect((await running.call(event(running))).status).toBe(200);
    expect(running.bot.questions).toHaveLength(1);
  });

  it('can check the address when it is set', async () => {
    const { call } = await connectHttp();
    const response = await call(JSON.stringify({ type: 'url_verification', challenge: 'c-1' }));
    expect(await response.json()).toEqual({ challenge: 'c-1' });
  });

  it('finds nothing beside /slack/events', async () => {
    const { url } = await connectHttp();
    for (const path of ['/slack/', '/slack/install', '/slack/oauth_redirect', '/slack/events/x']) {
      expect((await fetch(new URL(path, url))).status).toBe(404);
    }
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(new URL('/readyz', url))).status).toBe(200);
  });

  it('is asked to come back when the bot has stopped, which is then not ready either', async () => {
    const running = await connectHttp();
    await running.platform.stop();
    expect((await running.call(event(running))).status).toBe(503);
    expect((await fetch(new URL('/readyz', running.url))).status).toBe(503);
    expect(running.bot.offered).toEqual([]);
  });

  it('has what it brought stored and acknowledged before the bot stops', async () => {
    const running = await connectHttp();
    const { asked, stored } = holding(running.bot);
    const answered = running.call(event(running));
    await asked;
    const stopped = running.platform.stop();
    stored.resolve();
    expect((await answered).status).toBe(200);
    await stopped;
  });

  it('may call any process: one takes the question, another the press of a button', async () => {
    const one = await connectHttp();
    const { slack, bot } = one;
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight hello' });
    await until(() => expect(bot.questions).toHaveLength(1));
    const two = await anotherHttp(slack, bot);
    const surface = two.platform.open(bot.questions[0]!.address, 0);
    const { message } = await surface.post(
      { text: 'an', source: 'an', buttons: ['stop'] },
      { turn: '7.0', key: '7.0:1', final: false },
    );
    await slack.click(slack.channel, message, 'pilotlight:stop:7.0', slack.people.asker);
    expect(bot.presses).toMatchObject([{ button: 'stop', user: { id: slack.people.asker } }]);
  });

  it('has a command acknowledged at once, however long its answer takes', async () => {
    const slack = await startFake({ http: { url: 'http://127.0.0.1:9/', signingSecret: SECRET } });
    const done = Promise.withResolvers<void>();
    const answer = { text: 'It is warm.', buttons: [], public: true, replaces: false };
    const commands: Commands = { run: () => done.promise.then(() => answer), press: async () => answer };
    await anotherHttp(slack, new MemoryBot(), { commands });
    const { channel, people } = slack;
    await slack.slashCommand({ command: '/pilotlight', text: 'warm 2h', user: people.admin, channel });
    expect(answers(slack, channel)).toEqual([]);
    done.resolve();
    await until(() => expect(answers(slack, channel)).toMatchObject([{ text: 'It is warm.' }]));
  });

  it('shows a command’s answer whole that is longer than one of Slack’s sections, and cuts what no line break divides', async () => {
    const slack = await startFake({ http: { url: 'http://127.0.0.1:9/', signingSecret: SECRET } });
    const lines = Array.from({ length: 60 }, (_, index) => `${index}: ${'<model>&'.repeat(10)}`);
    const say = (text: string) => ({ text, buttons: [], public: true, replaces: false });
    const commands: Commands = {
      run: async ({ text }) => say(text === 'status' ? lines.join('\n') : `"${'x'.repeat(5_000)}" is odd.`),
      press: async () => say(''),
    };
    await anotherHttp(slack, new MemoryBot(), { commands });
    const run = async (text: string) => {
      const { channel, people } = slack;
      const before = answers(slack, channel).length;
      await slack.slashCommand({ command: '/pilotlight', text, user: people.admin, channel });
      return until(() => {
        expect(answers(slack, channel)).toHaveLength(before + 1);
        return answers(slack, channel).at(-1)!.text;
      });
    };
    expect((await run('status')).split(/\n+/)).toEqual(lines);
    expect(await run('warm x')).toMatch(/^"x{2999}$/);
  });
});
