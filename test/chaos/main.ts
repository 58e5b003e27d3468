import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommandLine, refuse } from '../../sandbox/command-line.ts';
import { TestPostgres } from '../support/postgres.ts';
import { type Outcome, run } from './run.ts';

const HELP = `npm run chaos -- [options]
  --runs N       how many runs (default 20)
  --seed S       the first run's seed, each next one has the next (default 1)
  --parallel N   runs at once (default 2)
  --minutes N    begin no run after so long
  --processes N  bot processes (default 1); more than one share a Postgres
  --postgres     one process, too, keeps what it knows in Postgres
A run whose end was wrong prints its seed: --seed S --runs 1 plays the same plan again.`;

const { values } = readCommandLine(
  {
    options: {
      runs: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      parallel: { type: 'string', default: '2' },
      minutes: { type: 'string', default: '100000' },
      processes: { type: 'string', default: '1' },
      postgres: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  },
  HELP,
);

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  return refuse(`--${name} takes a whole number from ${least}, not "${text}"`, HELP);
}

const runs = whole('runs', values.runs, 1);
const first = whole('seed', values.seed, 0);
const parallel = whole('parallel', values.parallel, 1);
const processes = whole('processes', values.processes, 1);
const minutes = whole('minutes', values.minutes, 1);

const began = performance.now();
const outcomes: Outcome[] = [];
let next = first;

let ending = false;
// Ctrl-C: what runs is finished, and then counted.
process.once('SIGINT', () => {
  ending = true;
});

async function work(): Promise<void> {
  // One for each of those who work at once, since a run may restart it.
  const postgres = values.postgres || processes > 1 ? await TestPostgres.start() : undefined;
  while (!ending && next < first + runs && performance.now() - began < minutes * 60_000) {
    const seed = next++;
    const outcome = await run(seed, { processes, postgres });
    outcomes.push(outcome);
    if (outcome.faults.length === 0) continue;
    const file = join(tmpdir(), `pilotlight-chaos-seed-${seed}.txt`);
    writeFileSync(file, [...outcome.faults, outcome.report()].join('\n'));
    console.log(`seed ${seed} failed:\n  ${outcome.faults.join('\n  ')}\n  → ${file}`);
  }
  await postgres?.stop();
}

await Promise.all(Array.from({ length: parallel }, work));

const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + of(one), 0);
const failed = outcomes.filter(({ faults }) => faults.length > 0).map(({ plan }) => plan.seed);
const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
console.log(
  `${outcomes.length} runs, seeds ${first} to ${next - 1}: ${outcomes.length - failed.length} right, ${failed.length} wrong${
    failed.length > 0 ? ` (seeds ${failed.sort((a, b) => a - b).join(', ')})` : ''
  }.
${sum(({ asked }) => asked)} questions asked, ${sum(({ accepted }) => accepted)} accepted: ${sum(({ complete }) => complete)} ended complete, ${sum(({ broken }) => broken)} with a part or none, the reason and a way on, which was then taken; ${sum(({ untaken }) => untaken)} were told that their question was not taken.
${((performance.now() - began) / 1_000).toFixed(0)} s in all; a run took ${(times[Math.floor(times.length / 2)]! / 1_000).toFixed(1)} s at the median, ${(times.at(-1)! / 1_000).toFixed(1)} s at most.`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
