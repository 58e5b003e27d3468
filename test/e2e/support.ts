/** People at a chat, the real bot behind it: what the end-to-end tests say and wait for. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import type { TestContext } from 'vitest';
import type { FakeChat, ShownMessage } from '../../sandbox/chat.ts';
import { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { answer } from '../../sandbox/model/script.ts';
import { SleepingModel, type SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts';
import { FakeSlack, type FakeSlackOptions } from '../../sandbox/slack/fake-slack.ts';

export interface Fakes {
  readonly slack: FakeSlack;
  readonly discord: FakeDiscord;
}

/** One place to ask in. */
export interface Place {
  readonly name: string;
  fake(fakes: Fakes): FakeSlack | FakeDiscord;
  channel(fakes: Fakes): string;
  /** What the asker does. */
  ask(fakes: Fakes, text: string): unknown;
  /** What the asker does to go on where `answer` stands. */
  goOn(fakes: Fakes, text: string, answer: ShownMessage): unknown;
  /** The calls by which an answer is edited, as the fake's faults name them. */
  readonly edits: readonly string[];
  /** Settings that leave the other platform out. */
  readonly alone: Readonly<Record<string, string>>;
}

const noDiscord = { DISCORD_TOKEN: '' };
const noSlack = { SLACK_BOT_TOKEN: '', SLACK_APP_TOKEN: '' };

export const slackChannel: Place = {
  name: 'a Slack channel',
  fake: ({ slack }) => slack,
  channel: ({ slack }) => slack.channel,
  ask: ({ slack }, text) =>
    slack.say({ channel: slack.channel, user: slack.people.asker, text: `@pilotlight ${text}` }),
  goOn: ({ slack }, text, { thread }) =>
    slack.say({ channel: slack.channel, user: slack.people.asker, text, thread: thread! }),
  edits: ['chat.update'],
  alone: noDiscord,
};

export const slackDm: Place = {
  name: 'a Slack DM',
  fake: ({ slack }) => slack,
  channel: ({ slack }) => slack.dm,
  ask: ({ slack }, text) => slack.say({ channel: slack.dm, user: slack.people.asker, text }),
  goOn: ({ slack }, text, { thread }) =>
    slack.say({ channel: slack.dm, user: slack.people.asker, text, thread: thread! }),
  edits: ['chat.appendStream', 'chat.stopStream', 'chat.update'],
  alone: noDiscord,
};

export const discordChannel: Place = {
  name: 'a Discord channel',
  fake: ({ discord }) => discord,
  channel: ({ discord }) => discord.channel,
  ask: ({ discord }, text) =>
    discord.say({ channel: discord.channel, user: discord.people.asker, text: `@pilotlight ${text}` }),
  goOn: ({ discord }, text, { id }) =>
    discord.say({ channel: discord.channel, user: discord.people.asker, text, replyTo: id }),
  edits: ['PATCH /channels/*/messages/*'],
  alone: noSlack,
};

export const discordCommand: Place = {
  ...discordChannel,
  name: 'Discord’s /ask',
  ask: ({ discord }, prompt) =>
    discord.command({
      channel: discord.channel,
      user: discord.people.asker,
      name: 'ask',
      options: { prompt },
    }),
  edits: ['PATCH /webhooks/*/*/messages/*'],
};

/** Past this a test has failed; nothing waits for as long as this when all is well. ms */
const PATIENCE = 50_000;

/** Resolves to what `look` finds, looking again at each change. */
export async function until<T>(
  changing: EventEmitter<{ change: [] }>,
  look: () => T | undefined | null | false,
  otherwise: () => string = () => 'no such thing was seen',
): Promise<T> {
  const late = AbortSignal.timeout(PATIENCE);
  for (;;) {
    const found = look();
    if (found !== undefined && found !== null && found !== false) return found;
    await once(changing, 'change', { signal: late }).catch(() => {
      throw new Error(`Not within ${PATIENCE / 1000} s: ${otherwise()}`);
    });
  }
}

/** The bot's messages in one place, as the asker sees them. */
export class Answers {
  readonly fake: FakeChat;
  readonly channel: string;

  constructor(fake: FakeChat, channel: string) {
    this.fake = fake;
    this.channel = channel;
  }

  /** Those that everybody sees. */
  get all(): readonly ShownMessage[] {
    return this.fake.messages(this.channel).filter(({ author, onlyFor }) => author.bot && !onlyFor);
  }

  get last(): ShownMessage | undefined {
    return this.all.at(-1);
  }

  /** Waits until the last message is as wanted, and gives it. */
  see(wanted: (message: ShownMessage) => boolean): Promise<ShownMessage> {
    const seen = () => JSON.stringify(this.fake.messages(this.channel), null, 1);
    return until(this.fake, () => (this.last && wanted(this.last) ? this.last : undefined), seen);
  }

