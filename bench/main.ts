/**
 * `npm run bench` runs every bench, `npm run bench -- NAME…` some; with `--check` it exits 1 when a goal is missed.
 * Figures are ratios within one run wherever they can be, since machines differ.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Result } from './bench.ts';

const benches: Record<string, () => Promise<{ run(): Promise<Result> }>> = {
  start: () => import('./start.ts'),
};

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean' } },
  allowPositionals: true,
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`No bench ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}.`);
  process.exit(2);
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
let missed = 0;
for (const name of names) {
  const { rows, goals } = await (await benches[name]!()).run();
  console.log(`\n${name}`);
  console.table(rows);
  for (const { name: what, goal, figure, ok } of goals) {
    console.log(`${ok ? '✓' : '✗'} ${what}: ${figure} (goal: ${goal})`);
    if (!ok) missed += 1;
  }
}
if (values.check && missed > 0) process.exitCode = 1;
