import type { Logger } from 'pino';
import type { Bot, ChatPlatform } from './bot/ports.ts';
import { type Clock, sleep } from './clock.ts';
import { OperatorError, Unreachable } from './errors.ts';

/** Until a platform that could not be reached is tried again: doubled each time, from and to; ms. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 60_000;

export interface ConnectorParts {
  readonly platforms: readonly ChatPlatform[];
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Connects the chat platforms, each by itself. One that cannot be reached is tried again until it is, while the
 * others are at work; what only the operator can mend is said once.
 */
export class Connector {
  readonly #parts: ConnectorParts;
  readonly #stopped = new AbortController();
  /** Resolved when the first one is. */
  readonly #connected = Promise.withResolvers<null>();
  #tried: Promise<unknown> = Promise.resolve();

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when the first platform is connected.
   * @throws OperatorError that says what each lacks, when none could be
   */
  async start(bot: Bot): Promise<void> {
    const attempts = Promise.all(this.#parts.platforms.map((platform) => this.#first(platform, bot)));
    this.#tried = attempts;
    const faults = await Promise.race([this.#connected.promise, attempts]);
    if (!faults) return;
    this.stop();
    const words = faults.map((fault) => {
      if (!(fault instanceof OperatorError)) throw fault;
      return fault.message;
    });
    throw new OperatorError(`Pilotlight cannot start.\n${words.join('\n')}`);
  }

  /** Resolves when each platform was tried once, or after `ms`: one that does not answer takes its time. */
  async tried(ms: number): Promise<void> {
    const done = new AbortController();
    const late = sleep(this.#parts.clock, ms, done.signal).catch(() => {});
    await Promise.race([this.#tried, late]);
    done.abort();
  }

  /** Tries no more. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves to why it could not be connected, if so. */
  async #first(platform: ChatPlatform, bot: Bot): Promise<unknown> {
    try {
      await this.#try(platform, bot);
      return undefined;
    } catch (error) {
      if (this.#report(platform, error, FIRST_PAUSE)) void this.#goOn(platform, bot);
      return error;
    }
  }

  async #goOn(platform: ChatPlatform, bot: Bot): Promise<void> {
    const { signal } = this.#stopped;
    for (let pause = FIRST_PAUSE; !signal.aborted; ) {
      try {
        await sleep(this.#parts.clock, pause * (0.75 + Math.random() / 4), signal);
        return await this.#try(platform, bot);
      } catch (error) {
        pause = Math.min(2 * pause, LAST_PAUSE);
        if (signal.aborted || !this.#report(platform, error, pause)) return;
      }
    }
  }

  async #try(platform: ChatPlatform, bot: Bot): Promise<void> {
    await platform.start(bot);
    this.#parts.log.info({ platform: platform.platform }, 'connected');
    this.#connected.resolve(null);
  }

  /** Says what is wrong. True when it may pass. */
  #report({ platform }: ChatPlatform, error: unknown, pause: number): boolean {
    const { log } = this.#parts;
    if (error instanceof OperatorError && !(error instanceof Unreachable)) {
      log.error({ platform }, error.message);
      return false;
    }
    const retry = { platform, retryInMs: pause };
    if (error instanceof Unreachable) log.error(retry, error.message);
    else log.error({ ...retry, err: error }, 'a chat platform could not be connected');
    return true;
  }
}
