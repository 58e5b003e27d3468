/**
 * `npm run bench` runs every bench, `npm run bench -- NAME…` some. `--check` exits 1 when a goal is missed; `--save`
 * puts the results into bench/RESULTS.md. Figures are ratios within one run wherever they can be: machines differ.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { readCommandLine, refuse } from '../sandbox/command-line.ts';
import type { Goal, Result, Row } from './bench.ts';
import { withFigures } from './results.ts';

interface Bench {
  readonly load: () => Promise<{ run(): Promise<Result> }>;
  /** It runs peers' packages, which bench/package.json keeps out of the product's install. */
  readonly peers: boolean;
}

const benches: Readonly<Record<string, Bench>> = {
  start: { load: () => import('./start.ts'), peers: false },
  render: { load: () => import('./render.ts'), peers: true },
  pacing: { load: () => import('./pacing.ts'), peers: true },
  ingest: { load: () => import('./ingest.ts'), peers: true },
  scale: { load: () => import('./scale.ts'), peers: false },
};
const RESULTS = new URL('RESULTS.md', import.meta.url);

const HELP = `npm run bench -- [NAME…] [options]
  --check   exit 1 where a goal is missed
  --save    put the figures into bench/RESULTS.md; what stands there under "### Remarks" stays
There are: ${Object.keys(benches).join(', ')}; without a name all of them run.`;

const { values, positionals } = readCommandLine(
  {
    options: {
      check: { type: 'boolean' },
      save: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
    allowPositionals: true,
  },
  HELP,
);
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) refuse(`No bench is called ${unknown.join(' or ')}`, HELP);
if (names.some((name) => benches[name]!.peers) && !existsSync(new URL('node_modules', import.meta.url))) {
  console.error('The peers to measure beside are not installed: npm ci --prefix bench');
  process.exit(2);
}

const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;
console.log(machine);
let missed = 0;
for (const name of names) {
  const result = await (await benches[name]!.load()).run();
  const { rows, more, goals } = result;
  console.log(`\n${name}`);
  console.table(rows);
  if (more) console.table(more);
  for (const goal of goals) console.log(line(goal));
  missed += goals.filter(({ ok }) => !ok).length;
  if (values.save) save(name, result);
}
// Peers leave timers behind that would hold the process open.
process.exit(values.check && missed > 0 ? 1 : 0);

function line({ name, goal, figure, ok }: Goal): string {
  return `${ok ? '✓' : '✗'} ${name}: ${figure} (goal: ${goal})`;
}

function save(name: string, { rows, more = [], goals, drawings = {} }: Result): void {
  const figures = [
    `\`npm run bench -- ${name}\`, ${new Date().toISOString().slice(0, 10)}, ${machine}`,
    table(rows),
    ...(more.length > 0 ? [table(more)] : []),
    goals.map((goal) => `- ${line(goal)}`).join('\n'),
    ...Object.keys(drawings).map((file) => `![${file}](results/${file})`),
  ].join('\n\n');
  for (const [file, svg] of Object.entries(drawings)) writeFileSync(new URL(`results/${file}`, RESULTS), svg);
  writeFileSync(RESULTS, withFigures(readFileSync(RESULTS, 'utf8'), name, figures));
  console.log(`\nSaved. Are the remarks on ${name} in bench/RESULTS.md still true?`);
}

function table(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const lines = [
    columns,
    columns.map(() => '---'),
    ...rows.map((row) => columns.map((column) => row[column] ?? '')),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
