import { describe, expect, it } from 'vitest';
import type { FakeSlack, FakeSlackOptions } from '../../sandbox/slack/fake-slack.ts';
import { manifestScopes } from '../../sandbox/slack/manifest.ts';
import { systemClock } from '../../src/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  calls,
  createOn,
  final,
  installIn,
  MemoryBot,
  page,
  startFake,
  startFakeForMany,
  startMany,
  until,
} from './slack-support.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const HISTORY = 'conversations.history';
const REPLIES = 'conversations.replies';

const texts = ({ questions }: MemoryBot) => questions.map(({ text }) => text);

/** A bot that knows what it was asked, through its processes and the times between them. Slack brings nothing again. */
async function local({ clock = systemClock, ...options }: FakeSlackOptions = {}) {
  const delivery = { ackMs: 3_000, retryDelaysMs: [] };
  const slack = await startFake({ delivery, clock, ...options });
  const bot = new MemoryBot();
  const here = {
    slack,
    bot,
    async start(as = bot) {
      if (clock instanceof VirtualClock) await clock.advance(1);
      const running = createOn(slack, { clock });
      await running.platform.start(as);
      return running;
    },
    /** Comes, is asked something, and goes. */
    async wasAsked(channel: string, thread?: string) {
      const { platform } = await here.start();
      const next = bot.next();
      const ts = say(slack, channel, '@pilotlight before', thread);
      const question = await next;
      await slack.eventsDelivered();
      await platform.close();
      await until(() => expect(slack.connected).toBe(false));
      return { ts, question };
    },
    /** Until the bot has been asked this, and nothing else. */
    async asked(...all: string[]) {
      await until(() => expect(bot.questions).toHaveLength(all.length));
      await slack.eventsDelivered();
      expect(texts(bot)).toEqual(all);
    },
  };
  return here;
}

const say = (slack: FakeSlack, channel: string, text: string, thread?: string, user = slack.people.asker) =>
  slack.say({ channel, user, text, ...(thread && { thread }) });

const said = (lines: readonly string[], words: string) =>
  until(() => expect(lines.join('')).toContain(words));

