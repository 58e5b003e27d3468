import { Routes } from 'discord.js';
import type { Logger } from 'pino';
import type { Spare } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { globalBudget, TYPING_BUDGET, typingBudget } from './budgets.ts';
import { toWriteError } from './faults.ts';
import type { DiscordHttp } from './http.ts';

/** Discord shows "is typing…" for 10 seconds; ms. */
const REFRESH = 8_000;
/** Where there was no room for it; ms. */
const AGAIN = 2_000;

/** Shows the bot as typing: once for each channel, however many replies hold it there. */
export class Typing {
  readonly #http: DiscordHttp;
  readonly #spare: Spare;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #channels = new Map<string, { holders: number; cancel: () => void }>();

  constructor(http: DiscordHttp, { spare, clock, log }: { spare: Spare; clock: Clock; log: Logger }) {
    this.#http = http;
    this.#spare = spare;
    this.#clock = clock;
    this.#log = log;
  }

  /** Keeps the indicator up until the returned function is called. */
  hold(channel: string): () => void {
    const held = this.#channels.get(channel);
    if (held) held.holders += 1;
    else {
      this.#channels.set(channel, { holders: 1, cancel: () => {} });
      this.#show(channel);
    }
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release(channel);
    };
  }

  close(): void {
    for (const { cancel } of this.#channels.values()) cancel();
    this.#channels.clear();
  }

  #release(channel: string): void {
    const held = this.#channels.get(channel);
    if (!held) return;
    held.holders -= 1;
    if (held.holders > 0) return;
    held.cancel();
    this.#channels.delete(channel);
  }

  #show(channel: string): void {
    const held = this.#channels.get(channel);
    if (!held) return;
    const showIn = (ms: number) => {
      held.cancel();
      if (this.#channels.get(channel) === held)
        held.cancel = this.#clock.after(ms, () => this.#show(channel));
    };
    showIn(REFRESH);
    this.#call(channel).then(
      (shown) => shown || showIn(AGAIN),
      (error) => this.#log.debug({ channel, err: error }, 'cannot show typing'),
    );
  }

  /** Undefined when there was no room for it. */
  #call(channel: string): Promise<true | undefined> {
    return this.#spare.spare([typingBudget, globalBudget], async () => {
      await this.#http.call({ method: 'POST', route: Routes.channelTyping(channel) }).catch((error) => {
        throw toWriteError(error, TYPING_BUDGET);
      });
      return true as const;
    });
  }
}
