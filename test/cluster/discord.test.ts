import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { Answers, discordChannel, discordCommand, startFakes, startProcess, until } from '../e2e/support.ts';
import { TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

/** Bot processes on one database, at one Discord. */
async function atDiscord(test: TestContext) {
  const fakes = await startFakes(test);
  const { discord } = fakes;
  const env = {
    ...discordChannel.alone,
    DATABASE_URL: await postgres.database(),
  };
  const user = discord.people.asker;
  const channel = discord.createThread({ channel: discord.channel, user, name: 'a thread' });
  return {
    fakes,
    discord,
    answers: new Answers(discord, channel),
    start: () => startProcess(test, fakes, env),
    say: (text: string) => discord.say({ channel, user, text: `@pilotlight repeat after me: ${text}` }),
    connected: () => until(discord, () => discord.connections === 1),
  };
}

describe('bot processes on one Postgres, at Discord', { timeout: 90_000 }, () => {
  it('have one connection, and another takes over with what was missed when its process is killed', async (test) => {
    const { discord, answers, start, say, connected, fakes } = await atDiscord(test);
    const holder = await start();
    const other = await start();
    expect(discord.connections).toBe(1);
    expect(other.output.lines.join()).toContain('this one stands by');
    say('one');
    await Promise.any([holder, other].map(({ output }) => output.said('turn ended')));

    holder.kill('SIGKILL');
    const killedAt = Date.now();
    await until(discord, () => discord.connections === 0);
    say('two');
    await connected();
    expect(Date.now() - killedAt).toBeLessThan(10_000);
    say('three');
    await answers.end(3);
    expect(answers.all.map(({ text }) => text).sort()).toEqual(['one', 'three', 'two']);
    expect(fakes.model.chats).toHaveLength(3);
    expect(discord.rateLimitHits).toEqual([]);
  });

  it('lose and double nothing when they are restarted one after the other', async (test) => {
    const { fakes, discord, answers, start, say, connected } = await atDiscord(test);
    const first = await start();
    const second = await start();
    say('before');
    first.kill('SIGTERM');
    say('between');
    expect(await first.exited).toBe(0);
    const third = await start();
    await connected();
    await discordCommand.ask(fakes, 'repeat after me: a command');
    second.kill('SIGTERM');
    say('after');
    expect(await second.exited).toBe(0);
    await connected();
    await answers.end(3);
    expect(answers.all.map(({ text }) => text).sort()).toEqual(['after', 'before', 'between']);
    const inChannel = new Answers(discord, discord.channel);
    expect((await inChannel.end()).text).toContain('a command');
    expect(fakes.model.chats).toHaveLength(4);
    third.kill('SIGTERM');
    expect(await third.exited).toBe(0);
    expect(discord.connections).toBe(0);
  });
});
