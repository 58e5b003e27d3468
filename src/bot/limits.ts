import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { LimitStore, Spender } from '../store/limit-store.ts';
import type { Turn } from '../store/store.ts';
import { type Admins, isAdmin } from './admins.ts';
import * as words from './limit-words.ts';
import type { Question } from './ports.ts';

const MINUTE = 60_000;

/** What one may ask. Undefined: as much as one likes. */
export interface LimitSettings {
  /** Of one person. */
  readonly questionsPerMinute: number | undefined;
  /** Estimated dollars of GPU time a UTC day. */
  readonly personUsdPerDay: number | undefined;
  readonly workspaceUsdPerDay: number | undefined;
  /** Turns that have not ended, in all and in one conversation; one more is refused. */
  readonly waiting: number;
  readonly waitingPerConversation: number;
}

export interface LimitParts {
  readonly settings: LimitSettings;
  readonly admins: Admins;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Says which questions are too many. Admins may ask as often and as much as they like, but the queue is full for
 * them too.
 */
export class Limits {
  readonly #parts: LimitParts;

  constructor(parts: LimitParts) {
    this.#parts = parts;
  }

  /** Counts a turn that is to be run. Null when it may be; else what to tell the person who wants it. */
  async refusal({ id, conversationId, question, state }: Turn, store: LimitStore): Promise<string | null> {
    const { log } = this.#parts;
    // A new turn is among those that wait; one to be run again is not yet.
    const itself = state === 'queued' ? 1 : 0;
    try {
      const full = await this.#fullQueue(conversationId, itself, store);
      const refusal = full ?? (await this.#tooMuch(question, store));
      if (refusal !== null) log.info({ turn: id, platform: question.platform }, 'a limit was reached');
      return refusal;
    } catch (error) {
      log.error({ turn: id, err: error }, 'cannot look what was asked before; nothing is refused');
      return null;
    }
  }

  async #fullQueue(conversationId: number, itself: number, store: LimitStore): Promise<string | null> {
    const { settings } = this.#parts;
    const { here, all } = await store.waiting(conversationId);
    if (here - itself >= settings.waitingPerConversation) return words.conversationFull(here - itself);
    return all - itself >= settings.waiting ? words.queueFull(all - itself) : null;
  }

  async #tooMuch(question: Question, store: LimitStore): Promise<string | null> {
    const { settings, admins, clock } = this.#parts;
    const { platform, author } = question;
    if (isAdmin(admins, platform, author)) return null;
    const now = clock.now();
    const { personUsdPerDay, workspaceUsdPerDay, questionsPerMinute } = settings;
    if (personUsdPerDay !== undefined || workspaceUsdPerDay !== undefined) {
      const { byPerson, inWorkspace } = await store.spent(utcDay(now), spenderOf(question));
      const left = untilMidnight(now);
      if (byPerson / 1e6 >= (personUsdPerDay ?? Number.POSITIVE_INFINITY))
        return words.personSpent(personUsdPerDay!, left);
      if (inWorkspace / 1e6 >= (workspaceUsdPerDay ?? Number.POSITIVE_INFINITY))
        return words.workspaceSpent(platform, workspaceUsdPerDay!, left);
    }
    if (questionsPerMinute === undefined) return null;
    const limit = { most: questionsPerMinute, windowMs: MINUTE };
    const oldest = await store.count(spenderOf(question).person, now, limit);
    return oldest === null ? null : words.tooFast(questionsPerMinute, oldest + MINUTE - now);
  }
}

export const spenderOf = ({ platform, workspace, author }: Question): Spender => ({
  person: { platform, id: author.id },
  workspace,
});

/** 2026-01-31 */
export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const untilMidnight = (now: number): number => Date.parse(utcDay(now)) + 86_400_000 - now;
