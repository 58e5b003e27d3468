import type { Budget } from '../../src/bot/ports.ts';
import { sleep } from '../../src/clock.ts';
import type { SlackMessage } from './events.ts';
import { toWriteError } from './faults.ts';
import { limits } from './limits.ts';
import { withoutNulls } from './nulls.ts';
import type { Workspace } from './workspace.ts';

/** What one answer lists at most; https://docs.slack.dev/apis/web-api/pagination recommends no more. */
const PAGE = 200;

/** Pages of one list that are read at most. */
const PAGES = 5;

/** While there is no room for a call; ms. */
const PAUSE = 1_000;

/**
 * So often Slack may refuse for want of room. An app that is distributed outside of its Marketplace may read once a
 * minute: there the threads of questions that are asked now matter more.
 */
const REFUSALS = 3;

/** As history tells it, beside what events tell. */
export interface PastMessage extends SlackMessage {
  readonly latest_reply?: string;
  readonly metadata?: unknown;
}

/** Times as Slack writes them, neither of them included. */
export interface Range {
  readonly oldest: string;
  readonly latest: string;
}

interface Page {
  readonly limit: number;
  readonly cursor?: string;
}

interface Answer<T> {
  readonly listed: T[] | undefined;
  readonly response_metadata?: { readonly next_cursor?: string };
}

/** What Slack lists of a workspace, read page by page as there is room beside other calls. Rejects with a WriteError. */
export class History {
  readonly #workspace: Workspace;
  readonly #team: string;
  readonly #signal: AbortSignal;
  readonly #refused = new AbortController();
  #refusals = 0;

  /** `signal` ends it. */
  constructor(workspace: Workspace, team: string, signal: AbortSignal) {
    this.#workspace = workspace;
    this.#team = team;
    this.#signal = AbortSignal.any([signal, this.#refused.signal]);
  }

  /** Aborts when Slack lets too little be read; then all that is still asked for is refused. */
  get refused(): AbortSignal {
    return this.#refused.signal;
  }

  /** The channels, private ones, and direct messages, that the bot is in. */
  async channels(): Promise<string[]> {
    const { users } = this.#workspace.client;
    const types = 'public_channel,private_channel,mpim,im';
    const channels = await this.#pages(limits.list(this.#team), async (page) => {
      const answer = await users.conversations({ types, exclude_archived: true, ...page });
      return { ...answer, listed: answer.channels };
    });
    return channels.flatMap(({ id }) => id ?? []);
  }

  /** What stands outside of threads, and each thread's first message, oldest first; of very many the newest. */
  async channel(channel: string, range: Range): Promise<PastMessage[]> {
    const { conversations } = this.#workspace.client;
    const messages = await this.#pages(limits.history(this.#team), async (page) => {
      const answer = await conversations.history({ channel, ...range, ...page });
      return { ...answer, listed: answer.messages };
    });
    return inOrder(messages, channel);
  }

  /** A thread's messages, oldest first; maybe the first one although it is older. */
  async thread(channel: string, thread: string, range: Range): Promise<PastMessage[]> {
    const { conversations } = this.#workspace.client;
    const what = { channel, ts: thread, ...range, include_all_metadata: true };
    const messages = await this.#pages(limits.replies(this.#team), async (page) => {
      const answer = await conversations.replies({ ...what, ...page });
      return { ...answer, listed: answer.messages };
    });
    return inOrder(messages, channel);
  }

  async #pages<T>(budget: Budget, call: (page: Page) => Promise<Answer<T>>): Promise<T[]> {
    const all: T[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < PAGES; page++) {
      const asked = () => call({ limit: PAGE, ...(cursor && { cursor }) });
      const { listed = [], response_metadata } = await this.#inBudget(budget, asked);
      all.push(...listed);
      cursor = response_metadata?.next_cursor;
      if (!cursor) break;
    }
    return all;
  }

  async #inBudget<T>(budget: Budget, call: () => Promise<T>): Promise<T> {
    const { spare, clock } = this.#workspace;
    for (;;) {
      this.#signal.throwIfAborted();
      const answer = await spare.spare([budget], () =>
        call().catch((error) => {
          throw this.#faultOf(error, budget);
        }),
      );
      if (answer !== undefined) return answer;
      await sleep(clock, PAUSE, this.#signal);
    }
  }

  #faultOf(error: unknown, budget: Budget) {
    const fault = toWriteError(error, [budget]);
    if (fault.fault === 'rate-limited') this.#refusals += 1;
    if (this.#refusals === REFUSALS) this.#refused.abort();
    return fault;
  }
}

const inOrder = (messages: readonly object[], channel: string): PastMessage[] =>
  messages
    .map((message) => ({ ...withoutNulls(message), channel }) as PastMessage)
    .sort((a, b) => Number(a.ts) - Number(b.ts));
