/** What people asked in a run, and the messages that answer it, as they see them. */
import type { FakeChat, ShownMessage } from '../../sandbox/chat.ts';
import type { PlannedQuestion } from './plan.ts';

export interface Asked {
  readonly question: PlannedQuestion;
  readonly fake: FakeChat;
  readonly channel: string;
  /** The question's message; of a command that was acknowledged, the message "is thinking…"; else ''. */
  id: string;
  /** Slack's thread; on Discord, where each answer replies to its question, the question itself. */
  thread: string;
  /** Questions with the same one are answered one after the other. */
  readonly conversation: string;
  /** Something was shown for it at some time. */
  seen: boolean;
  /** A person pressed Stop, or deleted a message of its answer. */
  meddled?: 'stop' | 'delete';
}

/** A line that stands over an answer which had to begin in a new message. */
const OVERTAKEN = 'The answer is below.';

const REASON = /⚠️|⏹|✂️/;

/** It says why an answer is not whole. */
export const isReason = ({ text }: ShownMessage): boolean => REASON.test(text);

export const isRunning = ({ pending, buttons }: ShownMessage): boolean =>
  pending || buttons.some(({ label }) => label === 'Stop');

/** The numbers of the words of an answer that a text shows; the last may be cut. */
export function wordsIn(text: string, name: string): number[] {
  const found = text.matchAll(new RegExp(`\\b${name}w(\\d{3})\\b`, 'g'));
  return [...found].map(([, number]) => Number(number));
}

/** The bot said that it did not take a question, which whoever asked may do again. */
const NOT_TAKEN = /(could not|cannot) take your question|your command was lost/;

export const isNotTaken = ({ text }: ShownMessage): boolean => NOT_TAKEN.test(text);

export const isOvertaken = ({ text }: ShownMessage): boolean => text.includes(OVERTAKEN);

/** The bot's messages that answer each question. Those that tell no word of it go to whose turn it was. */
export function answersTo(asked: readonly Asked[]): Map<Asked, ShownMessage[]> {
  const ids = new Set(asked.map(({ id }) => id));
  const answers = new Map(asked.map((one) => [one, [] as ShownMessage[]]));
  for (const [, conversation] of Map.groupBy(asked, ({ channel, thread }) => `${channel} ${thread}`)) {
    const { fake, channel, thread } = conversation[0]!;
    const here = fake
      .messages(channel)
      .filter((message) => message.author.bot && !message.onlyFor && !isNotTaken(message))
      // A command that was acknowledged too late may be answered all the same, in messages of their own.
      .filter((message) => thread === '' || message.thread === thread || message.id === thread);
    const nameless: ShownMessage[] = [];
    for (const message of here) {
      const owner = conversation.find(({ question }) => wordsIn(message.text, question.name).length > 0);
      if (owner) answers.get(owner)!.push(message);
      else if (thread !== '' || (message.thread === undefined && !ids.has(message.id) && isReason(message)))
        nameless.push(message);
    }
    const silent = conversation.filter((one) => answers.get(one)!.length === 0 && one.meddled !== 'delete');
    for (const message of nameless) {
      const owner = isOvertaken(message) ? undefined : silent.shift();
      const other = owner ?? (thread === '' ? undefined : conversation.at(-1));
      if (other) answers.get(other)!.push(message);
    }
  }
  return answers;
}
