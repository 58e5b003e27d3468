import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { ShownMessage } from '../../sandbox/chat.ts';
import { aQuestion } from '../support/chat-double.ts';
import { open } from '../support/stores.ts';
import {
  Answers,
  discordChannel,
  discordCommand,
  isGrowing,
  isRunning,
  letters,
  type Place,
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

describe.concurrent('a question to a sleeping model', () => {
  it.for(everywhere)('wakes it in $name, and the answer grows in one message', async (place, test) => {
    const { sandbox, answers, model, ask } = await talkIn(test, place, {
      model: { awake: false, coldStartMs: 2_000, tokensPerSecond: 150 },
    });
    const seen: ShownMessage[] = [];
    answers.fake.on('change', () => answers.last && seen.push(answers.last));
    await ask('write 1500 characters');
    const ended = await answers.end();
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set([ended.id]));
    const notices = seen.filter(({ text }) => text.includes('⏳ Waking the model'));
    expect(notices[0]).toMatchObject({ text: expect.stringMatching(/0:0\d/), buttons: [{ label: 'Stop' }] });
    const growing = seen.filter(isRunning).filter(({ text }) => text.includes('Part 1'));
    const lengths = growing.map(({ text }) => text.length);
    expect(new Set(lengths).size).toBeGreaterThan(1);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(seen.indexOf(notices[0]!)).toBeLessThan(seen.indexOf(growing[0]!));
    expect(ended.buttons).toEqual([]);
    expect(letters(ended.text)).toContain(letters(model.generations[0]!.text));
    expect(ended.text).not.toContain('Waking');
    expect(place.fake(sandbox).rateLimitHits).toEqual([]);
  });

  it.for(everywhere)(
    'goes on in $name where the answer stands, with what was said before',
    async (place, test) => {
      const { sandbox, answers, ask, log } = await talkIn(test, place);
      await ask('repeat after me: the pilot light is small');
      await log.said('turn ended');
      const first = await answers.end();
      expect(first.text).toContain('the pilot light is small');
      await place.goOn(sandbox, 'what did I say?', first);
      const second = await answers.end(2);
      expect(second.text).toContain('1. repeat after me: the pilot light is small');
    },
  );

  it('has what people said in the Slack thread that it is called into, and goes on there', async (test) => {
    const { sandbox, answers, model, log } = await talkIn(test, slackChannel);
    const { channel, people } = sandbox.slack;
    const thread = sandbox.slack.say({ channel, user: people.colleague, text: 'The lamp is out' });
    sandbox.slack.say({ channel, user: people.asker, text: '@pilotlight why?', thread });
    await log.said('turn ended');
    await answers.end();
    sandbox.slack.say({ channel, user: people.asker, text: '@pilotlight and now?', thread });
    await log.said('turn ended', 2);
    const { messages } = model.chats[1]!.body as { messages: { role: string; content: string }[] };
    expect(messages.filter(({ role }) => role === 'user').map(({ content }) => content)).toEqual([
      `colleague wrote:\n> The lamp is out\n\nwhy?`,
      'and now?',
    ]);
  });

  it.for(both)('mentions nobody in $name, whatever the model writes', async (place, test) => {
    const { sandbox, answers, ask } = await talkIn(test, place);
    await ask('mention everyone');
    expect((await answers.end()).text).toContain('everyone');
    expect(place.fake(sandbox).pings).toEqual([]);
  });

  it.for([
    { place: slackChannel, length: 13_000 },
    { place: discordChannel, length: 4_000 },
  ])(
    'has its long answer in $place.name over several messages, nothing lost',
    async ({ place, length }, test) => {
      const { sandbox, answers, model, ask, log } = await talkIn(test, place, {
        model: { tokensPerSecond: 4_000 },
      });
      await ask(`write ${length} characters`);
      await log.said('turn ended');
      expect(answers.all.length).toBeGreaterThan(1);
      expect(answers.all.some(isRunning)).toBe(false);
      const all = letters(answers.all.map(({ text }) => text).join(''));
      // What a page repeats of the one before it (a fence, a table's head) stands there twice.
      const { text } = model.generations[0]!;
      for (const part of text.split('\n').map(letters)) expect(all).toContain(part);
      expect(place.fake(sandbox).rateLimitHits).toEqual([]);
    },
  );
});

