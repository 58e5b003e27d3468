import { cut } from '../cut.ts';
import type { ModelEvent } from '../model/model.ts';
import type { PlatformName } from './ports.ts';

/** What the bot itself says in a chat. Short, plain, and always what to do next. */
type Waking = Extract<ModelEvent, { type: 'waking' }>;

const PHASES: Record<Waking['phase'], string> = {
  requesting: 'asking for a GPU',
  starting: 'starting',
  loading: 'loading weights',
  ready: 'ready',
};

/** As much of a question as tells which one is meant; characters. */
const QUOTED = 100;

/** 0:42, 12:05 */
function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

export function waking({ phase, elapsedMs, usualMs, slowMs, place }: Waking): string {
  const parts = [`⏳ Waking the model: ${PHASES[phase]}`, minutes(elapsedMs)];
  if (usualMs !== undefined && elapsedMs <= usualMs) parts.push(`usually ${minutes(usualMs)}`);
  else if (slowMs !== undefined && elapsedMs <= slowMs) parts.push(`usually within ${minutes(slowMs)}`);
  else if (usualMs !== undefined) parts.push('longer than usual');
  if (place > 1) parts.push(`${place - 1} asked before you`);
  return parts.join(' · ');
}

export const queued = (place: number): string =>
  place === 1 ? '⏳ The model is busy · you are next' : `⏳ The model is busy · number ${place} in line`;

export const reasoning = (words: number, latest: string): string =>
  [`💭 Thinking · ${words} words so far`, latest].filter(Boolean).join(' · ');

export const thought = (text: string): string =>
  text === '' ? 'What the model thought is no longer kept.' : `💭 ${text}`;

export const working = 'is thinking…';
export const afterEarlier = '⏳ Waiting for the answer before this one';

export const emptyPrompt = (platform: PlatformName): string =>
  platform === 'discord'
    ? 'Ask me something: write your question in words, in a channel after my name, or use `/ask`.'
    : 'Ask me something: write your question in words, in a channel after my name.';
export const emptyAnswer = '⚠️ The model gave an empty answer. Retry, or put the question another way.';
export const wantsTool =
  '⚠️ The model asked for a tool, and there are none here. Put the question another way.';
export const cutAtLimit = '✂️ Cut at the limit for one answer.';
export const leftOut = 'Earlier turns of this conversation no longer fit and were left out.';
export const cannotSee = '🖼️ This model cannot see pictures: it was given the words alone.';
export const onlyPictures = '🖼️ This model cannot see pictures. Put your question in words.';
export const picturesNotRead = (reasons: readonly string[]): string =>
  `⚠️ ${reasons.length === 1 ? 'A picture' : `${reasons.length} pictures`} could not be read: ${[...new Set(reasons)].join('; ')}.`;
export const picturesRefused =
  '⚠️ The model server could not read every picture: the model was given what it can read.';
export const tooManyPictures = (most: number): string => `The model saw the last ${most} pictures only.`;
export const interrupted = '⚠️ Interrupted: Pilotlight was restarted.';
export const internalError =
  '⚠️ Something went wrong inside Pilotlight. Retry; if it happens again, tell whoever runs it.';
export const failed = (reason: string): string => `⚠️ ${reason}`;
export const stoppedBy = (name: string | undefined): string => `⏹ Stopped${name ? ` by ${name}` : ''}.`;

export function undelivered(question: string): string {
  const [first = ''] = question.trim().split('\n', 1);
  const asked = cut(first, QUOTED);
  return `⚠️ I could not write my answer, or not all of it, where you asked${asked && ` “${asked}”`}. If I may not write there, whoever manages that channel can change it.`;
}

export const onlyAsker = 'Only the person who asked, or an admin, can do that.';
export const alreadyOver = 'That answer has ended already.';
export const alreadyRetried = 'That was asked again already: look for the newer answer.';
export const shuttingDown = 'Pilotlight is restarting: try again in a moment.';
export const ready = 'your answer is ready.';
