import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { FakeChat } from '../../sandbox/chat.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import {
  Answers,
  discordChannel,
  discordCommand,
  type Fakes,
  isGrowing,
  isRunning,
  Log,
  letters,
  quick,
  scripted,
  slackChannel,
  slackDm,
  startFakes,
  startProcess,
  talkIn,
  until,
} from './support.ts';

const everywhere = [slackChannel, slackDm, discordChannel, discordCommand];
const both = [slackChannel, discordChannel];

describe.concurrent('what must not be answered, or not twice', () => {
  it.for(both)('has one answer in $name although its event came twice', async (place, test) => {
    const { sandbox, answers, ask, model, log } = await talkIn(test, place);
    const fake = place.fake(sandbox);
    const user = fake.people.asker;
    fake.say({ channel: fake.channel, user, text: '@pilotlight repeat after me: once', duplicate: true });
    await log.said('turn ended');
    await ask('repeat after me: and another');
    expect((await answers.end(2)).text).toBe('and another');
    expect(answers.all.map(({ text }) => text)).toEqual(['once', 'and another']);
    expect(model.chats).toHaveLength(2);
  });

  it.for([
    {
      ...slackChannel,
      speak: ({ slack }: Fakes) => {
        const { botUserId, channel, people } = slack;
        const said = { type: 'message', channel, channel_type: 'channel', text: `<@${botUserId}> hello` };
        const ids = { ts: '1767614400.000001', event_ts: '1767614400.000001' };
        slack.sendEvent({ ...said, ...ids, user: botUserId });
        slack.sendEvent({ ...said, ...ids, user: people.colleague, bot_id: 'B0OTHER' });
        slack.sendEvent({ ...said, ...ids, type: 'app_mention', user: people.colleague, bot_id: 'B0OTHER' });
      },
    },
    {
      ...discordChannel,
      speak: ({ discord }: Fakes) => {
        const another = discord.addUser('another bot', { bot: true });
        for (const user of [discord.botUserId, another])
          discord.say({ channel: discord.channel, user, text: '@pilotlight hello' });
      },
    },
  ])('is left alone in $name when a bot said it, or this one', async (place, test) => {
    const { sandbox, ask, model, log } = await talkIn(test, place);
    place.speak(sandbox);
    await ask('repeat after me: a person');
    await log.said('turn ended');
    expect(model.chats).toHaveLength(1);
    expect(JSON.stringify(model.chats[0]!.body)).toContain('a person');
  });
});

describe.concurrent('an answer that may not be written to its end where it was asked', () => {
  it.for([
    { ...slackChannel, deny: ({ slack }: Fakes) => slack.archive(slack.channel) },
    { ...discordChannel, deny: ({ discord }: Fakes) => discord.deny(discord.channel, 'SendMessages') },
  ])('is told of to who asked, in direct messages, in $name', async (place, test) => {
    const { sandbox, answers, ask } = await talkIn(test, place, { model: { tokensPerSecond: 60 } });
    await ask('write 5000 characters');
    await answers.see(isGrowing('Part 1'));
    place.deny(sandbox);
    const fake = place.fake(sandbox);
    const told = await until(fake, () => fake.messages(fake.dm).at(-1));
    expect(told.text).toContain('could not write my answer, or not all of it, where you asked “write 5000');
  });
});

describe.concurrent('a message that somebody deletes while it grows', () => {
  it.for(everywhere)('stops the model, and never comes back, in $name', async (place, test) => {
    const { sandbox, answers, ask, model, log } = await talkIn(test, place, {
      model: { tokensPerSecond: 60 },
    });
    await ask('write 5000 characters');
    const { id } = await answers.see(isGrowing('Part 1'));
    place.fake(sandbox).deleteMessage(answers.channel, id);
    await until(model, () => model.generations[0]!.end === 'aborted');
    await log.said('turn ended');
    expect(answers.all).toEqual([]);
    await ask('repeat after me: still here');
    expect((await answers.end()).text).toContain('still here');
  });
});

describe.concurrent('a chat that says no for a while', () => {
  const refusal = {
    type: 'answer',
    status: 429,
    headers: { 'retry-after': '1' },
    body: { ok: false, error: 'ratelimited', message: 'You are being rate limited.', retry_after: 1 },
  } as const;
  const failure = { type: 'answer', status: 500 } as const;

  it.for([
    ...everywhere.map((place) => ({ ...place, how: 'a 429', act: refusal })),
    ...both.map((place) => ({ ...place, how: 'a 500', act: failure })),
  ])('has the whole answer after $how on its last edits in $name', async ({ act, ...place }, test) => {
    const { sandbox, answers, ask, model, log } = await talkIn(test, place);
    const fake = place.fake(sandbox);
    const { promise: refused, resolve: goOn } = Promise.withResolvers<void>();
    model.streamFaults.add({ type: 'pause', after: 4, until: refused });
    await ask('write 400 characters');
    await answers.see(isGrowing('Part 1'));
    for (const on of place.edits) fake.faults.add({ on, act, times: Number.POSITIVE_INFINITY });
    goOn();
    await until(model, () => model.generations[0]!.end === 'finished');
    const failed = () => log.lines.filter((line) => line.includes('a write to the chat failed')).length;
    const before = failed();
    await until(log, () => failed() > before);
    expect(isRunning(answers.last!)).toBe(true);
    fake.faults.clear();
    await log.said('turn ended');
    const text = letters(answers.all.map((message) => message.text).join(''));
    expect(text).toContain(letters(scripted('write 400 characters')));
    expect(answers.all.some(isRunning)).toBe(false);
    expect(fake.rateLimitHits).toEqual([]);
  });

  it.for(everywhere)(
    'has the whole answer when the connection drops in its midst, in $name',
    async (place, test) => {
      const { sandbox, answers, ask, model } = await talkIn(test, place);
      const fake = place.fake(sandbox);
      const { promise: dropped, resolve: goOn } = Promise.withResolvers<void>();
      model.streamFaults.add({ type: 'pause', after: 4, until: dropped });
      await ask('write 400 characters');
      await answers.see(isGrowing('Part 1'));
      fake.dropConnections();
      goOn();
      expect(letters((await answers.end()).text)).toContain(letters(scripted('write 400 characters')));
      expect(answers.all).toHaveLength(1);
      await fake.waitForConnection();
      await ask('repeat after me: we are back');
      expect((await answers.end(2)).text).toContain('we are back');
      expect(fake.rateLimitHits).toEqual([]);
    },
  );
});

