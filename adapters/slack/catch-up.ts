import type { Bot } from '../../src/bot/ports.ts';
import { ANSWERED_WITHIN, KNOWN_WITHIN, ReadingList } from '../reading-list.ts';
import { conversationOf, threadOf } from './address.ts';
import { isDirect, isSpoken, mentions, type SlackMessage } from './events.ts';
import { mayPass } from './faults.ts';
import { History, type PastMessage, type Range } from './history.ts';
import { inTime } from './in-time.ts';
import type { Asked } from './messages.ts';
import { keyIn } from './metadata.ts';
import type { Self, Workspace } from './workspace.ts';

/** A channel tells of replies with the thread's first message, which is looked for so far back; ms. */
const THREADS_WITHIN = 24 * 60 * 60_000;

/** Channels, and known threads, that are read at most. */
const CHANNELS = 200;
const THREADS = 200;

export interface CatchUpParts {
  readonly workspace: Workspace;
  readonly self: Self;
  readonly bot: Bot;
  /** Does with a message what is done with those that events bring. */
  readonly take: (message: Asked) => Promise<void>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * What was asked while nobody listened, which Slack brings again for some minutes only: in the channels and direct
 * messages that the bot is in, and in threads in which it was asked lately. The store takes a question once, so nothing
 * has to be known of since when nobody listened, and several processes may do this at once.
 */
export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #history: History;
  readonly #toRead: ReadingList;
  /** When it began, ms since the epoch: what is written later comes as an event. */
  readonly #until: number;
  readonly #known: Promise<void>;
  /** Those that the store knows of, where something was asked last first. */
  readonly #channels = new Set<string>();
  /** The newest question of each conversation that the store knows of. */
  readonly #asked = new Map<string, string>();

  constructor(parts: CatchUpParts) {
    const { workspace, self, signal } = parts;
    const { clock, log } = workspace;
    this.#parts = parts;
    this.#until = clock.now();
    this.#history = new History(workspace, self.team, signal);
    this.#toRead = new ReadingList({
      isFinal: (error) => !mayPass(error),
      clock,
      log,
      signal: AbortSignal.any([signal, this.#history.refused]),
    });
    this.#known = this.#addKnown();
  }

  /** Reads everything, a channel or thread at a time. Does not reject. */
  async run(): Promise<void> {
    await this.#known;
    this.#toRead.add('the list of channels', () => this.#addAll());
    await this.#toRead.run();
    if (!this.#history.refused.aborted) return;
    this.#parts.workspace.log.warn('Slack lets too little be read to find all that was asked meanwhile');
  }

  /** Reads this message's thread now, if it is still to be read: before the message is taken. Does not reject. */
  first({ channel, thread_ts: thread = '' }: SlackMessage): Promise<void> | undefined {
    const place = conversationOf(channel, thread);
    if (!this.#toRead.has(place)) return undefined;
    return inTime(this.#toRead.first(place), this.#parts.workspace.clock).catch(() => {});
  }

  async #addKnown(): Promise<void> {
    const { bot, self, workspace } = this.#parts;
    const all = await bot.lastAsked('slack', this.#until - KNOWN_WITHIN).catch((error) => {
      workspace.log.error({ err: error }, 'cannot tell where questions were asked');
      return [];
    });
    const here = all.filter((asked) => asked.workspace === self.team);
    for (const { channel, conversation, message } of here) {
      this.#channels.add(channel);
      this.#asked.set(conversation, message);
    }
    this.#addChannels(this.#channels);
    for (const { channel, conversation } of here.slice(0, THREADS))
      this.#addThread(channel, threadOf(conversation, channel));
  }

  async #addAll(): Promise<void> {
    try {
      this.#addChannels(new Set([...this.#channels, ...(await this.#history.channels())]));
    } catch (error) {
      if (mayPass(error)) throw error;
      const { log } = this.#parts.workspace;
      log.warn({ err: error }, 'only channels in which something was asked lately are looked into');
    }
  }

  #addChannels(channels: ReadonlySet<string>): void {
    const { log } = this.#parts.workspace;
    if (channels.size > CHANNELS)
      log.warn({ channels: channels.size, read: CHANNELS }, 'not every channel is looked into');
    for (const channel of [...channels].slice(0, CHANNELS))
      this.#toRead.add(channel, () => this.#readChannel(channel));
  }

  #addThread(channel: string, thread: string): void {
    this.#toRead.add(conversationOf(channel, thread), () => this.#readThread(channel, thread));
  }

  /** Takes what stands outside of threads, and learns in which threads there is something new. */
  async #readChannel(channel: string): Promise<void> {
    const messages = await this.#history.channel(channel, this.#last(THREADS_WITHIN));
    for (const { ts, thread_ts: thread, latest_reply = ts } of messages) {
      if (thread !== undefined && this.#isNew(latest_reply)) this.#addThread(channel, thread);
      // A reply that was also sent to the channel does not tell of later ones.
      else if (thread === undefined || thread === ts) this.#toRead.remove(conversationOf(channel, ts));
    }
    await this.#take(messages.filter(({ thread_ts: thread }) => thread === undefined));
  }

  async #readThread(channel: string, thread: string): Promise<void> {
    const messages = await this.#history.thread(channel, thread, this.#last(ANSWERED_WITHIN));
    await this.#take(messages, this.#asked.get(conversationOf(channel, thread)));
  }

  /** Takes what was missed of one thread, or outside of threads. `asked` is the thread's newest question. */
  async #take(messages: readonly PastMessage[], asked?: string): Promise<void> {
    const { bot, self, workspace, take, signal } = this.#parts;
    /** What was said in a thread before the bot was called in is for others. */
    let isIn = false;
    for (const message of messages.filter(({ ts }) => this.#isNew(ts))) {
      const isAddressed = isDirect(message) || mentions(message, self);
      if (!isSpoken(message, self) || !(isAddressed || message.thread_ts)) continue;
      const isTaken = await bot.isTaken(this.#keyOf(message));
      isIn ||= isTaken || (asked !== undefined && isLater(message.ts, asked));
      if (isTaken || !(isAddressed || isIn) || (await this.#isAnswered(message, messages))) continue;
      if (signal.aborted) return;
      const { channel, ts } = message;
      workspace.log.info({ channel, message: ts }, 'catching up on a message');
      await take(message);
      isIn = true;
    }
  }

  /** True above an answer that the store knows nothing of, for it was lost, or is an older copy. */
  async #isAnswered({ ts }: PastMessage, messages: readonly PastMessage[]): Promise<boolean> {
    const { bot, self, workspace } = this.#parts;
    const answers = messages.filter((other) => other.bot_id === self.bot && keyIn(other) !== null);
    for (const answer of answers) {
      // What this process writes may not be stored yet.
      const isOld = isLater(answer.ts, ts) && isLater(timeOf(workspace.since), answer.ts);
      if (isOld && !(await bot.isOwnReply(this.#keyOf(answer)))) return true;
    }
    return false;
  }

  #keyOf({ channel, ts: message }: PastMessage) {
    return { platform: 'slack', workspace: this.#parts.self.team, channel, message } as const;
  }

  #last(ms: number): Range {
    return { oldest: timeOf(this.#until - ms), latest: timeOf(this.#until) };
  }

  #isNew(ts: string): boolean {
    return isLater(ts, this.#last(ANSWERED_WITHIN).oldest);
  }
}

/** As Slack writes times; from ms since the epoch. */
const timeOf = (ms: number): string => (ms / 1_000).toFixed(6);

const isLater = (ts: string, than: string): boolean => Number(ts) > Number(than);
