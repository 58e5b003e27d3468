import { describe, expect, it } from 'vitest';
import type { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import type { Commands } from '../../src/bot/commands.ts';
import { WriteError } from '../../src/bot/ports.ts';
import { OperatorError } from '../../src/errors.ts';
import { install } from '../support/browser.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  answers,
  final,
  installIn,
  type Many,
  page,
  startFakeForMany,
  startMany,
  until,
} from './slack-support.ts';

/** Two workspaces that have installed the bot. */
async function two() {
  const one = await startFakeForMany({ delivery: { retryDelaysMs: [0, 20, 20] } });
  const other = one.addTeam('other');
  const running = await startMany(one);
  await installIn(running, one, other);
  return { one, other, running };
}

/** Somebody asks in the channel; the question as the bot gets it. */
async function ask({ bot }: Many, team: FakeSlack, text = 'hello') {
  const next = bot.next();
  team.say({ channel: team.channel, user: team.people.asker, text: `@pilotlight ${text}` });
  return next;
}

async function answer({ platform }: Many, question: Awaited<ReturnType<typeof ask>>, text: string) {
  await platform.open(question.address, 0).post(page(text), final);
}

const textsIn = (team: FakeSlack) => answers(team, team.channel).map(({ text }) => text);

describe('in many workspaces, the bot', () => {
  it('answers each where it was asked, and knows people by their workspace', async () => {
    const { one, other, running } = await two();
    const first = await ask(running, one);
    const second = await ask(running, other);
    expect(first).toMatchObject({
      workspace: one.teamId,
      author: { id: `${one.teamId}/${one.people.asker}` },
      address: { team: one.teamId },
    });
    expect(second.workspace).toBe(other.teamId);
    await answer(running, second, 'to the other');
    await answer(running, first, 'to the one');
    expect(textsIn(one)).toEqual(['to the one']);
    expect(textsIn(other)).toEqual(['to the other']);
  });

  it('hears presses and deletions in each', async () => {
    const { other, running } = await two();
    const { address } = await ask(running, other);
    const surface = running.platform.open(address, 0);
    const { message } = await surface.post(page('an', { buttons: ['stop'] }), final);
    await other.click(other.channel, message, 'pilotlight:stop:7.0', other.people.asker);
    await until(() => expect(running.bot.presses).toHaveLength(1));
    expect(running.bot.presses[0]).toMatchObject({
      workspace: other.teamId,
      user: { id: `${other.teamId}/${other.people.asker}` },
    });
    other.deleteMessage(other.channel, message);
    await until(() => expect(running.bot.deleted).toHaveLength(1));
    expect(running.bot.deleted[0]!.workspace).toBe(other.teamId);
  });

  it('gets the pictures of each with its own token', async () => {
    const { other, running } = await two();
    const files = [{ name: 'cat.png', mimetype: 'image/png', content: Buffer.from('a picture') }];
    const next = running.bot.next();
    other.say({ channel: other.dm, user: other.people.asker, text: 'look', files });
    const { images, address } = await next;
    const limits = { maxBytes: 100, signal: new AbortController().signal };
    const bytes = await running.platform.fetchImage(images[0]!, limits, address);
    expect(Buffer.from(bytes).toString()).toBe('a picture');
  });

  it('writes notices where a command was given, and to an admin named with the workspace', async () => {
    const one = await startFakeForMany();
    const other = one.addTeam('other');
    const calls: Parameters<Commands['run']>[0][] = [];
    const said = { text: 'It is warm.', buttons: [], public: false, replaces: false };
    const commands: Commands = {
      async run(call) {
        calls.push(call);
        return said;
      },
      press: async () => said,
    };
    const running = await startMany(one, { commands });
    await installIn(running, one, other);
    const { channel, people } = other;
    await other.slashCommand({ command: '/pilotlight', text: 'status', user: people.admin, channel });
    await until(() => expect(calls).toHaveLength(1));
    const admin = `${other.teamId}/${people.admin}`;
    expect(calls[0]).toMatchObject({ channel, workspace: other.teamId, user: { id: admin } });
    await running.platform.tell!(calls[0]!, { text: 'It sleeps.', buttons: [] });
    expect(answers(other, channel).map(({ text }) => text)).toContain('It sleeps.');
    const direct = await running.platform.directChannel!(admin);
    await running.platform.tell!(direct, { text: 'It costs.', buttons: [] });
    expect(answers(other, other.openDm(people.admin)).map(({ text }) => text)).toEqual(['It costs.']);
    await expect(running.platform.tell!({ channel }, { text: 'Where?', buttons: [] })).rejects.toThrow();
  });

  it('goes on after a restart: installations and the addresses of replies are kept', async () => {
    const { one, other, running } = await two();
    const question = await ask(running, other);
    await running.platform.close();
    const next = await startMany(one, { store: running.store });
    await answer(next, JSON.parse(JSON.stringify(question)), 'as promised');
    expect(textsIn(other)).toEqual(['as promised']);
    expect((await ask(next, one)).workspace).toBe(one.teamId);
  });

  it.each([
    [['app_uninstalled', 'tokens_revoked']],
    [['tokens_revoked', 'app_uninstalled']],
    [['app_uninstalled']],
  ])('is forgotten where it was uninstalled (%s), and goes on elsewhere', async (events) => {
    const { one, other, running } = await two();
    const question = await ask(running, other);
    other.app.uninstall(events);
    await one.eventsDelivered();
    expect((await running.store.all()).map(({ key }) => key)).toEqual([one.teamId]);
    const fault = await answer(running, question, 'too late').catch((error) => error);
    expect(fault).toBeInstanceOf(WriteError);
    expect(fault.fault).toBe('denied');
    await answer(running, await ask(running, one), 'still here');
    expect(textsIn(one)).toEqual(['still here']);
    expect(one.lostEvents).toEqual([]);
  });

  it('stays when an uninstall is told of late, after it was installed again', async () => {
    const clock = new VirtualClock(Date.now());
    const one = await startFakeForMany({ delivery: { ackMs: 300, retryDelaysMs: [0, 300, 300, 300, 300] } });
    const running = await startMany(one, { clock });
    await installIn(running, one);
    one.requestUrl = 'http://127.0.0.1:9/';
    one.app.uninstall();
    await clock.advance(5_000);
    await installIn(running, one);
    one.requestUrl = running.url;
    await one.eventsDelivered();
    expect(one.lostEvents).toEqual([]);
    await answer(running, await ask(running, one), 'here again');
    expect(textsIn(one)).toEqual(['here again']);
  });

  it('uses a new token at once, whichever process it was installed through', async () => {
    const { one, other, running } = await two();
    const question = await ask(running, other);
    await answer(running, question, 'with the first token');
    other.app.uninstall([]);
    const second = await startMany(one, { store: running.store });
    await installIn(second, other);
    const surface = running.platform.open(question.address, 1);
    await surface.post(page('with the second'), { ...final, key: '7.1:1' });
    expect(textsIn(other)).toEqual(['with the first token', 'with the second']);
  });

  it('is not disturbed by a token that is good no more in another workspace', async () => {
    const { one, other, running } = await two();
    const question = await ask(running, other);
    other.app.revokeToken();
    const fault = await answer(running, question, 'nothing').catch((error) => error);
    expect(fault).toMatchObject({ fault: 'denied' });
    await answer(running, await ask(running, one), 'as ever');
    expect(textsIn(one)).toEqual(['as ever']);
    expect(running.platform.connected).toBe(true);
  });

  it('tells people that it cannot take a question while nothing can be looked up either', async () => {
    const { one, running } = await two();
    await ask(running, one);
    running.bot.broken = true;
    running.store.get = async () => {
      throw new Error('Postgres is away');
    };
    one.say({ channel: one.dm, user: one.people.asker, text: 'and now?' });
    await one.eventsDelivered();
    expect(answers(one, one.dm).map(({ text }) => text)).toEqual([
      expect.stringContaining('no need to repeat it'),
      expect.stringContaining('ask again'),
    ]);
  });

  it('ignores what comes from where it is not installed, and has it brought again when it cannot look', async () => {
    const { one, running } = await two();
    const event = {
      type: 'message',
      channel: 'D1',
      channel_type: 'im',
      user: 'U1',
      text: 'hello',
      ts: '1.2',
    };
    const body = JSON.stringify({ type: 'event_callback', team_id: 'T0NOBODY', event });
    expect((await running.call(body)).status).toBe(200);
    running.store.get = async () => {
      throw new Error('the disk is full');
    };
    expect((await running.call(body.replace('T0NOBODY', one.teamId))).status).toBe(503);
    expect(running.bot.offered).toEqual([]);
    expect(running.logged.join('')).not.toContain('xoxb');
  });
});