describe.concurrent('one platform that cannot be reached at the start', () => {
  const cases = [
    { bad: slackChannel, calls: 'auth.test', good: discordChannel },
    { bad: discordChannel, calls: 'GET /gateway/bot', good: slackChannel },
  ];

  it.for(cases)(
    'answers as soon as it can be, and meanwhile the other one does: $bad.name',
    async ({ bad, calls: on, good }, test) => {
      const fakes = await startFakes(test);
      const away = bad.fake(fakes);
      const back = away.faults.add({ on, act: { type: 'reset' }, times: Number.POSITIVE_INFINITY });
      const bot = await startProcess(test, fakes, { DATABASE_URL: 'sqlite::memory:' });
      await good.ask(fakes, 'repeat after me: one of two');
      expect((await new Answers(good.fake(fakes), good.channel(fakes)).end()).text).toBe('one of two');

      const { port } = JSON.parse(bot.output.lines.find((line) => line.includes('"msg":"ready"'))!);
      const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
      expect(await ready()).toBe(503);
      back();
      await bot.output.said('connected', 2);
      expect(await ready()).toBe(200);
      await bad.ask(fakes, 'repeat after me: and the other');
      expect((await new Answers(away, bad.channel(fakes)).end()).text).toBe('and the other');
    },
  );

  it('does not keep the bot from being stopped', async (test) => {
    const fakes = await startFakes(test);
    const away = { type: 'reset' } as const;
    fakes.slack.faults.add({ on: 'auth.test', act: away, times: Number.POSITIVE_INFINITY });
    const bot = await startProcess(test, fakes, { DATABASE_URL: 'sqlite::memory:', SHUTDOWN_SECONDS: '0' });
    bot.kill('SIGTERM');
    expect(await bot.exited).toBe(0);
  });
});

describe.concurrent('one platform whose token is wrong', () => {
  const cases = [
    { bad: 'slack', good: 'discord', env: { SLACK_BOT_TOKEN: 'xoxb-wrong' }, fault: /SLACK_BOT_TOKEN/ },
    { bad: 'slack', good: 'discord', env: { SLACK_APP_TOKEN: 'xapp-wrong' }, fault: /SLACK_APP_TOKEN/ },
    { bad: 'discord', good: 'slack', env: { DISCORD_TOKEN: 'not.the-right.one' }, fault: /DISCORD_TOKEN/ },
  ] as const;

  it.for(cases)('does not keep $good from answering: $env', async ({ bad, good, env, fault }, test) => {
    const log = new Log();
    const sandbox = await startSandbox({ log: pino({}, log), model: quick, env });
    test.onTestFinished(() => sandbox.close());
    const place = good === 'slack' ? slackChannel : discordChannel;
    await place.ask(sandbox, 'repeat after me: one of two');
    const fake: FakeChat = place.fake(sandbox);
    expect((await new Answers(fake, place.channel(sandbox)).end()).text).toBe('one of two');

    const errors = log.lines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 50);
    const reported = errors.find(({ platform, msg }) => platform === bad && fault.test(msg));
    expect(reported?.msg).toMatch(/Copy the Bot User OAuth Token|Create one|Get a new one/);
    for (const token of Object.values(env)) expect(log.lines.join('')).not.toContain(token);

    const get = (path: string) => fetch(`http://127.0.0.1:${sandbox.app.port}${path}`);
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ ready: false, [good]: true, [bad]: false, database: true });
    expect((await get('/healthz')).status).toBe(200);
  });

  it('ends the start when it is the only one, saying all that is wrong', async () => {
    const log = pino({ level: 'silent' });
    const env = { SLACK_BOT_TOKEN: 'xoxb-wrong', DISCORD_TOKEN: 'not.the-right.one' };
    const started = startSandbox({ log, model: quick, env });
    await expect(started).rejects.toThrow(
      /SLACK_BOT_TOKEN[\s\S]*DISCORD_TOKEN|DISCORD_TOKEN[\s\S]*SLACK_BOT_TOKEN/,
    );
  });
});