describe.concurrent('the buttons under an answer', () => {
  it.for(both)('show in $name what the model thought, to whoever wants to see it', async (place, test) => {
    const { sandbox, answers, ask } = await talkIn(test, place, { env: { MODEL_SHOW_REASONING: 'true' } });
    await ask('repeat after me: I think');
    const answer = await answers.end();
    expect(answer.buttons.map(({ label }) => label)).toEqual(['Reasoning']);
    expect(answer.text).toBe('I think');
    const fake = place.fake(sandbox);
    await answers.click('Reasoning', fake.people.colleague);
    const whispered = () =>
      fake.messages(answers.channel).find(({ onlyFor }) => onlyFor === fake.people.colleague);
    expect((await until(fake, whispered)).text).toMatch(/^💭 .*Let me weigh it/);
  });

  it.for(both)('stop it in $name for the asker alone; what came stays', async (place, test) => {
    const { sandbox, answers, model, ask } = await talkIn(test, place, { model: { tokensPerSecond: 60 } });
    const fake = place.fake(sandbox);
    await ask('write 5000 characters');
    const half = await answers.see(isGrowing('Part 1'));
    await answers.click('Stop', fake.people.colleague);
    const told = () => fake.messages(answers.channel).find(({ onlyFor }) => onlyFor);
    expect(await until(fake, told)).toMatchObject({
      onlyFor: fake.people.colleague,
      text: expect.stringContaining('Only the person who asked'),
    });
    expect(isRunning(answers.last!)).toBe(true);
    await answers.click('Stop', fake.people.asker);
    const stopped = await answers.end();
    expect(stopped.text).toContain('Stopped by asker');
    expect(stopped.text.length).toBeGreaterThan(half.text.length);
    expect(stopped.buttons.map(({ label }) => label)).toEqual(['Continue', 'Retry']);
    await until(model, () => model.generations[0]!.end === 'aborted');
  });

  it.for(both)('ask again in $name in a new message, and keep the first', async (place, test) => {
    const { sandbox, answers, ask, model } = await talkIn(test, place);
    const { asker } = place.fake(sandbox).people;
    // It goes on until it is stopped, however long that takes.
    model.streamFaults.add({ type: 'silence', after: 4 });
    await ask('write 400 characters');
    await answers.see(isGrowing('Part 1'));
    await answers.click('Stop', asker);
    const stopped = await answers.end();
    await answers.click('Retry', asker);
    const again = await answers.end(2);
    expect(again.id).not.toBe(stopped.id);
    expect(again.buttons).toEqual([]);
    const first = await until(place.fake(sandbox), () => {
      const [first] = answers.all;
      return first!.buttons.length === 0 && first;
    });
    expect(first.text).toBe(stopped.text);
  });
});

