import type { PlatformName } from '../question.ts';
import type { Transaction, Turn } from '../store/store.ts';

/** A turn that was handed out to be run. */
export interface Job {
  readonly turn: number;
  /** When it was put in line, ms since the epoch. */
  readonly since: number;
  /** How often a process died, or was cut off, while it ran this turn; half as often where it is not counted. */
  readonly crashes: number;
  /** Aborted when the turn is no longer this process's: somebody else runs it, and repairs its messages. */
  readonly lost: AbortSignal;
}

/** `over`: the turn has ended. `back`: somebody else is to run it. */
export type RunEnd = 'over' | 'back';

/** Runs a turn. One that rejects is handed out again after a moment. */
export type Run = (job: Job) => Promise<RunEnd>;

/**
 * Hands stored turns out to be run: one at a time per conversation, and in the order in which they were put in
 * line. The store has the truth: a job whose turn has ended means nothing, and a turn may come twice.
 */
export interface TurnQueue {
  /** True when what this process gives back, or leaves in line, goes on in another one. */
  readonly handsOn: boolean;
  /** Begins to hand out the turns of these platforms, also those that a dead process left; others wait in line. */
  start(run: Run, platforms: readonly PlatformName[]): Promise<void>;
  /** Puts a turn in line, in the transaction that stores it: both happen or neither. */
  add(turn: Turn, transaction: Transaction): Promise<void>;
  /** The transaction is over: whoever has room takes the turn at once. A hint; it would be found within a second. */
  wake(): Promise<void>;
  /** Takes in no turns that somebody else can run. Resolves when nothing is left in hand. */
  stop(): Promise<void>;
  close(): Promise<void>;
}
