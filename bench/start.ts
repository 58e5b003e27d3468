/** What the bot itself costs: time to start, memory when idle, time from an event to the first sign of life. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import type { FakeChat } from '../sandbox/chat.ts';
import { FakeDiscord } from '../sandbox/discord/fake-discord.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { FakeSlack } from '../sandbox/slack/fake-slack.ts';
import { percentile, type Result } from './bench.ts';

/** What `npm start` runs, less npm itself. */
const START = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }).scripts
  .start;
const STARTS = 5;
const QUESTIONS = 40;
/** Idle memory is read when the start's garbage had time to go; ms. */
const SETTLE = 3_000;

export async function run(): Promise<Result> {
  const starts: { ms: number; megabytes: number }[] = [];
  for (let index = 0; index < STARTS; index++) starts.push(await startOnce());
  const ready = percentile(
    starts.map(({ ms }) => ms),
    0.5,
  );
  const memory = percentile(
    starts.map(({ megabytes }) => megabytes),
    0.5,
  );
  const signs = await firstSigns();
  const [slack, discord] = [percentile(signs.slack, 0.5), percentile(signs.discord, 0.5)];
  const goal = (name: string, figure: number, most: number, unit: string) => ({
    name,
    goal: `under ${most} ${unit}`,
    figure: `${figure.toFixed(figure < 10 ? 1 : 0)} ${unit}`,
    ok: figure < most,
  });
  return {
    rows: [
      {
        what: 'start to ready, ms',
        median: Math.round(ready),
        worst: Math.round(Math.max(...starts.map(({ ms }) => ms))),
      },
      {
        what: 'idle, MB resident',
        median: Math.round(memory),
        worst: Math.round(Math.max(...starts.map(({ megabytes }) => megabytes))),
      },
      {
        what: 'Slack: event to first sign, ms',
        median: slack.toFixed(1),
        worst: Math.max(...signs.slack).toFixed(1),
      },
      {
        what: 'Discord: event to first sign, ms',
        median: discord.toFixed(1),
        worst: Math.max(...signs.discord).toFixed(1),
      },
    ],
    goals: [
      goal('npm start to ready', ready, 1_500, 'ms'),
      goal('resident when idle', memory, 150, 'MB'),
      goal('Slack: event to first visible sign, median', slack, 50, 'ms'),
      goal('Discord: event to first visible sign, median', discord, 50, 'ms'),
    ],
  };
}

/** Starts the real process against the fakes, both platforms. */
async function startOnce(): Promise<{ ms: number; megabytes: number }> {
  const slack = await FakeSlack.start();
  const discord = await FakeDiscord.start();
  const started = performance.now();
  const child = spawn('sh', ['-c', `PATH=node_modules/.bin:$PATH ${START}`], {
    env: {
      PATH: process.env.PATH,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      DISCORD_TOKEN: discord.token,
      DISCORD_API_URL: discord.apiUrl,
      MODEL_BASE_URL: 'http://127.0.0.1:9/v1',
      DATABASE_URL: 'sqlite::memory:',
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout!)) if (line.includes('"msg":"ready"')) break;
  const ms = performance.now() - started;
  await wait(SETTLE);
  const kilobytes = Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)], { encoding: 'utf8' }));
  child.kill('SIGTERM');
  await once(child, 'exit');
  await Promise.all([slack.close(), discord.close()]);
  return { ms, megabytes: kilobytes / 1024 };
}

/** From a person's message to what they see first: a reaction, a status, typing, "thinking…" or a message. */
async function firstSigns(): Promise<{ slack: number[]; discord: number[] }> {
  const sandbox = await startSandbox({
    log: pino({ level: 'silent' }),
    env: { SHUTDOWN_SECONDS: '0' },
    model: { awake: true, minContainers: 1, tokensPerSecond: Number.POSITIVE_INFINITY, firstTokenMs: 1_500 },
    slack: { budgets: { default: { limit: 10_000, windowMs: 60_000, burst: 10_000, per: 'team' } } },
  });
  const { slack, discord } = sandbox;
  const figures = { slack: [] as number[], discord: [] as number[] };
  for (let index = 0; index < QUESTIONS; index++) {
    const [slackChannel, discordChannel] = [slack.addChannel(`c${index}`), discord.addChannel(`c${index}`)];
    figures.slack.push(
      await signAfter(slack, slackChannel, () =>
        slack.say({ channel: slackChannel, user: slack.people.asker, text: '@pilotlight hello' }),
      ),
    );
    figures.discord.push(
      await signAfter(discord, discordChannel, () =>
        discord.say({ channel: discordChannel, user: discord.people.asker, text: '@pilotlight hello' }),
      ),
    );
  }
  await sandbox.close();
  return figures;
}

function signAfter(fake: FakeChat, channel: string, say: () => void): Promise<number> {
  return new Promise((resolve) => {
    const started = performance.now();
    const look = () => {
      const messages = fake.messages(channel);
      const sign =
        messages.some(({ author, reactions }) => author.bot || reactions.length > 0) ||
        fake.activity(channel).length > 0;
      if (!sign) return;
      fake.off('change', look);
      resolve(performance.now() - started);
    };
    fake.on('change', look);
    say();
  });
}
