import { Routes } from 'discord.js';
import type { Receipt } from '../../src/bot/ports.ts';
import { channelBudget } from './budgets.ts';
import { Code, isRefusal } from './faults.ts';
import type { DiscordHttp } from './http.ts';
import { onceFor, replyingTo } from './payload.ts';
import { type Shown, type Written, write } from './write.ts';

/** Messages in one channel, written with the bot's own token. The methods throw WriteError. */
export class ChannelWrites {
  readonly #http: DiscordHttp;
  readonly #channel: string;

  constructor(http: DiscordHttp, channel: string) {
    this.#http = http;
    this.#channel = channel;
  }

  /** Posts a message that answers another; the same key within a few minutes gives the same message. */
  async create(body: Shown, answers: string | null, key: string, signal?: AbortSignal): Promise<Receipt> {
    const written = await this.#post(body, answers, key, signal);
    // A message that was posted with this key before still shows what it showed then.
    return isSame(written.shown, body) ? written : this.edit(written.message, body, signal);
  }

  async #post(body: Shown, answers: string | null, key: string, signal?: AbortSignal): Promise<Written> {
    const post = (reference: object) =>
      write(this.#http, channelBudget(this.#channel, 'post'), {
        method: 'POST',
        route: Routes.channelMessages(this.#channel),
        body: { ...body, ...reference, ...onceFor(key) },
        signal,
      });
    try {
      return await post(replyingTo(answers));
    } catch (error) {
      // A server may let the bot write where it may not read what was written before.
      if (!isRefusal(error, Code.cannotReplyUnread)) throw error;
      return post({});
    }
  }

  async edit(message: string, body: object, signal?: AbortSignal): Promise<Receipt> {
    const patch = (route: `/${string}`, change: object) =>
      write(this.#http, channelBudget(this.#channel, 'edit'), {
        method: 'PATCH',
        route,
        body: change,
        signal,
      });
    const route = Routes.channelMessage(this.#channel, message);
    try {
      return await patch(route, body);
    } catch (error) {
      if (!isRefusal(error, Code.threadArchived)) throw error;
      // A new message reopens a thread by itself; an edit does not.
      await patch(Routes.channel(this.#channel), { archived: false });
      return patch(route, body);
    }
  }
}

/** Discord trims the text, and adds to buttons what we do not say of them. */
function isSame(shown: Shown, wanted: Shown): boolean {
  const buttons = ({ components = [] }: Shown) => components.flatMap((row) => row.components ?? []).length;
  return shown.content?.trim() === wanted.content?.trim() && buttons(shown) === buttons(wanted);
}
