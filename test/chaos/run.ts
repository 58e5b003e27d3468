/** One run: bots, people who ask, what goes wrong, and the verdict on what the chats show in the end. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ShownMessage } from '../../sandbox/chat.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { type Asked, answersTo, isNotTaken, isRunning } from './asked.ts';
import { Bot } from './bots.ts';
import { type Database, inPostgres, inSqlite } from './database.ts';
import { type FarSide, startFarSide } from './far-side.ts';
import { faultsOf, stateOf, wayOn } from './judge.ts';
import { ask, isAccepted, isRefused } from './people.ts';
import { type Plan, planOf } from './plan.ts';
import { cause } from './troubles.ts';
import { Watch } from './watch.ts';

const LOOK_EVERY = 30;
/**
 * After the last trouble everything has ended within so many looks, or it never will: a minute, and longer on a
 * machine that stands still in between.
 */
const PATIENCE = 60_000 / LOOK_EVERY;
/** For how many looks it must then stay as it is. */
const STILL = 150 / LOOK_EVERY;
/** The same while a message on Discord shows nothing: it may be stored, or not. */
const STILL_IN_DOUBT = 1_500 / LOOK_EVERY;

export interface Outcome {
  readonly plan: Plan;
  /** What was wrong, in words; empty when nothing was. */
  readonly faults: readonly string[];
  readonly asked: number;
  readonly accepted: number;
  readonly complete: number;
  /** Ended with a part or none, a reason and a way on. */
  readonly broken: number;
  /** Whoever asked was told that the question was not taken. */
  readonly untaken: number;
  readonly ms: number;
  /** The plan, the screens and the logs. */
  readonly report: () => string;
}

export interface RunOptions {
  readonly processes: number;
  /** Where the bots keep what they know; a SQLite file if left out. */
  readonly postgres?: TestPostgres | undefined;
}

/** Plays the plan of a seed. Never throws for what the bot does: that is a fault of the outcome. */
export async function run(seed: number, { processes, postgres }: RunOptions): Promise<Outcome> {
  const began = performance.now();
  const plan = planOf(seed, { processes, postgres: postgres !== undefined });
  const farSide = await startFarSide(plan);
  const database = await (postgres ? inPostgres(postgres, processes) : inSqlite());
  const bots = database.urls.map((DATABASE_URL) => new Bot({ ...farSide.env, DATABASE_URL }));
  const scene: Scene = { plan, farSide, database, bots, asked: [] };
  try {
    const faults = await play(scene).catch((error: Error) => [`the run itself failed: ${error.stack}`]);
    const ended = count(scene);
    if (faults.length === 0) faults.push(...(await goOn(scene)));
    faults.push(...crashes(scene));
    const text = faults.length > 0 ? reportOf(scene) : '';
    return { plan, faults, ...ended, ms: performance.now() - began, report: () => text };
  } finally {
    await Promise.all(scene.bots.map((bot) => bot.close()));
    await farSide.close();
    await database.close();
  }
}

interface Scene {
  readonly plan: Plan;
  readonly farSide: FarSide;
  readonly database: Database;
  readonly bots: readonly Bot[];
  readonly asked: Asked[];
}

async function play(scene: Scene): Promise<string[]> {
  const { plan, farSide, bots, asked } = scene;
  const { slack, discord, model } = farSide;
  const watch = new Watch(asked, [slack, discord]);
  await Promise.all(bots.map((bot) => bot.start()));
  const asking = plan.questions.map((question) => ask(question, asked, farSide));
  const troubles = plan.troubles.map(async ({ at, trouble }) => {
    await wait(at);
    await cause(trouble, { ...scene, watch });
  });
  await Promise.all([...asking, ...troubles]);
  for (const { faults } of [slack, discord, model]) faults.clear();
  model.streamFaults.clear();
  await Promise.all(bots.map((bot) => bot.ready()));
  await slack.eventsDelivered();
  let still = 0;
  for (let look = 0; look < PATIENCE; look++) {
    still = wrong(scene).length > 0 ? 0 : still + 1;
    if (still >= (asked.every((one) => isAccepted(one, asked, farSide)) ? STILL : STILL_IN_DOUBT)) break;
    await wait(LOOK_EVERY);
  }
  return [...watch.faults, ...wrong(scene)];
}

