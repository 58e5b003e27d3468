/**
 * Child of the ingest bench: the whole bot, as `npm start` runs it, and a look at its process. Sends its resident
 * memory when idle; from the first message on it counts, and the second one asks for what it counted.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { startApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { createLog } from '../src/log.ts';
import { percentile } from './bench.ts';

/** How often the event loop is looked at, ms; each delay has it in it. */
const RESOLUTION = 5;
/** Idle memory is read when the start's garbage had time to go; ms. */
const SETTLE = 3_000;

const config = readConfig(process.env);
const app = await startApp(config, createLog(config.LOG_LEVEL));
await app.tried;
await wait(SETTLE);
const idle = process.memoryUsage.rss();

const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
/** CPU time between two looks at the loop, ms: the delay that a core of its own would have left. */
const busy: number[] = [];
let most = 0;
let before = process.cpuUsage();
let since = performance.now();
let timer: NodeJS.Timeout | undefined;

process.on('message', () => {
  if (!timer) return count();
  const { user, system } = process.cpuUsage(before);
  process.send?.({
    delayP99: delay.percentile(99) / 1e6 - RESOLUTION,
    delayMax: delay.max / 1e6 - RESOLUTION,
    busyP99: percentile(busy, 0.99),
    cpu: (user + system) / 1_000 / (performance.now() - since),
    grown: most - idle,
  });
});
process.on('disconnect', () => process.exit());
process.send?.('idle');

function count(): void {
  delay.enable();
  before = process.cpuUsage();
  since = performance.now();
  let spent = process.threadCpuUsage();
  setInterval(() => {
    const { user, system } = process.threadCpuUsage(spent);
    spent = process.threadCpuUsage();
    busy.push((user + system) / 1_000);
  }, RESOLUTION);
  timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 100);
}
