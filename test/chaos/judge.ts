/** What must be true of the chats, read from the screens alone. */
import type { ShownMessage } from '../../sandbox/chat.ts';
import { type Asked, isOvertaken, isReason, isRunning, wordsIn } from './asked.ts';

/** How a question stands: the whole answer; a part or none, the reason and a way on; or not yet so. */
export type State = 'complete' | 'broken' | 'deleted' | 'unfinished';

/** The way on that a message offers: Continue where there is one. */
export const wayOn = ({ buttons }: ShownMessage) =>
  buttons.find(({ label }) => label === 'Continue') ?? buttons.find(({ label }) => label === 'Retry');

export function stateOf({ question, meddled }: Asked, messages: readonly ShownMessage[]): State {
  if (messages.some(isRunning)) return 'unfinished';
  if (meddled === 'delete') return 'deleted';
  const answer = messages.filter((message) => !isOvertaken(message));
  const last = answer.at(-1);
  if (!last) return 'unfinished';
  if (answer.some(isReason)) return wayOn(last) ? 'broken' : 'unfinished';
  const words = answer.flatMap(({ text }) => wordsIn(text, question.name));
  return words.length >= question.words ? 'complete' : 'unfinished';
}

/** What is wrong with the messages of a question that has ended, in words; empty when nothing is. */
export function faultsOf(asked: Asked, messages: readonly ShownMessage[]): string[] {
  const { question, meddled } = asked;
  const faults: string[] = [];
  const state = stateOf(asked, messages);
  if (state === 'unfinished') faults.push(messages.length === 0 ? 'shows nothing' : 'has no end');
  if (meddled === 'delete') return faults;
  const answer = messages.filter((message) => !isOvertaken(message));
  const words = answer.flatMap(({ text }) => wordsIn(text, question.name));
  const wrong = words.findIndex((word, i) => word !== i + 1);
  if (wrong >= 0) {
    faults.push(`word ${wrong + 1} of its answer is ${words[wrong]}: some of it is missing or there twice`);
  }
  if (words.length > question.words) faults.push('its answer is too long');
  const silent = answer.filter(({ text }) => wordsIn(text, question.name).length === 0);
  if (silent.length > (words.length === 0 ? 1 : 0)) {
    faults.push(`has ${silent.length} messages beside its answer: ${JSON.stringify(silent[0]!.text)}`);
  }
  return faults;
}