/** What must not be so when all is over. */
function wrong({ asked, farSide }: Scene): string[] {
  const { slack } = farSide;
  const faults: string[] = [];
  const known = new Set<string>();
  for (const [one, messages] of answersTo(asked)) {
    for (const { id } of messages) known.add(id);
    if (messages.length === 0 && !isAccepted(one, asked, farSide)) continue;
    faults.push(...faultsOf(one, messages).map((fault) => `${one.question.name} ${fault}`));
  }
  for (const [fake, channel] of channels(farSide)) {
    for (const message of fake.messages(channel)) {
      const { id, author, onlyFor, text, reactions } = message;
      if (reactions.length > 0) faults.push(`the sign on ${JSON.stringify(text)} stays`);
      if (!author.bot || onlyFor || known.has(id) || isNotTaken(message)) continue;
      faults.push(`a message answers nothing that was asked: ${JSON.stringify(text)}`);
    }
  }
  for (const channel of [slack.channel, slack.dm]) {
    for (const { text } of slack.activity(channel)) faults.push(`a thread goes on saying "${text}"`);
  }
  return faults;
}

const channels = ({ slack, discord }: FarSide) =>
  [
    [slack, slack.channel],
    [slack, slack.dm],
    [discord, discord.channel],
    [discord, discord.dm],
  ] as const;

/** Presses what each broken answer offers, and expects the whole answer in its place. */
async function goOn(scene: Scene): Promise<string[]> {
  const { asked, farSide } = scene;
  const broken = [...answersTo(asked)].filter(([one, messages]) => stateOf(one, messages) === 'broken');
  const faults: string[] = [];
  await Promise.all(
    broken.map(async ([{ fake, channel, question }, messages]) => {
      const last = messages.at(-1)!;
      const { asker } = fake === farSide.slack ? farSide.slack.people : farSide.discord.people;
      const press = () => fake.click(channel, last.id, wayOn(last)!.id, asker);
      // Whoever presses while no process is connected is told so by the platform, and presses again.
      for (let tries = 1; ; tries += 1) {
        try {
          return await press();
        } catch (error) {
          if (tries === 5)
            return void faults.push(
              `${question.name}: its way on was not acknowledged: ${(error as Error).message}`,
            );
          await wait(3_000);
        }
      }
    }),
  );
  const still = () => {
    const answers = answersTo(asked);
    const left = broken.filter(([one]) => stateOf(one, answers.get(one)!) !== 'complete');
    return [
      ...left.map(([{ question }]) => `${question.name} is not whole after its way on`),
      ...wrong(scene),
    ];
  };
  for (let look = 0; look < PATIENCE && faults.length === 0 && still().length > 0; look++)
    await wait(LOOK_EVERY);
  return [...faults, ...still()];
}

function count({ asked, farSide }: Scene) {
  const states = [...answersTo(asked)].map(([one, messages]) => stateOf(one, messages));
  return {
    asked: asked.length,
    accepted: asked.filter((one) => isAccepted(one, asked, farSide)).length,
    complete: states.filter((state) => state === 'complete').length,
    broken: states.filter((state) => state === 'broken').length,
    untaken: asked.filter(isRefused).length,
  };
}

/** A process may give up while nobody can be reached; its supervisor then starts it again. */
function crashes({ bots, plan }: Scene): string[] {
  const cut = plan.troubles.some(({ trouble }) => ['wire', 'refuse', 'database'].includes(trouble.type));
  return bots.flatMap(({ crashes, lines }) => {
    const gaveUp = cut && lines.some((line) => /cannot (start|be used)/.test(line));
    return crashes.length === 0 || gaveUp ? [] : [`a process ended by itself: ${crashes.join(', ')}`];
  });
}

function reportOf({ plan, asked, farSide, bots }: Scene): string {
  const screen = ([fake, channel]: ReturnType<typeof channels>[number]) =>
    fake.messages(channel).map((message) => `  ${line(message)}`);
  return [
    JSON.stringify(plan, null, 1),
    ...channels(farSide).flatMap((one, i) => [`Channel ${i}:`, ...screen(one)]),
    JSON.stringify(asked.map(({ fake, ...one }) => one)),
    `Lost events: ${JSON.stringify(farSide.slack.lostEvents)}`,
    ...bots.flatMap(({ lines }, i) => [`Bot ${i}:`, ...lines]),
  ].join('\n');
}

const line = (message: ShownMessage): string =>
  JSON.stringify({ ...message, text: message.text.slice(0, 300), running: isRunning(message) });
