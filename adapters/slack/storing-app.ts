import { App, type AppOptions, type ReceiverEvent } from '@slack/bolt';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import { isNotInstalled } from './many-workspaces.ts';
import { withoutNulls } from './nulls.ts';

/** Bolt does not export its name. */
type ExtendedErrorHandler = Parameters<App['error']>[0];

/** After that Slack takes an event for lost and brings it again; ms. */
const ACK_WITHIN = 3_000;

/**
 * Bolt's App, except that an event is acknowledged when its listeners have done their work, which is to
 * store what was asked. When they fail it is not acknowledged at all, and Slack brings it again, to this
 * process or another. Bolt itself can do so over HTTP only (processBeforeResponse), and then for buttons and
 * commands too, which Slack wants acknowledged before there is an answer.
 */
export class StoringApp extends App {
  readonly #clock: Clock;
  readonly #inHand = new Set<Promise<unknown>>();
  #finished: Promise<void> | undefined;

  constructor(options: AppOptions, { clock, log }: { clock: Clock; log: Logger }) {
    super({ ...options, extendedErrorHandler: true });
    this.#clock = clock;
    const handler: ExtendedErrorHandler = async ({ error, body, context }) => {
      // It came after an uninstall, and is acknowledged, so that it does not come again.
      if (isNotInstalled(error)) return;
      const { type, channel, ts } = 'event' in body ? (body.event as Record<string, unknown>) : {};
      log.error(
        { team: context.teamId, event: type, channel, message: ts, retry: context.retryNum, err: error },
        'what Slack brought could not be handled',
      );
      throw error;
    };
    this.error(handler);
  }

  override async processEvent(event: ReceiverEvent): Promise<void> {
    if (this.#finished) throw new Error('stopped: this is for another process, or for later');
    const { type } = event.body;
    // Tells that events were left out, and holds none.
    if (type === 'app_rate_limited') {
      this.logger.warn('Slack leaves events out, for there are too many: app_rate_limited');
      return event.ack();
    }
    if (type !== 'event_callback') return super.processEvent(event);
    const body = { ...event.body, event: event.body.event && withoutNulls(event.body.event) };
    const processed = super.processEvent({ ...event, body, ack: async () => {} }).then(() => event.ack());
    this.#inHand.add(processed);
    await processed.finally(() => this.#inHand.delete(processed));
  }

  /** Takes nothing more; resolves when what was taken is acknowledged, or will be brought again. */
  finish(): Promise<void> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  async #finish(): Promise<void> {
    const done = Promise.allSettled(this.#inHand);
    if (this.#inHand.size > 0) await Promise.race([done, sleep(this.#clock, ACK_WITHIN)]);
  }
}
