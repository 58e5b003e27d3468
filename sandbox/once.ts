import type { FakeChat, ShownMessage } from './chat.ts';
import type { Sandbox } from './sandbox.ts';

/** A cold start and two short answers take seconds; past this something is broken. ms */
const PATIENCE = 120_000;

/** Plays one mention on Slack and one /ask on Discord, telling what a person would see as it happens. */
export async function playOnce(sandbox: Sandbox, print: (line: string) => void): Promise<void> {
  const { slack, discord } = sandbox;
  const started = performance.now();
  const tell = (who: string, what: string) => {
    const at = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
    print(`${at} s  ${who.padEnd(8)} ${what}`);
  };
  const parts: { name: string; fake: FakeChat; channel: string; say: () => unknown }[] = [
    {
      name: 'Slack',
      fake: slack,
      channel: slack.channel,
      say: () =>
        slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight show me a table' }),
    },
    {
      name: 'Discord',
      fake: discord,
      channel: discord.channel,
      say: () =>
        discord.command({
          channel: discord.channel,
          user: discord.people.colleague,
          name: 'ask',
          options: { prompt: 'write some code' },
        }),
    },
  ];
  const stopWatching = parts.map(({ name, fake, channel }) =>
    watch(fake, channel, (what) => tell(name, what)),
  );
  await Promise.all(parts.map(({ say }) => say()));
  const late = AbortSignal.timeout(PATIENCE);
  await Promise.all(parts.map(({ fake, channel }) => whenAnswered(fake, channel, late)));
  for (const stop of stopWatching) stop();
  for (const { name, fake, channel } of parts) {
    print(`\n── ${name}, #general ${'─'.repeat(60)}\n`);
    for (const message of fake.messages(channel)) print(`${transcript(message)}\n`);
  }
}

const isAnswer = ({ author }: ShownMessage) => author.bot;
const isRunning = ({ pending, buttons, text }: ShownMessage) =>
  pending || text === '' || buttons.some(({ label }) => label === 'Stop');

/** Tells each new thing shown: who types, the notice under an answer, and every so often its growth. */
function watch(fake: FakeChat, channel: string, tell: (what: string) => void): () => void {
  let last = '';
  const look = () => {
    const answer = fake.messages(channel).findLast(isAnswer);
    const doing = fake.activity(channel)[0]?.text;
    const what = answer ? describe(answer) : doing?.replace(/^is /, 'pilotlight is ');
    if (!what || what === last) return;
    last = what;
    tell(what);
  };
  fake.on('change', look);
  return () => fake.off('change', look);
}

function describe(answer: ShownMessage): string {
  if (!isRunning(answer)) return `answered: ${answer.text.length} characters`;
  const notice = answer.text.split('\n').find((line) => line.includes('⏳'));
  return (
    notice?.replace(/^-# /, '') ??
    (answer.pending ? 'pilotlight is thinking…' : `${answer.text.length} characters so far`)
  );
}

function whenAnswered(fake: FakeChat, channel: string, late: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const answers = fake.messages(channel).filter(isAnswer);
      if (answers.length === 0 || answers.some(isRunning)) return;
      fake.off('change', look);
      resolve();
    };
    late.addEventListener('abort', () => reject(new Error(`No answer within ${PATIENCE / 1000} s.`)));
    fake.on('change', look);
    look();
  });
}

function transcript({ author, text, buttons, reactions, thread, edits }: ShownMessage): string {
  const name = `${author.name}${author.bot ? ' (app)' : ''}${edits ? ` · ${edits} edits` : ''}:`;
  const below = [
    ...buttons.map(({ label }) => `[${label}]`),
    ...reactions.map((reaction) => `:${reaction}:`),
  ];
  const lines = [
    name,
    ...text.split('\n').map((line) => `  ${line}`),
    ...(below.length ? [`  ${below.join(' ')}`] : []),
  ];
  return lines.map((line) => (thread && author.bot ? `    ${line}` : line)).join('\n');
}
