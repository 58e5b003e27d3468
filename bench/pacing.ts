/**
 * How live replies are when many share a platform's budgets: ours beside its peers and beside the best schedule
 * that was found offline, on a virtual clock (bench/pacing/).
 */
import { type Goal, percentile, type Result } from './bench.ts';
import { storedBest } from './pacing/best.ts';
import { chatSdk } from './pacing/chat-sdk.ts';
import { ours } from './pacing/ours.ts';
import { algorithms, peer } from './pacing/peers.ts';
import { plot } from './pacing/plot.ts';
import { overHttp } from './pacing/real.ts';
import { type Figures, type Scenario, type Stream, scenarios, seeds, streamsOf } from './pacing/scenario.ts';

type Runner = (scenario: Scenario, streams: readonly Stream[]) => Promise<Figures>;

const OURS = 'Pilotlight';
/** Peers are run with a fresh reply: none of them shows a status while it waits. */
const others: Readonly<Record<string, { run: Runner; dialects: readonly string[] }>> = {
  'Vercel chat 4.41': { run: chatSdk, dialects: ['slack', 'discord'] },
  ...Object.fromEntries(
    Object.entries(algorithms).map(([name, { run, dialects }]) => [
      name,
      { run: (scenario: Scenario, streams: readonly Stream[]) => peer(scenario, streams, run), dialects },
    ]),
  ),
};