describe('what was asked in Slack while the bot was away', () => {
  it('in direct messages is taken when it is back, once and in order', async () => {
    const here = await local();
    const { slack, bot } = here;
    const { dm } = slack;
    const { ts } = await here.wasAsked(dm);
    for (const text of ['one', 'two']) say(slack, dm, text, ts);
    say(slack, dm, 'anew');
    await here.start();
    await until(() => expect(bot.questions).toHaveLength(4));
    const [first, anew] = [`${dm}:${ts}`, `${dm}:${bot.questions[1]!.message}`];
    expect(bot.questions.map(({ text, conversation }) => [text, conversation])).toEqual([
      ['before', first],
      ['anew', anew],
      ['one', first],
      ['two', first],
    ]);
    expect(bot.offered).toHaveLength(4);
  });

  it('in a thread it takes part in is taken, but not what is said to others', async () => {
    const here = await local();
    const { slack } = here;
    const { ts } = await here.wasAsked(slack.channel);
    for (const text of ['@colleague not you', 'you']) say(slack, slack.channel, text, ts);
    await here.start();
    await here.asked('before', 'you');
  });

  it('by its name is taken wherever it is, where nobody had asked before, too', async () => {
    const here = await local();
    const { slack, bot } = here;
    const { channel, people } = slack;
    const hidden = slack.addChannel('hidden', { private: true });
    const group = slack.openGroup([people.asker, people.colleague]);
    const elsewhere = slack.addChannel('elsewhere', { bot: false });
    for (const where of [channel, hidden, group, elsewhere]) {
      say(slack, where, 'nobody is meant');
      say(slack, where, '@pilotlight hello');
    }
    say(slack, slack.dm, 'hello');
    await here.start();
    await here.asked('hello', 'hello', 'hello', 'hello');
    const asked = bot.questions.map((question) => question.channel);
    expect(asked.toSorted()).toEqual([channel, hidden, group, slack.dm].toSorted());
  });

  it('in other people’s thread is taken with what was said there, and so is what follows, but not what came before', async () => {
    const here = await local();
    const { slack } = here;
    const { channel, people } = slack;
    const thread = say(slack, channel, 'the build fails', undefined, people.colleague);
    say(slack, channel, 'oh no', thread, people.admin);
    say(slack, channel, '@pilotlight why?', thread);
    say(slack, channel, 'and now?', thread);
    await here.start();
    await here.asked('colleague wrote:\n> the build fails\n\nadmin wrote:\n> oh no\n\nwhy?', 'and now?');
  });

  it('in a thread that it was called into is what was said there since', async () => {
    const here = await local();
    const { slack, bot } = here;
    const { channel, people } = slack;
    const thread = say(slack, channel, 'the build fails', undefined, people.colleague);
    say(slack, channel, 'oh no', thread, people.admin);
    await here.wasAsked(channel, thread);
    say(slack, channel, 'and now?', thread);
    await here.start();
    await until(() => expect(texts(bot)).toHaveLength(2));
    expect(texts(bot)[1]).toBe('and now?');
  });

  it('in a channel that it was taken out of is asked for once only', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    await here.wasAsked(slack.channel);
    const asked = () => calls(slack, HISTORY).filter(({ args }) => args.channel === slack.channel);
    const before = asked().length;
    slack.kickBot(slack.channel);
    say(slack, slack.dm, 'hello');
    // What Slack did not answer is asked for again, in a second round.
    slack.faults.add({ on: HISTORY, act: { type: 'answer', status: 500 }, skip: 1 });
    await here.start();
    await until(async () => {
      await clock.advance(5_000);
      expect(texts(here.bot)).toEqual(['before', 'hello']);
    });
    expect(asked()).toHaveLength(before + 1);
  });

  it('in a thread of last week is taken where it was asked something there', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    const { ts } = await here.wasAsked(slack.channel);
    const other = say(slack, slack.channel, 'of others');
    await clock.advance(2 * DAY);
    say(slack, slack.channel, 'still there?', ts);
    say(slack, slack.channel, '@pilotlight and here?', other);
    await here.start();
    await here.asked('before', 'still there?');
  });

  it('is left alone when it is older than an hour', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    const { ts } = await here.wasAsked(slack.dm);
    for (const thread of [ts, undefined]) say(slack, slack.dm, 'long ago', thread);
    await clock.advance(HOUR + 1_000);
    say(slack, slack.dm, 'just now', ts);
    await here.start();
    await here.asked('before', 'just now');
  });

  it('is taken as it stands now, and not at all when it was deleted', async () => {
    const here = await local();
    const { slack } = here;
    const { channel } = slack;
    slack.deleteMessage(channel, say(slack, channel, '@pilotlight never mind'));
    slack.editMessage(
      channel,
      say(slack, channel, '@pilotlight what is a lmap?'),
      '@pilotlight what is a lamp?',
    );
    await here.start();
    await here.asked('what is a lamp?');
  });

  it('and answered by a bot whose store is lost is left alone, and what stands below the answer is not', async () => {
    const here = await local();
    const { slack } = here;
    const first = await here.start();
    const next = here.bot.next();
    const ts = say(slack, slack.channel, '@pilotlight before');
    await first.platform.open((await next).address, 0).post(page('An answer'), final);
    await first.platform.close();
    say(slack, slack.channel, '@pilotlight and then?', ts);
    const bot = new MemoryBot();
    await here.start(bot);
    await until(() => expect(texts(bot)).toHaveLength(1));
    expect(texts(bot)[0]).toContain('and then?');
  });

  it('comes before what is written in the same thread once it is back', async () => {
    const here = await local();
    const { slack } = here;
    const { ts } = await here.wasAsked(slack.dm);
    say(slack, slack.dm, 'meanwhile', ts);
    slack.faults.add({ on: REPLIES, act: { type: 'delay', ms: 300 } });
    await here.start();
    say(slack, slack.dm, 'now', ts);
    await here.asked('before', 'meanwhile', 'now');
  });

  it('holds a new question up for a second at most', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack, bot } = here;
    const { ts } = await here.wasAsked(slack.dm);
    say(slack, slack.dm, 'meanwhile', ts);
    for (const on of [HISTORY, REPLIES]) slack.faults.add({ on, act: { type: 'delay', ms: 5_000 } });
    await here.start();
    say(slack, slack.dm, 'now', ts);
    const began = clock.now();
    await until(async () => {
      await clock.advance(100);
      expect(texts(bot)).toEqual(['before', 'now']);
    });
    expect(clock.now() - began).toBeLessThan(3_000);
    await until(async () => {
      await clock.advance(100);
      expect(texts(bot)).toEqual(['before', 'now', 'meanwhile']);
    });
  });

  it('is found through many pages', async () => {
    const here = await local();
    const { slack } = here;
    const all = Array.from({ length: 230 }, (_, n) => `message ${n}`);
    for (const text of all) say(slack, slack.dm, text);
    await here.start();
    await here.asked(...all);
    expect(calls(slack, HISTORY).filter(({ args }) => args.channel === slack.dm)).toHaveLength(2);
  });

  it('is looked for without more calls than Slack allows, and not in threads without news', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    await here.wasAsked(slack.channel);
    await clock.advance(HOUR + 1_000);
    const channels = Array.from({ length: 60 }, (_, n) => slack.addChannel(`channel-${n}`));
    say(slack, channels.at(-1)!, '@pilotlight hello');
    await here.start();
    await until(async () => {
      await clock.advance(500);
      expect(texts(here.bot)).toEqual(['before', 'hello']);
    });
    expect(calls(slack, REPLIES)).toEqual([]);
    expect(slack.rateLimitHits).toEqual([]);
  });

  it('is asked for again when Slack did not answer', async () => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    say(slack, slack.channel, '@pilotlight hello');
    for (const on of ['users.conversations', HISTORY])
      slack.faults.add({ on, act: { type: 'answer', status: 500 }, times: on === HISTORY ? 2 : 1 });
    const { logged } = await here.start();
    await said(logged, 'cannot read what was written');
    expect(texts(here.bot)).toEqual([]);
    await until(async () => {
      await clock.advance(5_000);
      expect(texts(here.bot)).toEqual(['hello']);
    });
  });

  it('is not looked for any further where Slack lets an app read once a minute', async () => {
    const clock = new VirtualClock(Date.now());
    const budgets = { [HISTORY]: { limit: 1, windowMs: MINUTE, burst: 1, per: 'team' } } as const;
    const here = await local({ clock, budgets });
    const { slack } = here;
    for (let n = 0; n < 20; n += 1) say(slack, slack.addChannel(`channel-${n}`), '@pilotlight hello');
    const { logged } = await here.start();
    await until(async () => {
      await clock.advance(5_000);
      expect(logged.join('')).toContain('lets too little be read');
    });
    await clock.advance(10 * MINUTE);
    expect(calls(slack, HISTORY).length).toBeLessThan(7);
    expect(slack.rateLimitHits).toHaveLength(3);
  });

  it('is found where something was asked lately also without the scopes to list channels', async () => {
    const scopes = manifestScopes.filter((scope) => !scope.endsWith(':read') || scope.startsWith('app_'));
    const here = await local({ scopes });
    const { slack } = here;
    await here.wasAsked(slack.channel);
    say(slack, slack.channel, '@pilotlight here');
    say(slack, slack.addChannel('new'), '@pilotlight and here');
    const { logged } = await here.start();
    await here.asked('before', 'here');
    await said(logged, 'only channels in which something was asked lately are looked into');
    expect(logged.join('')).toMatch(/channels:read.*lacks scopes/);
  });

  it.each([
    ['before', 5_000, 1_000],
    ['after', 0, 5_000],
  ])('is taken once when Slack brings it again %s it was found', async (_, foundMs, againMs) => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock, delivery: { ackMs: 3_000, retryDelaysMs: [againMs] } });
    const { slack, bot } = here;
    const { channel } = slack;
    slack.faults.add({ on: HISTORY, act: { type: 'delay', ms: foundMs }, times: 2 });
    const message = say(slack, channel, '@pilotlight hello');
    await here.start();
    await until(async () => {
      await clock.advance(100);
      expect(texts(bot)).toEqual(['hello']);
      expect(calls(slack, HISTORY)).toHaveLength(2);
    });
    await clock.advance(10_000);
    await slack.eventsDelivered();
    expect(slack.lostEvents).toEqual([]);
    expect(await bot.isTaken({ platform: 'slack', workspace: slack.teamId, channel, message })).toBe(true);
    expect(texts(bot)).toEqual(['hello']);
  });

  it('is taken once when several processes come back together', async () => {
    const here = await local();
    const { slack } = here;
    say(slack, slack.channel, '@pilotlight hello');
    const both = await Promise.all([here.start(), here.start()]);
    await until(() => expect(calls(slack, HISTORY)).toHaveLength(4));
    await here.asked('hello');
    for (const { platform } of both) await platform.close();
  });

  it('is left to the next start when it is stopped meanwhile', async () => {
    const { slack, bot, start } = await local();
    say(slack, slack.channel, '@pilotlight hello');
    const looked = Promise.withResolvers<void>();
    const found = Promise.withResolvers<boolean>();
    bot.isTaken = () => {
      looked.resolve();
      return found.promise;
    };
    const { platform } = await start();
    await looked.promise;
    await platform.close();
    found.resolve(false);
    const next = new MemoryBot();
    await start(next);
    await until(() => expect(texts(next)).toEqual(['hello']));
    expect(texts(bot)).toEqual([]);
    expect(calls(slack, 'users.conversations')).toHaveLength(2);
  });

  it('is not looked for where many workspaces may install it, in each of which it may read once a minute', async () => {
    const slack = await startFakeForMany();
    const first = await startMany(slack);
    await installIn(first, slack);
    await first.platform.close();
    await startMany(slack, { store: first.store });
    say(slack, slack.dm, 'now');
    await slack.eventsDelivered();
    for (const method of ['users.conversations', HISTORY]) expect(calls(slack, method)).toEqual([]);
  });
});

