import type { AskedKey, ConversationKey, ImageRef, MessageKey, PlatformName, Question } from '../question.ts';
import type { InstallationStore } from './installation-store.ts';
import type { LimitStore } from './limit-store.ts';
import type { Database, Query } from './postgres/database.ts';
import type { WarmStore } from './warm-store.ts';

/** How many cold starts of a model are kept: enough for a median that follows change. */
export const COLD_STARTS_KEPT = 50;

/**
 * A turn is one question and its answer. It is `queued` when stored and `running` once the model is asked;
 * the other states are ends, each of them told in the chat.
 */
export type TurnState = 'queued' | 'running' | 'done' | 'stopped' | 'failed' | 'interrupted';
export type TurnEnd = Exclude<TurnState, 'queued' | 'running'>;

/** A hold on a turn: what is written with it counts until somebody else starts the turn. */
export interface TurnRun {
  readonly id: number;
  /** 0 when stored, and one more for each start and Retry. */
  readonly run: number;
}

/** The turn has ended, or somebody else has started it since. */
export class LostTurn extends Error {
  override name = 'LostTurn';

  constructor(id: number) {
    super(`turn ${id} is no longer this process's`);
  }
}

export interface Turn extends TurnRun {
  /** Grows with time: the order of a conversation's questions. */
  readonly id: number;
  /** 0, and one more for each Retry. */
  readonly attempt: number;
  readonly conversationId: number;
  readonly question: Question;
  readonly state: TurnState;
  /** The model's text as far as it was shown. */
  readonly answer: string;
  /** The messages that show this attempt's answer, in page order. */
  readonly messages: readonly string[];
  /** ms since the epoch */
  readonly askedAt: number;
}

/** True when the turn has ended. */
export const isOver = ({ state }: Turn): boolean => state !== 'queued' && state !== 'running';

/** An earlier question of a conversation and what was answered. */
export interface Exchange {
  readonly turn: number;
  readonly question: string;
  readonly images: readonly ImageRef[];
  readonly answer: string;
}

/** As far back as `lastAsked` and `lastEnded` look: more conversations than are caught up on after a restart. */
export const RECENT_QUESTIONS = 2_000;

/** What can be stored together. */
export interface Transaction extends Pick<Store, 'accept' | 'again' | 'limits'> {
  /** For what else belongs to it, where several processes share the store. */
  readonly query?: Query;
}

/** What outlives the process. Every write has happened when its promise resolves. */
export interface Store {
  /** Warm mode's part. */
  readonly warm: WarmStore;
  /** What the limits per person and workspace need. */
  readonly limits: LimitStore;
  /** Workspaces that installed the bot. */
  readonly installations: InstallationStore;
  /** Where several processes share the store. */
  readonly database?: Database;

  /**
   * Stores all that `work` does with the transaction, or nothing, where several processes share the store; else
   * each by itself. Nobody else sees any of it before this resolves.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;

  /** Stores a question as a queued turn; null when its key was stored before. */
  accept(question: Question, now: number): Promise<Turn | null>;
  /** True when a question with this key was stored. */
  isTaken(question: MessageKey): Promise<boolean>;
  turn(id: number): Promise<Turn | null>;
  /** The turn that this message shows (a part of). */
  turnShowing(message: MessageKey): Promise<Turn | null>;
  /** Turns that have not ended, oldest first. */
  unfinished(): Promise<readonly Turn[]>;
  /** A conversation's queued turns, oldest first. */
  waiting(conversationId: number): Promise<readonly number[]>;
  /**
   * The newest question of each conversation in which one was asked since then (ms since the epoch), newest first;
   * looks at the last {@link RECENT_QUESTIONS} questions.
   */
  lastAsked(platform: PlatformName, since: number): Promise<readonly AskedKey[]>;
  /**
   * The turns that ended last: less than `withinMs` before the latest of them; of the last
   * {@link RECENT_QUESTIONS} questions.
   */
  lastEnded(withinMs: number): Promise<readonly Turn[]>;
  /** True when the conversation has a turn. */
  isKnown(conversation: ConversationKey): Promise<boolean>;
  /** Earlier turns of the turn's conversation that have an answer, oldest first, after the conversation's cut. */
  history(turn: Turn): Promise<readonly Exchange[]>;
  /** Leaves turns up to and including this one out of the history from now on. */
  cut(conversationId: number, turn: number): Promise<void>;

  /** Marks the turn as running, and takes it from whoever started it before. Rejects with LostTurn once it has ended. */
  start(id: number): Promise<TurnRun>;
  /** What is on screen now. Rejects with LostTurn when somebody else has started the turn. */
  progress(run: TurnRun, shown: { answer: string; messages: readonly string[] }): Promise<void>;
  /** What the model thought before it answered, for who asks to see it. Rejects like `end`. */
  keepReasoning(run: TurnRun, text: string): Promise<void>;
  /** Empty where none was kept. */
  reasoning(id: number): Promise<string>;
  /** Rejects with LostTurn when somebody else has started the turn. */
  end(run: TurnRun, end: TurnEnd, now: number): Promise<void>;
  /**
   * Queues an ended turn again, once per end: null when this run of it has not ended, or was queued again already.
   * `keep` goes on with the same messages and text; otherwise the turn starts over in new messages.
   */
  again(run: TurnRun, keep: boolean): Promise<Turn | null>;
  /**
   * Deletes turns that ended before then (ms since the epoch), with what they show: the oldest, at most so many.
   * The newest turn of all stays, so that its number is not given again.
   * @returns how many were deleted
   */
  deleteEnded(before: number, most: number): Promise<number>;

  /** Cold starts of a model in ms, oldest first, the last 50. */
  recall(model: string): Promise<readonly number[]>;
  remember(model: string, ms: number): Promise<void>;

  close(): Promise<void>;
}
