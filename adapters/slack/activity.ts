import { WebAPIPlatformError } from '@slack/web-api';
import { sleep } from '../../src/clock.ts';
import type { SlackAddress } from './address.ts';
import { codeOf } from './faults.ts';
import { lacking, type Workspace } from './workspace.ts';

/** The sign on the question: a reaction works in every kind of conversation, a status may not. */
const SIGN = 'eyes';
/** Slack drops a status after 2 minutes; ms. */
const REFRESH = 90_000;
/** A status stands at least this long, so that it can be read; ms. */
const SHORTEST = 2_000;
/** https://docs.slack.dev/reference/methods/assistant.threads.setStatus */
const MAX_LOADING_MESSAGE = 50;

/**
 * Shows that we are at work without a message: a reaction on the question and a status in the thread.
 * Best effort: it never throws and holds nothing up.
 */
export class Activity {
  readonly #workspace: Workspace;
  readonly #address: SlackAddress;
  #wanted: string | null | undefined;
  #working = false;
  #ended = false;
  #cancelRefresh = () => {};
  /** Undefined at first: an earlier process may have left a sign. */
  #signed: boolean | undefined;
  #statusHere = true;

  constructor(workspace: Workspace, address: SlackAddress) {
    this.#workspace = workspace;
    this.#address = address;
  }

  /** Keeps the status up until told `null`. Returns at once. */
  show(status: string | null): void {
    if (status === this.#wanted) return;
    this.#wanted = status;
    if (status === null) this.#workspace.activities.delete(this);
    else this.#workspace.activities.add(this);
    if (!this.#working) void this.#work();
  }

  /** Calls Slack no more; a status then goes by itself. */
  end(): void {
    this.#ended = true;
    this.#cancelRefresh();
  }

  async #work(): Promise<void> {
    const { clock } = this.#workspace;
    this.#working = true;
    this.#cancelRefresh();
    let shown: string | null | undefined;
    while (shown !== this.#wanted && !this.#ended) {
      shown = this.#wanted;
      await Promise.all([this.#sign(shown !== null), this.#setStatus(shown ?? '')]);
      if (typeof this.#wanted === 'string' && shown !== this.#wanted) await sleep(clock, SHORTEST);
    }
    this.#working = false;
    if (typeof shown === 'string' && !this.#ended) {
      this.#cancelRefresh = clock.after(REFRESH, () => void this.#work());
    }
  }

  async #sign(on: boolean): Promise<void> {
    const { client, clock, features, throttles } = this.#workspace;
    if (this.#signed === on || !features.reactions) return;
    if (on && !throttles.addReaction.take()) return;
    while (!on && !throttles.removeReaction.take()) await sleep(clock, SHORTEST);
    this.#signed = on;
    const sign = { channel: this.#address.channel, timestamp: this.#address.ts, name: SIGN };
    try {
      await (on ? client.reactions.add(sign) : client.reactions.remove(sign));
    } catch (error) {
      // already_reacted, no_reaction, message_not_found: as it should be
      if (lacking.has(codeOf(error))) features.reactions = false;
    }
  }

  async #setStatus(status: string): Promise<void> {
    const { client, features, throttles, log } = this.#workspace;
    if (!features.status || !this.#statusHere || !throttles.status.take()) return;
    const { channel, thread } = this.#address;
    try {
      await client.assistant.threads.setStatus({
        channel_id: channel,
        thread_ts: thread,
        status,
        // Without these Slack shows phrases of its own in place of ours.
        ...(status === '' ? {} : { loading_messages: [status.slice(0, MAX_LOADING_MESSAGE)] }),
      });
    } catch (error) {
      if (!(error instanceof WebAPIPlatformError)) return;
      const code = codeOf(error);
      this.#statusHere = false;
      if (lacking.has(code)) features.status = false;
      log.debug({ channel, code }, 'no status in this thread');
    }
  }
}
