import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Answers, startFakes, startProcess } from './support.ts';

// Three processes start one after another.
it('what is asked in a Discord thread while the bot is down is answered after its start, once and in order', {
  timeout: 180_000,
}, async (test) => {
  const fakes = await startFakes(test, {});
  const { discord, model } = fakes;
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-'));
  test.onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const env = { DATABASE_URL: `sqlite:${join(folder, 'pilotlight.db')}` };
  const user = discord.people.asker;
  const channel = discord.createThread({ channel: discord.channel, user, name: 'a thread' });
  const answers = new Answers(discord, channel);
  const say = (word: string) => `repeat after me: ${word}`;

  const bot = await startProcess(test, fakes, env);
  discord.say({ channel, user, text: `@pilotlight ${say('before')}` });
  await bot.output.said('turn ended');
  bot.kill('SIGKILL');
  await bot.exited;
  for (const word of ['first', 'second']) discord.say({ channel, user, text: say(word) });

  for (const starts of [1, 2]) {
    const again = await startProcess(test, fakes, env);
    if (starts === 2) discord.say({ channel, user, text: say('later') });
    await answers.end(starts === 1 ? 3 : 4);
    await again.output.said('turn ended', starts === 1 ? 2 : 1);
    again.kill('SIGTERM');
    await again.exited;
  }
  const words = ['before', 'first', 'second', 'later'];
  expect(answers.all.map(({ text }) => words.find((word) => text.includes(word))).toSorted()).toEqual(
    words.toSorted(),
  );
  const asked = model.chats.map(({ body }) => JSON.stringify(body));
  expect(asked.map((body) => words.findLast((word) => body.includes(word)))).toEqual(words);
});
