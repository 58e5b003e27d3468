import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type ChatRequest, type Model, ModelError, type ModelEvent } from '../model/model.ts';
import type { LiveReply } from '../reply/live-reply.ts';
import type { ButtonKind } from '../reply/surface.ts';
import type { Turn, TurnEnd } from '../store/store.ts';
import { Left, ReplyDeleted, ShuttingDown, Stopped } from './stops.ts';
import { Thought } from './thought.ts';
import * as words from './words.ts';

/** Reasoning shorter than this is over before a status about it would be read; ms. */
const REASONING_SHOWN_AFTER = 4_000;

type Done = Extract<ModelEvent, { type: 'done' }>;

export interface Ending {
  readonly end: TurnEnd;
  readonly footer?: string;
  readonly buttons: readonly ButtonKind[];
  /** What the model thought, folded under a button. */
  readonly reasoning?: string;
}

export interface TurnParts {
  readonly model: Pick<Model, 'chat'>;
  readonly reply: LiveReply;
  /** Shows the latest thought while the model thinks, and its end later to who asks. */
  readonly showReasoning: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Asks the model and feeds its answer to the live reply, to whatever end. Never throws: each way to end
 * is an {@link Ending}, said to the person by whoever finishes the reply.
 */
export async function streamAnswer(
  turn: Turn,
  request: ChatRequest,
  { model, reply, showReasoning, clock, log }: TurnParts,
): Promise<Ending> {
  const thought = new Thought();
  const dialect = turn.question.platform;
  const show = presenter(reply, clock, thought, () => (showReasoning ? thought.latest(dialect) : ''));
  const folded = (ending: Ending): Ending =>
    showReasoning && thought.text !== '' ? { ...ending, reasoning: thought.text } : ending;
  try {
    request.signal.throwIfAborted();
    let reason: Done['reason'] | undefined;
    let rest = '';
    await model.chat(request, (event) => {
      if (event.type === 'usage') log.info({ turn: turn.id, ...event }, 'usage');
      else if (event.type === 'done') reason = event.reason;
      else show(event);
      if (request.continueFrom && event.type === 'reasoning') rest += event.text;
    });
    if (!reason) throw new ModelError('cut', 'The answer was cut off.');
    // vLLM takes what an answer goes on with for reasoning where the template shows no earlier one (vllm #38749).
    if (rest !== '' && reply.text === turn.answer) {
      reply.append(rest);
      return goodEnd(reason, reply.text);
    }
    return folded(goodEnd(reason, reply.text));
  } catch (error) {
    return folded(badEnd(error, turn, reply.text, log));
  }
}

/** Shows each event the way a person wants to see it. */
function presenter(reply: LiveReply, clock: Clock, thought: Thought, excerpt: () => string) {
  let thinkingSince: number | undefined;
  let answering = false;
  return (event: Exclude<ModelEvent, { type: 'usage' | 'done' }>): void => {
    if (event.type === 'waking') reply.notice(words.waking(event));
    else if (event.type === 'queued') reply.notice(event.place > 0 ? words.queued(event.place) : null);
    else if (event.type === 'reasoning') {
      thinkingSince ??= clock.monotonic();
      thought.append(event.text);
      const late = clock.monotonic() - thinkingSince > REASONING_SHOWN_AFTER;
      reply.notice(late && !answering ? words.reasoning(thought.words, excerpt()) : null);
    } else {
      if (!answering) reply.notice(null);
      answering = true;
      reply.append(event.text);
    }
  };
}

function goodEnd(reason: Done['reason'], text: string): Ending {
  if (reason === 'length')
    return { end: 'done', footer: words.cutAtLimit, buttons: text ? ['continue'] : ['retry'] };
  if (text.trim() !== '') return { end: 'done', buttons: [] };
  return {
    end: 'failed',
    footer: reason === 'tool_calls' ? words.wantsTool : words.emptyAnswer,
    buttons: ['retry'],
  };
}

/** How a turn ends that threw this; `text` is what came of its answer. */
export function badEnd(error: unknown, turn: Turn, text: string, log: Logger): Ending {
  const again = onward(text);
  if (error instanceof Stopped) return { end: 'stopped', footer: words.stoppedBy(error.by), buttons: again };
  if (error instanceof ReplyDeleted) return { end: 'stopped', buttons: [] };
  if (error instanceof ShuttingDown || error instanceof Left) return interruptedEnd(text);
  if (error instanceof ModelError) {
    log.warn({ turn: turn.id, fault: error.fault, ...error.detail }, 'the model failed');
    // The same question would be too long again.
    const buttons = error.fault === 'too-long' && text === '' ? [] : again;
    return { end: 'failed', footer: words.failed(error.message), buttons };
  }
  log.error({ turn: turn.id, err: error }, 'a turn failed');
  return { end: 'failed', footer: words.internalError, buttons: again };
}

/** A turn that a restart cut off keeps its text and offers to go on. */
export const interruptedEnd = (text: string): Ending => ({
  end: 'interrupted',
  footer: words.interrupted,
  buttons: onward(text),
});

/** A turn whose process ended each time that it was run. */
export const crashedEnd = (text: string): Ending => ({
  end: 'failed',
  footer: words.internalError,
  buttons: onward(text),
});

const onward = (text: string): ButtonKind[] => (text ? ['continue', 'retry'] : ['retry']);