describe.concurrent('the process', () => {
  async function database(test: TestContext): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'pilotlight-'));
    test.onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return `sqlite:${join(folder, 'pilotlight.db')}`;
  }

  it('lets a running answer finish when it is told to stop, and logs no message and no secret', async (test) => {
    const fakes = await startFakes(test);
    const { slack, discord } = fakes;
    const { promise: stopping, resolve: goOn } = Promise.withResolvers<void>();
    fakes.model.streamFaults.add({ type: 'pause', after: 4, until: stopping }, 2);
    const bot = await startProcess(test, fakes, { DATABASE_URL: await database(test), LOG_LEVEL: 'trace' });
    const places = [slackChannel, discordCommand];
    const answers = places.map((place) => new Answers(place.fake(fakes), place.channel(fakes)));
    await Promise.all(places.map((place) => place.ask(fakes, 'write 700 characters, a private matter')));
    await Promise.all(answers.map((answer) => answer.see(isGrowing('Part 1'))));
    bot.kill('SIGTERM');
    await bot.output.said('stopping: running answers may finish');
    // Under systemd npm passes on what came to both.
    bot.kill('SIGTERM');
    goOn();
    expect(await bot.exited).toBe(0);
    for (const [at, answer] of answers.entries()) {
      const text = letters(fakes.model.generations[at]!.text);
      expect(letters((await answer.end()).text)).toContain(text);
    }
    expect(bot.output.lines.at(-1)).toContain('"msg":"stopped"');
    const output = bot.output.lines.join('\n');
    expect(output.match(/"msg":"question accepted"/g)).toHaveLength(2);
    expect(output).not.toMatch(/private matter|Part 1|Streaming an answer/);
    for (const secret of [slack.botToken, slack.appToken, discord.token])
      expect(output).not.toContain(secret);
  });

  it('ends also when nobody reads its log any more', async (test) => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    const bot = spawn(process.execPath, ['src/main.ts'], {
      env: {
        PATH: process.env.PATH,
        SLACK_BOT_TOKEN: 'xoxb-1',
        SLACK_APP_TOKEN: 'xapp-1',
        SLACK_API_URL: `http://127.0.0.1:${port}/api/`,
        MODEL_BASE_URL: 'http://127.0.0.1:1/v1',
        DATABASE_URL: 'sqlite::memory:',
        PORT: '0',
        KEEP_DAY: 'makes it log at once',
      },
    });
    test.onTestFinished(() => void bot.kill('SIGKILL'));
    await once(bot.stdout, 'data');
    for (const stream of [bot.stdout, bot.stderr]) stream.destroy();
    expect(await once(bot, 'exit')).toEqual([1, null]);
  });

  it('lets a running answer finish also when it is told to stop while a platform does not answer yet', async (test) => {
    const fakes = await startFakes(test);
    const silent = createServer().listen(0, '127.0.0.1');
    test.onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { promise: stopping, resolve: goOn } = Promise.withResolvers<void>();
    fakes.model.streamFaults.add({ type: 'pause', after: 4, until: stopping });
    const env = {
      DATABASE_URL: await database(test),
      DISCORD_API_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    };
    const bot = await startProcess(test, fakes, env, 'connected');
    const answer = new Answers(fakes.slack, slackChannel.channel(fakes));
    await slackChannel.ask(fakes, 'write 700 characters');
    await answer.see(isGrowing('Part 1'));
    bot.kill('SIGTERM');
    await bot.output.said('stopping: running answers may finish');
    expect(bot.output.lines.join('\n')).not.toContain('"msg":"ready"');
    goOn();
    expect(await bot.exited).toBe(0);
    expect(letters((await answer.end()).text)).toContain(letters(fakes.model.generations[0]!.text));
  });

  it('says in the chat what it could not finish, and goes on from there after the restart', async (test) => {
    const fakes = await startFakes(test);
    fakes.model.streamFaults.add({ type: 'silence', after: 4 }, 2);
    const env = { DATABASE_URL: await database(test), SHUTDOWN_SECONDS: '0' };
    const bot = await startProcess(test, fakes, env);
    const places = [slackChannel, discordCommand];
    const answers = places.map((place) => new Answers(place.fake(fakes), place.channel(fakes)));
    await Promise.all(places.map((place) => place.ask(fakes, 'write 700 characters')));
    await Promise.all(answers.map((answer) => answer.see(isGrowing('Part 1'))));
    bot.kill('SIGTERM');
    expect(await bot.exited).toBe(0);
    const interrupted = await Promise.all(answers.map((answer) => answer.end()));
    for (const { text, buttons } of interrupted) {
      expect(text).toContain('Interrupted: Pilotlight was restarted');
      expect(buttons.map(({ label }) => label)).toEqual(['Continue', 'Retry']);
    }
    await startProcess(test, fakes, env);
    const goOn = async (answer: Answers, place: Place) => {
      await answer.click('Continue', place.fake(fakes).people.asker);
      return answer.see((message) => message.buttons.length === 0);
    };
    const whole = await Promise.all(answers.map((answer, at) => goOn(answer, places[at]!)));
    expect(whole.map(({ id }) => id)).toEqual(interrupted.map(({ id }) => id));
    for (const { text } of whole) expect(letters(text)).toContain(letters(scripted('write 700 characters')));
  });

  it('repairs the same messages after it was killed: what had begun is marked, what had not is answered', async (test) => {
    const fakes = await startFakes(test, { tokensPerSecond: 60 });
    const env = { DATABASE_URL: await database(test) };
    const bot = await startProcess(test, fakes, env);
    const [inSlack, inDiscord] = [slackChannel, discordCommand].map(
      (place) => new Answers(place.fake(fakes), place.channel(fakes)),
    );
    await slackChannel.ask(fakes, 'write 5000 characters');
    const begun = await inSlack!.see(isGrowing('Part 1'));
    const on = 'POST /v1/chat/completions';
    fakes.model.faults.add({ on, act: { type: 'delay', ms: 60_000 }, times: Number.POSITIVE_INFINITY });
    await discordCommand.ask(fakes, 'repeat after me: still here');
    await bot.output.said('question accepted', 2);
    bot.kill('SIGKILL');
    await bot.exited;
    fakes.model.faults.clear();
    await startProcess(test, fakes, env);
    const marked = await inSlack!.end();
    expect(marked).toMatchObject({ id: begun.id, text: expect.stringContaining('Interrupted') });
    expect(marked.buttons.map(({ label }) => label)).toEqual(['Continue', 'Retry']);
    expect((await inDiscord!.end()).text).toContain('still here');
    expect([inSlack!.all.length, inDiscord!.all.length]).toEqual([1, 1]);
  });

  it('deletes what is older than it is told to keep', async (test) => {
    const fakes = await startFakes(test);
    const env = { DATABASE_URL: await database(test), KEEP_DAYS: '1', SHUTDOWN_SECONDS: '0' };
    const before = await open(env.DATABASE_URL);
    const [old, recent] = [
      (await before.accept(aQuestion('1'), 1))!,
      (await before.accept(aQuestion('2'), 1))!,
    ];
    await before.end(await before.start(old.id), 'done', Date.now() - 25 * 3_600_000);
    await before.end(await before.start(recent.id), 'done', Date.now() - 23 * 3_600_000);
    await before.close();
    const bot = await startProcess(test, fakes, env);
    await bot.output.said('deleted what is old');
    bot.kill('SIGTERM');
    expect(await bot.exited).toBe(0);
    const after = await open(env.DATABASE_URL);
    expect([await after.turn(old.id), await after.turn(recent.id)]).toEqual([null, expect.anything()]);
    await after.close();
  });
});
