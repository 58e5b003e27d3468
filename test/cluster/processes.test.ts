import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { RateLimitHit } from '../../sandbox/chat.ts';
import type { SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import {
  Answers,
  type BotProcess,
  isGrowing,
  letters,
  slackChannel,
  startFakes,
  startProcess,
  until,
} from '../e2e/support.ts';
import { TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

/** Several bot processes on one database, at one Slack. */
async function together(test: TestContext, processes: number, model?: SleepingModelOptions) {
  const fakes = await startFakes(test, model);
  const DATABASE_URL = await postgres.database();
  const start = () =>
    startProcess(test, fakes, {
      ...slackChannel.alone,
      DATABASE_URL,
    });
  const bots: BotProcess[] = [];
  for (let i = 0; i < processes; i += 1) bots.push(await start());
  const { slack } = fakes;
  const places = [slack.channel, ...Array.from({ length: 3 }, (_, i) => slack.addChannel(`more-${i}`))];
  return {
    fakes,
    bots,
    start,
    places,
    answers: places.map((place) => new Answers(slack, place)),
    ask: (text: string, place = slack.channel) =>
      slack.say({ channel: place, user: slack.people.asker, text: `@pilotlight ${text}` }),
    /** The process that runs the latest turn. */
    running: () => until(bots[0]!.output, () => bots.find(({ output }) => output.lines.some(started))),
  };
}

const started = (line: string) => line.includes('"msg":"turn started"');
/** Reactions are best effort, and each process counts its own. */
const edits = (hits: readonly RateLimitHit[]) => hits.filter(({ call }) => !call.startsWith('reactions.'));
const told = ({ buttons }: { buttons: readonly { label: string }[] }) => buttons.map(({ label }) => label);

describe('bot processes on one Postgres', { timeout: 90_000 }, () => {
  it.for([2, 4])(
    'answer every question once, share the work and exceed no budget (%i)',
    async (count, test) => {
      const { ask, answers, places, bots, fakes } = await together(test, count);
      for (let i = 0; i < 24; i += 1) ask(`repeat after me: answer ${i}`, places[i % places.length]);
      await Promise.all(answers.map((each) => each.end(24 / places.length)));
      const all = answers.flatMap((each) => each.all.map(({ text }) => text));
      expect(all.sort()).toEqual(Array.from({ length: 24 }, (_, i) => `answer ${i}`).sort());
      expect(edits(fakes.slack.rateLimitHits)).toEqual([]);
      for (const { output } of bots) expect(output.lines.some(started)).toBe(true);
    },
  );

  it('take a turn over from one that is killed, and repair the same message', async (test) => {
    const { ask, answers, bots, fakes, running } = await together(test, 2, { tokensPerSecond: 60 });
    ask('write 3000 characters');
    const before = await answers[0]!.see(isGrowing('Part 3'));
    const dead = await running();
    dead!.kill('SIGKILL');
    const killedAt = Date.now();
    const after = await answers[0]!.end();
    const ms = Date.now() - killedAt;
    expect(after.id).toBe(before.id);
    expect(answers[0]!.all).toHaveLength(1);
    expect(after.text).toContain('Interrupted');
    expect(told(after)).toEqual(['Continue', 'Retry']);
    expect(letters(after.text)).toContain(letters(before.text).slice(0, 100));
    expect(ms).toBeLessThan(10_000);
    expect(fakes.model.chats).toHaveLength(1);
    expect(bots).toHaveLength(2);
  });

  it('ask again what a killed one had shown nothing of, in the message that stands', async (test) => {
    const { ask, answers, fakes, running } = await together(test, 2, {
      awake: false,
      coldStartMs: 12_000,
    });
    ask('repeat after me: awake at last');
    const before = await answers[0]!.see(({ text }) => text.includes('Waking'));
    (await running())!.kill('SIGKILL');
    const after = await answers[0]!.see(({ text }) => text.includes('awake at last'));
    expect(after.id).toBe(before.id);
    expect(answers[0]!.all).toHaveLength(1);
    expect(edits(fakes.slack.rateLimitHits)).toEqual([]);
  });

  it('lose and double nothing when they are restarted one after the other', async (test) => {
    const { ask, answers, bots, start, fakes } = await together(test, 2, { tokensPerSecond: 100 });
    const place = answers[0]!;
    for (let i = 0; i < 3; i += 1) ask(`repeat after me: before ${i}`);
    bots[0]!.kill('SIGTERM');
    const next = start();
    ask('repeat after me: between');
    await bots[0]!.exited;
    await next;
    bots[1]!.kill('SIGTERM');
    ask('repeat after me: after');
    expect(await bots[1]!.exited).toBe(0);
    await place.end(5);
    const texts = place.all.map(({ text }) => text).sort();
    expect(texts).toEqual(['after', 'before 0', 'before 1', 'before 2', 'between']);
    expect(fakes.model.chats).toHaveLength(5);
  });
});
