/** People who ask, as the plan says. */
import { setTimeout as wait } from 'node:timers/promises';
import { type Asked, answersTo, isNotTaken } from './asked.ts';
import type { FarSide } from './far-side.ts';
import type { PlannedQuestion } from './plan.ts';

/** How long somebody waits for a message of an answer before they go on without; ms. */
const PATIENCE = 2_000;

/** Asks when it is time, and notes it in `asked`. Resolves when the platform has told the person its part. */
export async function ask(question: PlannedQuestion, asked: Asked[], farSide: FarSide): Promise<void> {
  await wait(question.at);
  const text = `write ${question.words} words named ${question.name}`;
  const { slack, discord } = farSide;
  const earlier = asked.find((one) => one.question.name === question.after);
  const note = (one: Pick<Asked, 'fake' | 'channel' | 'id' | 'thread' | 'conversation'>) => {
    const noted: Asked = { question, seen: false, ...one };
    asked.push(noted);
    return noted;
  };
  switch (question.place) {
    case 'slack-channel':
    case 'slack-dm': {
      const inChannel = question.place === 'slack-channel';
      const channel = inChannel ? slack.channel : slack.dm;
      const id = slack.say({
        channel,
        user: slack.people.asker,
        text: inChannel ? `@pilotlight ${text}` : text,
        ...(earlier && { thread: earlier.thread }),
        duplicate: question.duplicate,
        ...(question.reordered && { order: 'message-first' }),
      });
      const thread = earlier?.thread ?? id;
      note({ fake: slack, channel, id, thread, conversation: thread });
      return;
    }
    case 'discord-channel': {
      const { channel } = discord;
      const answer = earlier && (await firstMessage(earlier, asked));
      const id = discord.say({
        channel,
        user: discord.people.asker,
        text: `@pilotlight ${text}`,
        ...(answer && { replyTo: answer }),
        duplicate: question.duplicate,
      });
      // Which chain it belongs to the bot can only know of messages whose posting it was told of.
      note({ fake: discord, channel, id, thread: id, conversation: id });
      return;
    }
    case 'discord-dm': {
      const channel = discord.dm;
      const id = discord.say({ channel, user: discord.people.asker, text, duplicate: question.duplicate });
      note({ fake: discord, channel, id, thread: id, conversation: channel });
      return;
    }
    case 'discord-command': {
      const { channel } = discord;
      const one = note({ fake: discord, channel, id: '', thread: '', conversation: question.name });
      const options = { prompt: text };
      const use = { channel, user: discord.people.asker, name: 'ask', options };
      // Not acknowledged: Discord tells the person that the application did not respond.
      const invoked = await discord.command(use).catch(() => undefined);
      if (invoked)
        Object.assign(one, {
          id: invoked.message,
          thread: invoked.message,
        });
    }
  }
}

/**
 * Whether the question must be answered, as far as the person can tell. On Slack: the bot acknowledged it. On
 * Discord: something was shown for it, or for an earlier one in the same channel, where the bot reads what it
 * missed; and the person was not told that it was not taken.
 */
export function isAccepted(one: Asked, asked: readonly Asked[], { slack }: FarSide): boolean {
  const { fake, id, seen, channel, question } = one;
  if (fake !== slack) {
    if (isRefused(one)) return false;
    if (seen || question.place === 'discord-command') return seen;
    const earlier = asked.slice(0, asked.indexOf(one));
    return earlier.some((other) => other.fake === fake && other.channel === channel && other.seen);
  }
  // A mention is two events: Slack was told of one at least.
  const events = channel === slack.dm ? 1 : 2;
  return slack.lostEvents.filter(({ event }) => (event as { ts?: string }).ts === id).length < events;
}

/** The person was told that the question was not taken. */
export const isRefused = ({ fake, channel, id }: Asked): boolean =>
  id !== '' &&
  fake
    .messages(channel)
    .some((message) => isNotTaken(message) && (message.thread === id || message.id === id));

async function firstMessage(earlier: Asked, asked: readonly Asked[]): Promise<string | undefined> {
  for (let waited = 0; waited < PATIENCE; waited += 30) {
    const message = answersTo(asked).get(earlier)?.at(0);
    if (message) return message.id;
    await wait(30);
  }
  return undefined;
}
