import {
  type Budget,
  type Page,
  type Receipt,
  type ReplySurface,
  WriteError,
  type WriteOp,
  type WriteOptions,
} from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import type { ReplyAddress } from './address.ts';
import { channelBudget, globalBudget, interactionBudget } from './budgets.ts';
import { ChannelWrites } from './channel-writes.ts';
import { Code, isRefusal } from './faults.ts';
import type { DiscordHttp } from './http.ts';
import { DEFERRED, InteractionWrites, TokenEnded } from './interaction-writes.ts';
import { announcementBody, pageBody } from './payload.ts';
import type { Typing } from './typing.ts';
import type { Shown } from './write.ts';

const TIME_IS_UP =
  'Discord lets me write here for 15 minutes only, because I am not a member or may not send messages.';

/**
 * The reply to one question. What a message asked is answered by replies to it. What a command asked is
 * answered through its interaction, where the first page takes the place of "thinking…"; the bot's own
 * token writes further pages, and goes on with the first when the interaction's token ends.
 */
export class DiscordReply implements ReplySurface {
  readonly dialect = 'discord';
  readonly #to: ReplyAddress;
  readonly #typing: Typing;
  readonly #channel: ChannelWrites;
  /** Null when a message asked. */
  readonly #interaction: InteractionWrites | null;
  /** The message that was deferred, once its id is known. */
  #deferred: string | null;
  /** True until the deferred message shows its first page. A Retry never takes its place. */
  #awaitsFirstPage: boolean;
  #stopTyping: (() => void) | null = null;
  readonly #budgets: Readonly<Record<WriteOp | 'byToken', readonly Budget[]>>;

  constructor(
    to: ReplyAddress,
    attempt: number,
    { http, typing, clock }: { http: DiscordHttp; typing: Typing; clock: Clock },
  ) {
    this.#to = to;
    this.#typing = typing;
    this.#channel = new ChannelWrites(http, to.channel);
    this.#interaction = to.by === 'command' ? new InteractionWrites(http, clock, to) : null;
    this.#deferred = to.by === 'command' ? to.deferred : null;
    this.#awaitsFirstPage = to.by === 'command' && attempt === 0;
    this.#budgets = {
      post: [channelBudget(to.channel, 'post'), globalBudget],
      edit: [channelBudget(to.channel, 'edit'), globalBudget],
      byToken: to.by === 'command' ? [interactionBudget(to.interaction)] : [],
    };
  }

  budgets(op: WriteOp, message?: string): readonly Budget[] {
    const target = message ?? (this.#awaitsFirstPage ? (this.#deferred ?? DEFERRED) : null);
    if (this.#isByToken(target)) return this.#budgets.byToken;
    return target === null ? this.#budgets[op] : this.#budgets.edit;
  }

  async post(page: Page, options: WriteOptions): Promise<Receipt> {
    const filled = this.#awaitsFirstPage ? await this.#fillDeferred(page, options) : null;
    return filled ?? this.#create(this.#body(page, options, null), options.key, options.signal);
  }

  async edit(message: string, page: Page, options: WriteOptions): Promise<Receipt> {
    this.#awaitsFirstPage = false;
    return this.#edit(message, page, options);
  }

  activity(status: string | null): void {
    // A deferred command shows "thinking…" by itself.
    if (this.#interaction) return;
    if (status !== null) this.#stopTyping ??= this.#typing.hold(this.#to.channel);
    else {
      this.#stopTyping?.();
      this.#stopTyping = null;
    }
  }

  async announce(text: string): Promise<void> {
    await this.#create(announcementBody(text, this.#to.author), `${this.#asking}:${text}`);
  }

  /** What asked: a message, or an interaction. */
  get #asking(): string {
    return this.#to.by === 'message' ? this.#to.message : this.#to.interaction;
  }

  /** Null when the deferred message can no longer be had, so that the page goes out as a new one. */
  async #fillDeferred(page: Page, options: WriteOptions): Promise<Receipt | null> {
    try {
      const receipt = await this.#edit(this.#deferred ?? DEFERRED, page, options);
      this.#deferred = receipt.message;
      this.#awaitsFirstPage = false;
      return receipt;
    } catch (error) {
      // Never filled, it may have ended with its token; while the token lives, a person deleted it.
      const ended = !this.#interaction?.live && error instanceof WriteError && error.fault === 'gone';
      if (!ended) throw error;
      this.#awaitsFirstPage = false;
      return null;
    }
  }

  async #edit(message: string, page: Page, options: WriteOptions): Promise<Receipt> {
    const isDeferred = message === DEFERRED || message === this.#deferred;
    const asked = isDeferred && this.#to.by === 'command' ? this.#to.asked : null;
    const body = this.#body(page, options, asked);
    if (this.#interaction && this.#isByToken(message)) {
      try {
        return await this.#interaction.edit(isDeferred ? DEFERRED : message, body, options.signal);
      } catch (error) {
        // The bot's own token can also reopen a thread that was archived meanwhile.
        if (!(error instanceof TokenEnded) && !isRefusal(error, Code.threadArchived)) throw error;
      }
    }
    if (!this.#isReachable) throw new TokenEnded();
    if (message === DEFERRED) throw new WriteError('gone', 'the deferred reply ended with its token');
    return this.#channel.edit(message, body, options.signal);
  }

  async #create(body: Shown, key: string, signal?: AbortSignal): Promise<Receipt> {
    if (this.#interaction && !this.#isReachable) return this.#interaction.create(body, signal);
    return this.#channel.create(
      body,
      this.#to.by === 'message' ? this.#to.message : this.#deferred,
      key,
      signal,
    );
  }

  get #isReachable(): boolean {
    return this.#to.by === 'message' || this.#to.reachable;
  }

  /** Whether the interaction's token writes this message, or a new one for null. */
  #isByToken(message: string | null): boolean {
    if (!this.#interaction?.live) return false;
    return !this.#isReachable || message === DEFERRED || (message !== null && message === this.#deferred);
  }

  #body(page: Page, { turn, final }: WriteOptions, asked: string | null) {
    const footer = this.#interaction?.ending && !final ? TIME_IS_UP : page.footer;
    return pageBody({ ...page, ...(footer !== undefined && { footer }) }, turn, asked);
  }
}
