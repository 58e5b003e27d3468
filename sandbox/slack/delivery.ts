/** Brings events, clicks and commands to the app, and brings events again when they are not acknowledged. */
import { setMaxListeners } from 'node:events';
import { type Clock, sleep } from '../../src/clock.ts';

export interface Envelope {
  readonly type: 'events_api' | 'slash_commands' | 'interactive';
  readonly payload: Readonly<Record<string, unknown>>;
  readonly acceptsResponsePayload: boolean;
  readonly retryAttempt: number;
  readonly retryReason: string;
}

/** Resolves to what the app answered; rejects when it cannot be reached, with the reason as message. */
export type Transport = (envelope: Envelope) => Promise<unknown>;

export interface DeliveryTimes {
  /** How long the app has to acknowledge; Slack: 3 s. */
  readonly ackMs: number;
  /** When events are brought again; Slack: nearly at once, after 1 min, after 5 min. */
  readonly retryDelaysMs: readonly number[];
}

export const slackDeliveryTimes: DeliveryTimes = { ackMs: 3000, retryDelaysMs: [0, 60_000, 300_000] };

export class Deliveries {
  /** Events that were never acknowledged, after all retries. */
  readonly lost: Readonly<Record<string, unknown>>[] = [];
  readonly #clock: Clock;
  readonly #times: DeliveryTimes;
  readonly #transport: Transport;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(options: { clock: Clock; times: DeliveryTimes; transport: Transport }) {
    this.#clock = options.clock;
    this.#times = options.times;
    this.#transport = options.transport;
    // As many wait as there are events on their way.
    setMaxListeners(0, this.#closed.signal);
  }

  /** Brings an event; `again` also after it was acknowledged, as Slack does when the ack got lost. */
  event(payload: Readonly<Record<string, unknown>>, again = false): void {
    const run = this.#bring(payload, again).catch(() => undefined);
    this.#running.add(run);
    run.finally(() => this.#running.delete(run));
  }

  /** Brings a click or a command, once. Resolves to the answer; rejects when none came in time. */
  async once(
    type: 'slash_commands' | 'interactive',
    payload: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    return this.#attempt({ type, payload, acceptsResponsePayload: true, retryAttempt: 0, retryReason: '' });
  }

  /** Resolves when every event so far was acknowledged or given up. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  close(): void {
    this.#closed.abort(new Error('closed'));
  }

  async #bring(payload: Readonly<Record<string, unknown>>, again: boolean): Promise<void> {
    let retryReason = '';
    let acknowledged = false;
    for (let retryAttempt = 0; retryAttempt <= this.#times.retryDelaysMs.length; retryAttempt += 1) {
      if (retryAttempt > 0) {
        await sleep(this.#clock, this.#times.retryDelaysMs[retryAttempt - 1]!, this.#closed.signal);
      }
      try {
        const envelope = { payload, acceptsResponsePayload: false, retryAttempt, retryReason };
        await this.#attempt({ type: 'events_api', ...envelope });
        acknowledged = true;
        if (!again || retryAttempt > 0) return;
        retryReason = 'timeout';
      } catch (error) {
        this.#closed.signal.throwIfAborted();
        retryReason = (error as Error).message;
      }
    }
    if (!acknowledged) this.lost.push(payload);
  }

  #attempt(envelope: Envelope): Promise<unknown> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#closed.signal]);
    const deadline = sleep(this.#clock, this.#times.ackMs, signal).then(() => {
      throw new Error('timeout');
    });
    return Promise.race([this.#transport(envelope), deadline]).finally(() => over.abort());
  }
}
