import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Answers, type Fakes, startFakes, startProcess } from './support.ts';

const CALL = '@pilotlight ';

/** Where a thread of the bot's is, and how to write in it. */
const platforms = [
  {
    name: 'Discord',
    thread({ discord }: Fakes) {
      const user = discord.people.asker;
      const channel = discord.createThread({ channel: discord.channel, user, name: 'a thread' });
      const say = (text: string) => void discord.say({ channel, user, text });
      return { fake: discord, channel, call: (text: string) => say(CALL + text), say };
    },
  },
  {
    name: 'Slack',
    thread({ slack }: Fakes) {
      const { channel, people } = slack;
      const user = people.asker;
      let thread = '';
      const call = (text: string) => {
        thread = slack.say({ channel, user, text: CALL + text });
      };
      return {
        fake: slack,
        channel,
        call,
        say: (text: string) => void slack.say({ channel, user, text, thread }),
      };
    },
  },
];

// Three processes start one after another.
it.for(platforms)(
  'what is asked in a $name thread while the bot is down is answered after its start, once and in order',
  { timeout: 180_000 },
  async ({ thread }, test) => {
    // Slack has given it up.
    const fakes = await startFakes(test, {}, { delivery: { retryDelaysMs: [] } });
    const { model } = fakes;
    const folder = await mkdtemp(join(tmpdir(), 'pilotlight-'));
    test.onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: `sqlite:${join(folder, 'pilotlight.db')}` };
    const { fake, channel, call, say } = thread(fakes);
    const answers = new Answers(fake, channel);
    const ask = (word: string) => `repeat after me: ${word}`;

    const bot = await startProcess(test, fakes, env);
    call(ask('before'));
    await bot.output.said('turn ended');
    bot.kill('SIGKILL');
    await bot.exited;
    for (const word of ['first', 'second']) say(ask(word));

    for (const starts of [1, 2]) {
      const again = await startProcess(test, fakes, env);
      if (starts === 2) say(ask('later'));
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
  },
);