  /** Waits until this many messages stand and none of them will change, and gives the last. */
  async end(count = 1): Promise<ShownMessage> {
    const ended = () => this.all.length >= count && !this.all.some(isRunning);
    return this.see(ended);
  }

  async click(label: string, user: string, message = this.last!): Promise<void> {
    const button = message.buttons.find((other) => other.label === label);
    if (!button) throw new Error(`no button ${label} under: ${message.text}`);
    await this.fake.click(this.channel, message.id, button.id, user);
  }
}

export const isRunning = ({ pending, buttons }: ShownMessage): boolean =>
  pending || buttons.some(({ label }) => label === 'Stop');

/** The model's text is arriving: there is more than a notice, and more will come. */
export const isGrowing =
  (words: string) =>
  (message: ShownMessage): boolean =>
    isRunning(message) && message.text.includes(words);

/** Without white space and marks, which pages may change. */
export const letters = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '');

/** The whole of what the scripted model answers. */
export const scripted = (question: string): string =>
  answer([{ role: 'user', content: question, images: 0 }], false).text;

export interface Talk {
  readonly sandbox: Sandbox;
  readonly model: SleepingModel;
  readonly answers: Answers;
  readonly log: Log;
  ask(text: string): unknown;
}

/** What the bot logs, line by line. */
export class Log extends EventEmitter<{ change: [] }> {
  readonly lines: string[] = [];

  write(line: string): void {
    this.lines.push(line);
    this.emit('change');
  }

  /** Waits until it has said this so many times. */
  said(message: string, times = 1): Promise<unknown> {
    const found = () => this.lines.filter((line) => line.includes(`"msg":"${message}"`)).length >= times;
    return until(this, found, () => this.lines.join('\n'));
  }
}

/** A quick model that is awake; the tests say what else it is. */
export const quick: SleepingModelOptions = { awake: true, tokensPerSecond: 400, firstTokenMs: 20 };

/** The sandbox with one of its platforms, for one test. */
export async function talkIn(
  test: TestContext,
  place: Place,
  { model, env }: Pick<SandboxOptions, 'model' | 'env'> = {},
): Promise<Talk> {
  const log = new Log();
  test.onTestFailed(() => console.error(log.lines.join('')));
  const sandbox = await startSandbox({
    log: pino({ level: 'debug' }, log),
    model: { ...quick, ...model },
    env: { ...place.alone, SHUTDOWN_SECONDS: '0', ...env },
  });
  test.onTestFinished(() => sandbox.close());
  return {
    sandbox,
    model: sandbox.model!,
    answers: new Answers(place.fake(sandbox), place.channel(sandbox)),
    log,
    ask: (text) => place.ask(sandbox, text),
  };
}

/** A Slack, a Discord and a model for a bot that runs as a process of its own. */
export async function startFakes(
  test: TestContext,
  model: SleepingModelOptions = {},
  slack: FakeSlackOptions = {},
) {
  const fakes = {
    slack: await FakeSlack.start(slack),
    discord: await FakeDiscord.start(),
    model: await SleepingModel.start({ ...quick, ...model }),
  };
  test.onTestFinished(async () => {
    await Promise.all([fakes.slack.close(), fakes.discord.close(), fakes.model.close()]);
  });
  return fakes;
}

export interface BotProcess {
  /** Everything it wrote. */
  readonly output: Log;
  /** Resolves to the exit code, null after a signal that it did not outlive. */
  readonly exited: Promise<number | null>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Starts `src/main.ts` as `npm start` does, and waits until it says that it is ready, or something before that. */
export async function startProcess(
  test: TestContext,
  { slack, discord, model }: Fakes & { model: SleepingModel },
  env: Readonly<Record<string, string>>,
  word = 'ready',
): Promise<BotProcess> {
  const child = spawn(process.execPath, ['src/main.ts'], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: 'node_modules/.cache/compile',
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: slack.apiUrl,
      DISCORD_TOKEN: discord.token,
      DISCORD_API_URL: discord.apiUrl,
      DISCORD_GUILD_ID: discord.guildId,
      MODEL_BASE_URL: model.baseUrl,
      PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  test.onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  const output = new Log();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => output.write(line));
  }
  test.onTestFailed(() => console.error(output.lines.join('\n')));
  const ended = exited.then(() => {
    throw new Error(`The bot ended before it was ready:\n${output.lines.join('\n')}`);
  });
  await Promise.race([output.said(word), ended]);
  return { output, exited, kill: (signal) => void child.kill(signal) };
}
