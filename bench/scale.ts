/**
 * Many processes on one Postgres beside one process on SQLite, in one run: time to the first sign, answers a
 * second, and how soon the turns of a killed process go on.
 *
 * On a machine of a few processors the bots, Postgres and the far side would fight over them, and the machine
 * would be the limit. So for the load each bot gets a fixed share of one processor ({@link SHARE}) and no more:
 * then the bots are what limits, and what is measured is whether two of them do twice the work.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { TestPostgres } from '../test/support/postgres.ts';
import { percentile, type Result } from './bench.ts';
import { BotProcess, startFarSide } from './scale/processes.ts';

const QUESTIONS = 40;
/** Of one processor, for each bot under load. */
const SHARE = 0.2;
/** Enough to keep each bot busy, and no crowd. */
const ASKERS_PER_BOT = 24;
/** Bots that use less of their share were kept waiting by something else. */
const LIMITED = 0.8;
const LOAD = { warmUp: 3_000, measured: 10_000 };
const TAKEOVERS = { turns: 50, atOnce: 12 };

interface Setting {
  readonly name: string;
  readonly postgres: boolean;
  readonly processes: number;
}

const settings: readonly Setting[] = [
  { name: 'SQLite, 1 process', postgres: false, processes: 1 },
  { name: 'Postgres, 1 process', postgres: true, processes: 1 },
  { name: 'Postgres, 2 processes', postgres: true, processes: 2 },
  { name: 'Postgres, 4 processes', postgres: true, processes: 4 },
];

export async function run(): Promise<Result> {
  const postgres = await TestPostgres.start();
  try {
    const measured = [];
    for (const setting of settings) measured.push(await measure(postgres, setting));
    const [sqlite, one, two] = measured as [Measured, Measured, Measured];
    const takeOvers = await measureTakeOvers(postgres);
    const added = one.sign - sqlite.sign;
    const gain = two.perSecond / one.perSecond;
    const worst = Math.max(...takeOvers) / 1_000;
    return {
      rows: [
        ...measured.map(({ name, sign, perSecond, busyMs, used, refused }) => ({
          what: name,
          'first sign, ms (median)': sign.toFixed(1),
          [`answers a second, ${SHARE * 100} % of a processor each`]: perSecond.toFixed(1),
          'processor a turn, ms': busyMs.toFixed(1),
          'of its share used': `${Math.round(used * 100)} %`,
          '429s': refused,
        })),
        {
          what: `take-over after kill -9, ${takeOvers.length} turns`,
          'first sign, ms (median)': `${percentile(takeOvers, 0.5).toFixed(0)} (worst ${(worst * 1_000).toFixed(0)})`,
        },
      ],
      goals: [
        {
          name: 'take-over after kill -9, worst',
          goal: 'within 10 s',
          figure: `${worst.toFixed(1)} s`,
          ok: worst <= 10,
        },
        {
          name: 'two processes beside one, where the processor limits',
          goal: 'at least 1.5 times the answers',
          figure: `${gain.toFixed(2)} times${two.used < LIMITED ? ', and the machine was the limit' : ''}`,
          ok: gain >= 1.5,
        },
        {
          name: 'added by Postgres to the first sign, median',
          goal: 'under 25 ms',
          figure: `${added.toFixed(1)} ms`,
          ok: added < 25,
        },
      ],
    };
  } finally {
    await postgres.stop();
  }
}

interface Measured {
  readonly name: string;
  /** Median, ms. */
  readonly sign: number;
  readonly perSecond: number;
  readonly busyMs: number;
  /** Part of the processor time that the bots may have. Well under 1: something else was the limit. */
  readonly used: number;
  readonly refused: number;
}

async function measure(postgres: TestPostgres, { name, ...setting }: Setting): Promise<Measured> {
  const { farSide, close } = await startFarSide();
  const url = setting.postgres ? await postgres.database() : 'sqlite::memory:';
  const env = { ...(await farSide.env('quick')), DISCORD_TOKEN: '', DATABASE_URL: url };
  const bots: BotProcess[] = [];
  try {
    for (let i = 0; i < setting.processes; i += 1) bots.push(await BotProcess.start(env));
    await farSide.firstSigns(10);
    const signs = await farSide.firstSigns(QUESTIONS);
    const limits = bots.map((bot) => bot.limit(SHARE));
    const askers = ASKERS_PER_BOT * bots.length;
    await farSide.load(askers, LOAD.warmUp);
    const before = busy(bots);
    const answers = await farSide.load(askers, LOAD.measured);
    const spent = busy(bots) - before;
    for (const end of limits) end();
    return {
      name,
      sign: percentile(signs, 0.5),
      perSecond: (answers * 1_000) / LOAD.measured,
      busyMs: spent / answers,
      used: spent / (SHARE * bots.length * LOAD.measured),
      refused: await farSide.refused(),
    };
  } finally {
    await Promise.all(bots.map((bot) => bot.end('SIGKILL')));
    close();
  }
}

const busy = (bots: readonly BotProcess[]) => bots.reduce((sum, { busyMs }) => sum + busyMs, 0);

/** ms from the kill until the answer stands repaired in the chat, of each turn of the killed process. */
async function measureTakeOvers(postgres: TestPostgres): Promise<number[]> {
  const { farSide, close } = await startFarSide();
  const env = {
    ...(await farSide.env('slow')),
    SLACK_BOT_TOKEN: '',
    SLACK_APP_TOKEN: '',
    DATABASE_URL: await postgres.database(),
  };
  let bots = [await BotProcess.start(env), await BotProcess.start(env)];
  const figures: number[] = [];
  try {
    while (figures.length < TAKEOVERS.turns) {
      const asked = await farSide.stream(TAKEOVERS.atOnce);
      // What is on screen is in the store by then.
      await wait(500);
      const [killed, ...others] = bots.sort((a, b) => b.turns.size - a.turns.size) as [
        BotProcess,
        ...BotProcess[],
      ];
      const repaired = farSide.repaired(asked, killed.turns.size);
      await killed.end('SIGKILL');
      figures.push(...(await repaired));
      bots = [...others, await BotProcess.start(env)];
      await farSide.stop(asked);
      await wait(2_000);
    }
    return figures.slice(0, TAKEOVERS.turns);
  } finally {
    await Promise.all(bots.map((bot) => bot.end('SIGKILL')));
    close();
  }
}
