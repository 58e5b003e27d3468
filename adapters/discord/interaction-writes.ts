import { Routes } from 'discord.js';
import { type Receipt, WriteError } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import type { CommandAddress } from './address.ts';
import { interactionBudget } from './budgets.ts';
import type { DiscordHttp } from './http.ts';
import { DiscordRefusal } from './http.ts';
import { write } from './write.ts';

/** The token is left for the bot's own this long before it ends, where the bot's own will do; ms. */
const SWITCH_EARLY = 60_000;

export const DEFERRED = '@original';

/** The interaction's token has ended or was refused. */
export class TokenEnded extends WriteError {
  constructor(cause?: unknown) {
    super('denied', 'Discord lets a command be answered for 15 minutes in a channel that the bot is not in', {
      cause,
    });
  }
}

/** The messages of one interaction, written with its token. The methods throw WriteError. */
export class InteractionWrites {
  readonly #http: DiscordHttp;
  readonly #clock: Clock;
  readonly #to: CommandAddress;
  #refused = false;

  constructor(http: DiscordHttp, clock: Clock, to: CommandAddress) {
    this.#http = http;
    this.#clock = clock;
    this.#to = to;
  }

  get live(): boolean {
    return !this.#refused && this.#left > (this.#to.reachable ? SWITCH_EARLY : 0);
  }

  /** True when little time is left and nothing can go on after it. */
  get ending(): boolean {
    return !this.#to.reachable && this.#left <= SWITCH_EARLY;
  }

  get #left(): number {
    return this.#to.tokenEndsAt - this.#clock.now();
  }

  /** `message` may be {@link DEFERRED}. */
  async edit(message: string, body: object, signal?: AbortSignal): Promise<Receipt> {
    const { application, token } = this.#to;
    return this.#write('PATCH', Routes.webhookMessage(application, token, message), body, signal);
  }

  async create(body: object, signal?: AbortSignal): Promise<Receipt> {
    const { application, token } = this.#to;
    return this.#write('POST', `${Routes.webhook(application, token)}?wait=true`, body, signal);
  }

  async #write(
    method: 'PATCH' | 'POST',
    route: `/${string}`,
    body: object,
    signal?: AbortSignal,
  ): Promise<Receipt> {
    if (!this.live) throw new TokenEnded();
    const call = { method, route, body, auth: false, signal };
    try {
      return await write(this.#http, interactionBudget(this.#to.interaction), call);
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      this.#refused = true;
      throw new TokenEnded(error);
    }
  }
}

/** Some tokens are refused before their time, with 404 and no or another code (discord-api-docs #6851). */
function isTokenRefused(error: unknown): boolean {
  const refusal = error instanceof WriteError && error.fault !== 'gone' ? error.cause : undefined;
  return refusal instanceof DiscordRefusal && (refusal.status === 401 || refusal.status === 404);
}
