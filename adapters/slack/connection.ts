import { SocketModeReceiver } from '@slack/bolt';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import { codeOf } from './faults.ts';
import type { Intake } from './intake.ts';
import { slackLogger } from './log.ts';
import { socketRefusal } from './tokens.ts';

/** From opening the socket to Slack's hello; ms. */
const HELLO_WITHIN = 30_000;
/** A connection that stood this long was a good one; ms. */
const GOOD = 10_000;
const LONGEST_PAUSE = 30_000;
/** What is asked without a connection Slack brings again after a minute, then only after five; ms. */
const GAP = 60_000;

/**
 * Keeps one Socket Mode connection up. The client's own way of reconnecting is off: in socket-mode 3.1.0
 * it waits 5 s at each of Slack's routine disconnects, when an event missed meanwhile comes again after a
 * minute only; and a refused token or an unreachable Slack is then an unhandled rejection, which ends the
 * process.
 */
export class Connection implements Intake {
  readonly receiver: SocketModeReceiver;
  readonly #onGap: () => void;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #opened = false;
  #connected = false;
  /** When it came to stand, or broke, last. */
  #since = 0;
  /** Attempts that failed and connections that soon broke, one after the other. */
  #failures = 0;
  #reconnecting = false;

  /** `onGap` is called when a connection stands again after so long that questions may have been missed. */
  constructor(options: {
    appToken: string;
    apiUrl: string | undefined;
    onGap: () => void;
    clock: Clock;
    log: Logger;
  }) {
    this.#onGap = options.onGap;
    this.#clock = options.clock;
    this.#log = options.log;
    this.receiver = new SocketModeReceiver({
      appToken: options.appToken,
      autoReconnectEnabled: false,
      logger: slackLogger(options.log),
      // What went wrong is in the log already. An event that is not acknowledged comes again.
      processEventErrorHandler: async () => false,
      installerOptions: {
        clientOptions: {
          ...(options.apiUrl === undefined ? {} : { slackApiUrl: options.apiUrl }),
          retryConfig: { retries: 2, minTimeout: 500 },
          rejectRateLimitedCalls: true,
          timeout: 10_000,
        },
      },
    });
    const { client } = this.receiver;
    client.on('connected', () => this.#up());
    client.on('disconnected', () => this.#down());
    surviveOddPayloads(client, options.log);
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Connects and stays connected. @throws OperatorError when the first attempt fails */
  async open(): Promise<void> {
    await this.#connect().catch((error) => {
      throw socketRefusal(error);
    });
    this.#opened = true;
    if (!this.#connected) void this.#reconnect();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.receiver.client.disconnect();
  }

  async #connect(): Promise<void> {
    const { client } = this.receiver;
    const cancel = this.#clock.after(HELLO_WITHIN, () => void client.disconnect());
    try {
      await client.start();
    } catch (error) {
      throw error ?? new Error('the socket closed before Slack said hello');
    } finally {
      cancel();
    }
  }

  #up(): void {
    // Closed while the socket was being opened, which the client does not notice.
    if (this.#closing.signal.aborted) return void this.receiver.client.disconnect();
    const now = this.#clock.monotonic();
    const gap = now - this.#since;
    this.#connected = true;
    this.#since = now;
    if (this.#opened && gap > GAP) this.#onGap();
  }

  #down(): void {
    if (this.#connected) {
      const now = this.#clock.monotonic();
      this.#failures = now - this.#since < GOOD ? this.#failures + 1 : 0;
      this.#since = now;
    }
    this.#connected = false;
    if (this.#opened) void this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing;
    if (this.#reconnecting) return;
    this.#reconnecting = true;
    while (!this.#connected && !signal.aborted) {
      try {
        await sleep(this.#clock, pauseAfter(this.#failures), signal);
        await this.#connect();
        this.#log.info('connected again');
      } catch (error) {
        if (signal.aborted) break;
        this.#failures += 1;
        this.#log.warn({ code: codeOf(error), failures: this.#failures }, 'cannot connect');
      }
    }
    this.#reconnecting = false;
  }
}

/** None after a good connection, then ever longer, and not the same for everybody. */
function pauseAfter(failures: number): number {
  return Math.min(LONGEST_PAUSE, 500 * (2 ** failures - 1)) * (0.75 + Math.random() / 4);
}

/**
 * An events_api payload without an inner event, such as app_rate_limited, makes socket-mode 3.1.0 throw in
 * an async listener: an unhandled rejection. Fixed upstream in 3.1.1; until then it is caught here.
 */
function surviveOddPayloads(client: SocketModeReceiver['client'], log: Logger): void {
  const [onMessage] = client.listeners('ws_message');
  client.removeAllListeners('ws_message');
  client.on('ws_message', (...args: unknown[]) => {
    Promise.resolve(onMessage?.(...args)).catch((error) => {
      log.warn({ err: error }, 'Slack sent a payload that its client cannot read; app_rate_limited, maybe');
    });
  });
}
