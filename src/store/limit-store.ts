import type { PlatformName } from '../question.ts';

/** A person's account on one platform. */
export interface Person {
  readonly platform: PlatformName;
  readonly id: string;
}

/** Who uses the model, and for whom. */
export interface Spender {
  readonly person: Person;
  readonly workspace: string;
}

/** What the limits per person and workspace keep. Every write has happened when its promise resolves. */
export interface LimitStore {
  /**
   * Counts a question that a person asks `now`, unless `most` were counted in the `windowMs` before: then it
   * is the time of the oldest of these (ms since the epoch), else null. What was counted further ahead than that
   * does not count: the clock was set back.
   */
  count(person: Person, now: number, limit: { most: number; windowMs: number }): Promise<number | null>;
  /** Adds to what was used on a UTC day (2026-01-31), in millionths of a dollar; forgets what is two days older. */
  spend(day: string, spender: Spender, microUsd: number): Promise<void>;
  /** What the person used on that day in all workspaces, and the workspace by all its people. */
  spent(day: string, spender: Spender): Promise<{ byPerson: number; inWorkspace: number }>;
  /** Turns that have not ended: of the conversation, and of all. */
  waiting(conversationId: number): Promise<{ here: number; all: number }>;
}
