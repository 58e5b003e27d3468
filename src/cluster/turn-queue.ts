import type { Turn } from '../store/store.ts';

/** A turn that was handed out to be run. */
export interface Job {
  readonly turn: number;
  /** When it was put in line, ms since the epoch. */
  readonly since: number;
}

/**
 * Hands stored turns out to be run: one at a time per conversation, and in the order in which they were put in
 * line. The store has the truth: a job whose turn has ended means nothing, and a turn may come twice.
 */
export interface TurnQueue {
  /** Begins to hand out turns, first those that no living process has in hand. A run that rejects comes again. */
  start(run: (job: Job) => Promise<void>): Promise<void>;
  /** Puts a stored turn in line. Until `start` has been called, being stored is enough. */
  add(turn: Turn): Promise<void>;
  /** Takes in no turns that somebody else can run. Resolves when nothing is left in hand. */
  stop(): Promise<void>;
}