describe('what was asked while Socket Mode had no connection', () => {
  const reconnected = async (ms: number) => {
    const clock = new VirtualClock(Date.now());
    const here = await local({ clock });
    const { slack } = here;
    const { platform } = await here.start();
    await until(() => expect(calls(slack, HISTORY)).toHaveLength(2));
    await clock.advance(MINUTE);
    const body = { ok: false, error: 'internal_error' };
    const cut = slack.faults.add({
      on: 'apps.connections.open',
      act: { type: 'answer', status: 200, body },
      times: Number.POSITIVE_INFINITY,
    });
    slack.dropConnections();
    await until(() => expect(platform.connected).toBe(false));
    say(slack, slack.channel, '@pilotlight are you there?');
    await clock.advance(ms);
    cut();
    await until(async () => {
      await clock.advance(1_000);
      expect(platform.connected).toBe(true);
    });
    return here;
  };

  it('is looked for after minutes', async () => {
    const here = await reconnected(5 * MINUTE);
    await here.asked('are you there?');
  });

  it('is left to Slack, which brings it again, when that was a moment', async () => {
    const { slack } = await reconnected(5_000);
    say(slack, slack.dm, 'now');
    await slack.eventsDelivered();
    expect(calls(slack, HISTORY)).toHaveLength(2);
  });
});