describe('in an Enterprise Grid organisation, the bot', () => {
  async function grid() {
    const outside = await startFakeForMany();
    const org = outside.addOrganisation('org');
    const [one, other] = [outside.addTeam('one', org), outside.addTeam('other', org)];
    const running = await startMany(outside);
    const everywhere = (link: string) => one!.app.agreeEverywhere(link, one!.people.admin);
    expect((await install(running.url, everywhere)).status).toBe(200);
    return { outside, org, one: one!, other: other!, running };
  }

  it('answers in all its workspaces with one installation, also after a restart', async () => {
    const { outside, org, one, other, running } = await grid();
    expect((await running.store.all()).map(({ key }) => key)).toEqual([org.id]);
    const [first, second] = [await ask(running, one), await ask(running, other)];
    expect(first.workspace).toBe(one.teamId);
    expect(second).toMatchObject({
      workspace: other.teamId,
      author: { id: `${org.id}/${other.teamId}/${other.people.asker}` },
    });
    await answer(running, first, 'to one');
    await running.platform.close();
    const next = await startMany(outside, { store: running.store });
    await answer(next, second, 'to the other');
    expect(textsIn(one)).toEqual(['to one']);
    expect(textsIn(other)).toEqual(['to the other']);
  });

  it('is forgotten when the organisation removes it', async () => {
    const { one, other, running } = await grid();
    const question = await ask(running, other);
    one.app.uninstall();
    await one.eventsDelivered();
    expect(await running.store.all()).toEqual([]);
    await expect(answer(running, question, 'too late')).rejects.toMatchObject({ fault: 'denied' });
  });
});

