/**
 * What many answers at once cost the bot: delay of its event loop, memory and CPU of its process, while all of them
 * grow. The chats, with their real limits, and the model are processes of their own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Goal, Row } from './bench.ts';

/** 50 tokens a second in chunks of 8, of about 5 characters each. */
const PACE = { everyMs: 160, characters: 40 };
/** All answers begin together and go on for so long, 1,500 tokens; the bot is watched meanwhile; ms. */
const WATCHED = 30_000;
/** All questions have reached the model within this, ms. */
const PATIENCE = 110_000;
const BOT = 'replies-bot.ts';
/** npm start's flags of V8, and what it sets in the environment. */
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } };
const FLAGS = scripts.start.match(/--(?:no-[a-z-]+|[a-z-]+=\d+)/g) ?? [];
const SET = Object.fromEntries(
  [...scripts.start.matchAll(/\b([A-Z_]+)=(\d+)/g)].map(([, name, value]) => [name, value]),
);

interface Figures {
  readonly delayP99: number;
  readonly delayMax: number;
  readonly busyP99: number;
  readonly cpu: number;
  /** Bytes. */
  readonly grown: number;
}

export async function measureReplies(): Promise<{ rows: readonly Row[]; goals: readonly Goal[] }> {
  const few = await measure(100);
  const many = await medianOfThree(() => measure(1_000));
  const perReply = (figures: Figures, replies: number) => figures.grown / 1_000 / replies;
  const row = (replies: number, figures: Figures & { shown: number }): Row => ({
    'replies at once': replies,
    'messages shown': figures.shown,
    'event loop p99, ms': figures.delayP99.toFixed(1),
    'worst, ms': figures.delayMax.toFixed(0),
    'of CPU alone, p99, ms': figures.busyP99.toFixed(1),
    'kB resident a reply': perReply(figures, replies).toFixed(0),
    'CPU of one core, %': (100 * figures.cpu).toFixed(0),
  });
  const goal = (name: string, figure: number, most: number, unit: string): Goal => ({
    name,
    goal: `under ${most} ${unit}`,
    figure: `${figure.toFixed(1)} ${unit}`,
    ok: figure < most,
  });
  return {
    rows: [row(100, few), row(1_000, many)],
    goals: [
      goal('1,000 replies at once: event-loop delay, p99', many.delayP99, 50, 'ms'),
      goal('1,000 replies at once: resident memory a reply', perReply(many, 1_000), 100, 'kB'),
    ],
  };
}

/** Of each figure; when V8 collects, and so the most memory at once, differs from run to run. */
async function medianOfThree<T extends object>(run: () => Promise<T>): Promise<T> {
  const runs = [await run(), await run(), await run()];
  const median = (name: keyof T) => runs.map((each) => Number(each[name])).sort((a, b) => a - b)[1];
  return Object.fromEntries(Object.keys(runs[0]!).map((name) => [name, median(name as keyof T)])) as T;
}

async function measure(replies: number): Promise<Figures & { shown: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-bench-'));
  // A few more than are waited for, so that none ends.
  const chunks = Math.round((1.2 * WATCHED) / PACE.everyMs);
  const model = start('replies-model.ts', [replies, chunks, PACE.everyMs, PACE.characters].map(String));
  const chat = start('replies-chat.ts');
  const [port, settings] = await Promise.all([told<number>(model), told<Record<string, string>>(chat)]);
  const env = {
    PATH: process.env.PATH,
    ...SET,
    ...settings,
    MODEL_BASE_URL: `http://127.0.0.1:${port}/v1`,
    MODEL_MAX_STREAMS: String(replies),
    DATABASE_URL: `sqlite:${join(folder, 'bench.db')}`,
    LOG_LEVEL: 'fatal',
    PORT: '0',
  };
  const bot = start(BOT, [], env);
  try {
    await told(bot);
    const begun = told(model, PATIENCE);
    chat.send(replies);
    await begun;
    bot.send('count');
    await wait(WATCHED);
    const figures = await ask<Figures>(bot);
    const shown = await ask<number>(chat);
    if ((await ask<number>(model)) !== replies) throw new Error('some answers ended while they were watched');
    return { ...figures, shown };
  } finally {
    await Promise.all([bot, chat, model].map(end));
    await rm(folder, { recursive: true });
  }
}

const start = (name: string, args: string[] = [], env?: NodeJS.ProcessEnv): ChildProcess =>
  fork(fileURLToPath(new URL(name, import.meta.url)), args, {
    execArgv: name === BOT ? FLAGS : [],
    ...(env && { env }),
  });

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

function ask<T>(child: ChildProcess): Promise<T> {
  const answer = told<T>(child);
  child.send('tell');
  return answer;
}

async function told<T>(child: ChildProcess, within = 30_000): Promise<T> {
  const over = new AbortController();
  const late = AbortSignal.timeout(within);
  const message = once(child, 'message', { signal: AbortSignal.any([over.signal, late]) });
  const exit = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('a process of the bench ended too soon');
  });
  exit.catch(() => {});
  try {
    return (await Promise.race([message, exit]))[0] as T;
  } finally {
    over.abort();
  }
}