/** All seeds of one runner in one scenario. */
interface Row extends Omit<Figures, 'log' | 'curve'> {
  readonly scenario: Scenario;
  readonly who: string;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const seconds = (value: number) => (value === Number.POSITIVE_INFINITY ? 'never' : value.toFixed(2));

export async function run(): Promise<Result> {
  const rows: Row[] = [];
  const drawings: Record<string, string> = {};
  for (const scenario of scenarios) {
    const runners: [string, Runner][] = [[OURS, ours]];
    for (const [name, { run, dialects }] of Object.entries(others)) {
      if (!scenario.standing && dialects.includes(scenario.rules.dialect)) runners.push([name, run]);
    }
    const curves: { who: string; curve: Figures['curve'] }[] = [];
    for (const [who, run] of runners) {
      const figures: Figures[] = [];
      for (const seed of seeds) figures.push(await run(scenario, streamsOf(scenario, seed)));
      rows.push(rowOf(scenario, who, figures));
      curves.push({ who, curve: figures[0]!.curve });
    }
    if (scenario.replies === 10 && !scenario.standing) {
      const best = storedBest(scenario, seeds[0]!).curve ?? [];
      curves.push({ who: 'the best found offline', curve: best.map(([at, visible]) => ({ at, visible })) });
      const file = `pacing-${scenario.rules.dialect}${scenario.name.includes('any') ? '-strict' : ''}.svg`;
      drawings[file] = plot(scenario, streamsOf(scenario, seeds[0]!), curves);
    }
  }
  const real = await inRealTime();
  return {
    rows: rows.map(tableRow),
    more: real.rows,
    goals: [...goalsOf(rows), ...real.goals],
    drawings,
  };
}

/** N=1 and N=10 over HTTP, all in one channel, beside the virtual clock with the latency that loopback has. */
async function inRealTime(): Promise<Result> {
  const measured = scenarios.filter(
    ({ replies, standing, name }) => replies <= 10 && !standing && !name.includes('5 + 1/s'),
  );
  const results = await Promise.all(
    measured.map(async (scenario) => {
      const here = {
        ...scenario,
        channels: 1,
        latencyMs: 5,
      };
      const streams = streamsOf(here, seeds[0]!);
      const [real, virtual] = [await overHttp(here, streams), await ours(here, streams)];
      return { row: rowOf(here, OURS, [real]), virtual };
    }),
  );
  return {
    rows: results.map(({ row, virtual }) => ({
      'in real time, over HTTP': row.scenario.name,
      'age, s': row.age.toFixed(2),
      'on the virtual clock, s': virtual.age.toFixed(2),
      ratio: (row.age / virtual.age).toFixed(2),
      'final, s': seconds(percentile(row.lags, 0.5)),
      'p95, s': seconds(percentile(row.lags, 0.95)),
      'never whole': row.lost,
      '429s': row.refused,
    })),
    goals: results.flatMap(({ row, virtual }) => [
      count(`429s and finals never seen, in real time: ${row.scenario.name}`, row.refused + row.lost),
      atMost(
        `mean age in real time against the virtual clock: ${row.scenario.name}`,
        row.age / virtual.age,
        1.15,
        '×',
      ),
    ]),
  };
}

function rowOf(scenario: Scenario, who: string, figures: readonly Figures[]): Row {
  return {
    scenario,
    who,
    age: mean(figures.map(({ age }) => age)),
    lags: figures.flatMap(({ lags }) => lags),
    lost: figures.reduce((sum, { lost }) => sum + lost, 0),
    refused: figures.reduce((sum, { refused }) => sum + refused, 0),
    jain: mean(figures.map(({ jain }) => jain)),
    writes: mean(figures.map(({ writes }) => writes)),
    messages: mean(figures.map(({ messages }) => messages)),
  };
}

const bests = (scenario: Scenario) => seeds.map((seed) => storedBest(scenario, seed));
const bestAge = (scenario: Scenario) => mean(bests(scenario).map((best) => best.age));
const bestLag = (scenario: Scenario) =>
  percentile(
    bests(scenario).flatMap((best) => best.lags),
    0.95,
  );
const bestJain = (scenario: Scenario) => mean(bests(scenario).map((best) => best.jain));

function tableRow({ scenario, who, age, lags, lost, refused, jain, writes, messages }: Row) {
  const best = bestAge(scenario);
  return {
    scenario: scenario.name,
    who,
    'age, s': age.toFixed(2),
    'best, s': best.toFixed(2),
    '× best': (age / best).toFixed(2),
    'final, s': seconds(percentile(lags, 0.5)),
    'p95, s': seconds(percentile(lags, 0.95)),
    "best's p95, s": seconds(bestLag(scenario)),
    'never whole': lost,
    '429s': refused,
    Jain: jain.toFixed(3),
    writes: Math.round(writes),
    messages: Math.round(messages),
  };
}

function goalsOf(rows: readonly Row[]): Goal[] {
  const own = rows.filter(({ who }) => who === OURS);
  const ratio = ({ age, scenario }: Row) => age / bestAge(scenario);
  const all = mean(own.map(ratio));
  const goals: Goal[] = [
    count(
      '429s of our own making',
      own.reduce((sum, { refused }) => sum + refused, 0),
    ),
    count(
      'finals never seen',
      own.reduce((sum, { lost }) => sum + lost, 0),
    ),
    {
      name: 'mean age against the best, mean of all rows',
      goal: 'at most 1.15 ×',
      figure: `${all.toFixed(3)} ×`,
      ok: all <= 1.15,
    },
  ];
  for (const row of own) {
    const name = row.scenario.name;
    goals.push(atMost(`mean age against the best: ${name}`, ratio(row), 1.25, '×'));
    const fairness = bestJain(row.scenario) - row.jain;
    goals.push(atMost(`Jain's index under the best schedule's: ${name}`, fairness, 0.05, ''));
    const most = finalMost(row.scenario);
    if (most !== undefined) goals.push(atMost(`final, p95: ${name}`, percentile(row.lags, 0.95), most, 's'));
    for (const other of rows) {
      if (other.scenario !== row.scenario || other === row) continue;
      const ahead =
        row.age < other.age &&
        percentile(row.lags, 0.95) <= percentile(other.lags, 0.95) &&
        row.lost <= other.lost;
      const figures = (of: Row) => `${of.age.toFixed(2)} s / ${seconds(percentile(of.lags, 0.95))} s`;
      goals.push({
        name: `age / final p95 beside ${other.who}: ${name}`,
        goal: 'ahead on both',
        figure: `${figures(row)} against ${figures(other)}`,
        ok: ahead,
      });
    }
  }
  return goals;
}

const count = (name: string, figure: number): Goal => ({
  name,
  goal: '0',
  figure: `${figure}`,
  ok: figure === 0,
});

const atMost = (name: string, figure: number, most: number, unit: string): Goal => ({
  name,
  goal: `at most ${Number(most.toFixed(2))} ${unit}`.trim(),
  figure: `${figure.toFixed(2)} ${unit}`.trim(),
  ok: figure <= most,
});

/** How long after its last token the whole of a text may take to stand, s, at the 95th percentile. */
function finalMost({ replies, channels, rules, latencyMs, standing, name }: Scenario): number | undefined {
  if (replies === 1) return 0.25;
  if (channels === 50) return undefined;
  if (replies === 10) return 1;
  if (rules.dialect === 'slack') return 3.5;
  // Each answer takes two messages: 47 of 50 are whole when so many posts are out; less those that stand.
  const posts = 48 * (standing ? 1 : 2);
  const at = name.includes('any') ? Math.floor((posts - 1) / 5) * 5 : posts - 5;
  return 1.25 * (at - 12.5 + latencyMs / 1000);
}
