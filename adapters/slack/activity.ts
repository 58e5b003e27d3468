import { WebAPIPlatformError } from '@slack/web-api';
import type { SlackAddress } from './address.ts';
import { codeOf } from './faults.ts';
import { Follower } from './follower.ts';
import { lacking, type Workspace } from './workspace.ts';

/** The sign on the question: a reaction works in every kind of conversation, a status may not. */
const SIGN = 'eyes';
/** Slack drops a status after 2 minutes; ms. */
const REFRESH = 90_000;
/** https://docs.slack.dev/reference/methods/assistant.threads.setStatus */
const MAX_LOADING_MESSAGE = 50;

/**
 * Shows that we are at work without a message: a reaction on the question and a status in the thread.
 * Best effort: it never throws and holds nothing up.
 */
export class Activity {
  readonly #workspace: Workspace;
  readonly #address: SlackAddress;
  readonly #sign: Follower<boolean>;
  readonly #status: Follower<string>;
  #statusHere = true;
  #cancelRefresh = () => {};

  /** `begun`: an earlier process may have left something. */
  constructor(workspace: Workspace, address: SlackAddress, begun: boolean) {
    const { clock, throttles } = workspace;
    this.#workspace = workspace;
    this.#address = address;
    this.#sign = new Follower<boolean>({
      clock,
      throttle: (on) => (on ? throttles.addReaction : throttles.removeReaction),
      wanted: false,
      shown: begun ? undefined : false,
      apply: (on) => this.#react(on),
      settled: () => this.#settled(),
    });
    this.#status = new Follower<string>({
      clock,
      throttle: () => throttles.status,
      wanted: '',
      shown: begun ? undefined : '',
      apply: (status) => this.#setStatus(status),
      settled: () => this.#settled(),
    });
  }

  /** Keeps the status up until told `null`. Returns at once. */
  show(status: string | null): void {
    this.#workspace.activities.add(this);
    this.#sign.set(status !== null);
    this.#status.set(status ?? '');
    this.#cancelRefresh();
    if (status !== null) this.#refreshLater();
  }

  /** Calls Slack no more; a status then goes by itself. */
  end(): void {
    this.#cancelRefresh();
    this.#sign.end();
    this.#status.end();
  }

  /** Takes all away that can be taken away now, and calls Slack no more. Resolves when that is done. */
  async finish(): Promise<void> {
    this.#cancelRefresh();
    await Promise.all([this.#sign.finish(false), this.#status.finish('')]);
  }

  /** Forgets itself once nothing stands any more. */
  #settled(): void {
    if (this.#sign.rests(false) && this.#status.rests('')) this.#workspace.activities.delete(this);
  }

  #refreshLater(): void {
    this.#cancelRefresh = this.#workspace.clock.after(REFRESH, () => {
      this.#status.refresh();
      this.#refreshLater();
    });
  }

  async #react(on: boolean): Promise<boolean> {
    const { client, features } = this.#workspace;
    if (!features.reactions) return true;
    const sign = { channel: this.#address.channel, timestamp: this.#address.ts, name: SIGN };
    try {
      await (on ? client.reactions.add(sign) : client.reactions.remove(sign));
    } catch (error) {
      if (!(error instanceof WebAPIPlatformError)) return false;
      // already_reacted, no_reaction, message_not_found: as it should be
      if (lacking.has(codeOf(error))) features.reactions = false;
    }
    return true;
  }

  async #setStatus(status: string): Promise<boolean> {
    const { client, features, log } = this.#workspace;
    if (!features.status || !this.#statusHere) return true;
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
      if (!(error instanceof WebAPIPlatformError)) return false;
      const code = codeOf(error);
      this.#statusHere = false;
      if (lacking.has(code)) features.status = false;
      log.debug({ channel, code }, 'no status in this thread');
    }
    return true;
  }
}