describe('installing the bot', () => {
  it.each([
    ['is cancelled in Slack', { cancel: true, says: /cancelled/, status: 400 }],
    ['ends in another browser than it began', { sameBrowser: false, says: /another browser/, status: 400 }],
    ['is refused by Slack', { secret: 'wrong', says: /Slack could not be asked, or refused/, status: 500 }],
  ])('installs nothing and says so when it %s', async (_, how) => {
    const {
      cancel = false,
      sameBrowser = true,
      secret,
      says,
      status,
    } = { secret: undefined, ...how } as {
      cancel?: boolean;
      sameBrowser?: boolean;
      secret?: string;
      says: RegExp;
      status: number;
    };
    const slack = await startFakeForMany();
    const running = await startMany(slack, secret === undefined ? {} : { secret });
    const { app, people } = slack;
    const decide = (link: string) => (cancel ? app.cancel(link) : app.agree(link, people.admin));
    const shown = await install(running.url, decide, { sameBrowser });
    expect(shown.status).toBe(status);
    expect(await shown.text()).toMatch(says);
    expect(await running.store.all()).toEqual([]);
    if (secret) expect(running.logged.join('')).toContain('bad_client_secret');
    expect(running.logged.join('')).not.toMatch(/xoxb|a client secret/);
  });

  it('may begin in one process and end in another', async () => {
    const slack = await startFakeForMany();
    const first = await startMany(slack);
    await startMany(slack, { store: first.store });
    await installIn(first, slack);
    expect((await first.store.all()).map(({ key }) => key)).toEqual([slack.teamId]);
  });

  it('leaves no token to be read in the store, and outlives a change of keys', async () => {
    const { one, other, running } = await two();
    const [oldKey, newKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const { store } = running;
    expect(JSON.stringify(await store.all())).not.toContain('xoxb');
    await startMany(one, { store, keys: [newKey, oldKey] });
    const later = await startMany(one, { store, keys: [newKey] });
    await answer(later, await ask(later, one), 'with the new key');
    expect(textsIn(one)).toEqual(['with the new key']);
    await store.put(other.teamId, 'what is this?', Date.now());
    const damaged = await startMany(one, { store, keys: [newKey] });
    expect(damaged.logged.join('')).toContain(`TOKEN_ENCRYPTION_KEY: ${other.teamId} was stored with a key`);
    expect((await ask(damaged, one)).workspace).toBe(one.teamId);
    const error = await startMany(one, { store, keys: [oldKey] }).catch((reason) => reason);
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.message).toMatch(/TOKEN_ENCRYPTION_KEY: T\w+ .*add that one after/);
  });
});
