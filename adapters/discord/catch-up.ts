import {
  type Channel,
  type Client,
  DiscordAPIError,
  type Message,
  PermissionFlagsBits,
  SnowflakeUtil,
  type TextBasedChannel,
} from 'discord.js';
import type { Logger } from 'pino';
import type { Bot } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { ANSWERED_WITHIN, KNOWN_WITHIN, ReadingList } from '../reading-list.ts';
import { isThinking, tellIfLost } from './lost-command.ts';
import { isFromPerson } from './messages.ts';

/** Channels that are read at most. */
const CHANNELS = 200;

/** Messages of one answer (Discord's documentation, "Get Channel Messages"). */
const PAGE = 100;

/** Pages of one channel that are read at most. */
const PAGES = 5;

/** Between two channels, so that answers have most of the 50 requests a second; ms. */
const PAUSE = 100;

export interface CatchUpParts {
  readonly client: Client;
  readonly bot: Bot;
  /** Does with a message what is done with those that the gateway brings. Does not reject. */
  readonly take: (message: Message) => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * What was written while no gateway connection was there to tell: in the server's channels that have something
 * new, and in direct messages of those who asked lately. The store takes a question once, so nothing has to be
 * known of when the connection was lost.
 */
export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #toRead: ReadingList;
  readonly #listed: Promise<void>;

  constructor(parts: CatchUpParts) {
    const { clock, log, signal } = parts;
    this.#parts = parts;
    this.#toRead = new ReadingList({ pauseMs: PAUSE, isFinal: isRefusal, clock, log, signal });
    this.#listed = this.#list();
  }

  /** Reads everything, a channel at a time. Does not reject. */
  async run(): Promise<void> {
    await this.#listed;
    await this.#toRead.run();
  }

  /** Reads this channel now, if it is still to be read: before a newer message of it is taken. Does not reject. */
  async first(channel: string): Promise<void> {
    await this.#listed;
    await this.#toRead.first(channel);
  }

  async #list(): Promise<void> {
    const { client, bot, clock, log } = this.#parts;
    const { user } = client;
    const now = clock.now();
    const soonest = snowflake(now - ANSWERED_WITHIN);
    const asked = await bot.lastAsked('discord', now - KNOWN_WITHIN).catch((error) => {
      log.error({ err: error }, 'cannot tell where questions were asked');
      return [];
    });
    // The newest of each channel.
    const after = new Map(
      asked.toReversed().map(({ channel, message }) => [channel, later(message, soonest)]),
    );
    const direct = new Set(
      asked.flatMap(({ workspace, channel }) => (workspace === channel ? [channel] : [])),
    );
    const news = [...client.channels.cache.values()].filter(
      (channel) =>
        channel.isTextBased() &&
        !channel.isDMBased() &&
        channel.lastMessageId !== null &&
        isLater(channel.lastMessageId, after.get(channel.id) ?? soonest) &&
        user !== null &&
        channel.permissionsFor(user)?.has(READING),
    );
    const found = [...(servesDirect(client) ? direct : []), ...news.map(({ id }) => id)];
    if (found.length > CHANNELS)
      log.warn({ channels: found.length, read: CHANNELS }, 'not every channel is looked into');
    for (const id of found.slice(0, CHANNELS))
      this.#toRead.add(id, () => this.#read(id, after.get(id) ?? soonest));
  }

  /** Nothing waits for it. */
  #tellIfLost(message: Message): void {
    const { log, signal } = this.#parts;
    tellIfLost(message, this.#parts).catch((error) => {
      if (!signal.aborted) log.warn({ message: message.id, err: error }, 'cannot tell of a lost command');
    });
  }

  async #read(id: string, after: string): Promise<void> {
    const { client, take, log, signal } = this.#parts;
    const channel = await fetchChannel(client, id);
    const news = channel?.isTextBased() && isLater(channel.lastMessageId ?? '0', after);
    const messages = news ? await newer(channel, after) : [];
    const answered = new Set(messages.filter(isOwn).map(({ reference }) => reference?.messageId));
    const missed = messages.filter((message) => isFromPerson(message) && !answered.has(message.id));
    if (missed.length > 0) log.info({ channel: id, messages: missed.length }, 'catching up on a channel');
    for (const message of missed) if (!signal.aborted) await take(message);
    for (const message of messages.filter(isThinking)) this.#tellIfLost(message);
  }
}

/** The channel is gone, or may not be seen any more. */
const isRefusal = (error: unknown) => error instanceof DiscordAPIError && error.status < 500;

const READING = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.ReadMessageHistory];

const isOwn = ({ author, client }: Message): boolean => author.id === client.user.id;

/** Direct messages come to the first shard. */
const servesDirect = ({ ws }: Client): boolean => ws.shards.has(0);

/** The gateway keeps the server's channels up to date; direct messages it tells nothing of but new messages. */
async function fetchChannel(client: Client, id: string): Promise<Channel | null> {
  const cached = client.channels.cache.get(id);
  return cached && !cached.isDMBased() ? cached : client.channels.fetch(id, { force: true });
}

/** The messages after this one, oldest first. */
async function newer(channel: TextBasedChannel, after: string): Promise<Message[]> {
  const found: Message[] = [];
  let last = after;
  for (let page = 0; page < PAGES; page++) {
    const some = await channel.messages.fetch({ after: last, limit: PAGE, cache: false });
    const sorted = [...some.values()].sort((a, b) => (isLater(a.id, b.id) ? 1 : -1));
    found.push(...sorted);
    if (sorted.length < PAGE) break;
    last = sorted.at(-1)!.id;
  }
  return found;
}

/** The smallest id that a message of this time could have; ms since the epoch. */
const snowflake = (ms: number): string =>
  String(SnowflakeUtil.generate({ timestamp: ms, workerId: 0n, processId: 0n, increment: 0n }));

/** Ids grow with time. */
const isLater = (id: string, than: string): boolean => BigInt(id) > BigInt(than);
const later = (a: string, b: string): string => (isLater(a, b) ? a : b);
