import { WebAPIPlatformError, WebAPIRateLimitedError } from '@slack/web-api';
import type { Budget, Page, WriteOptions } from '../../src/bot/ports.ts';
import type { Activity } from './activity.ts';
import type { SlackAddress } from './address.ts';
import { controlsOf } from './blocks.ts';
import { codeOf, toWriteError } from './faults.ts';
import { limits } from './limits.ts';
import { metadataOf } from './metadata.ts';
import type { Workspace } from './workspace.ts';

/** Slack ends a stream after about 5 minutes, as users report; ms. */
const LONGEST = 4 * 60_000;

/**
 * One of Slack's own streams: a message that only grows, by appending. It is used in DMs alone, since in a
 * channel nobody but the recipient sees it move. Whatever it cannot show ends it, and the message goes on
 * by chat.update.
 */
export class NativeStream {
  readonly ts: string;
  readonly #workspace: Workspace;
  readonly #address: SlackAddress;
  readonly #startedAt: number;
  readonly #activity: Activity;
  #sent: string;
  #stopLimited = false;
  #left = false;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    workspace: Workspace,
    address: SlackAddress,
    activity: Activity,
    ts: string,
    sent: string,
  ) {
    this.ts = ts;
    this.#workspace = workspace;
    this.#address = address;
    this.#sent = sent;
    this.#startedAt = workspace.clock.monotonic();
    this.#activity = activity;
    activity.streams(true);
  }

  /** Throws what the Web API client throws. */
  static async start(
    workspace: Workspace,
    address: SlackAddress,
    activity: Activity,
    text: string,
  ): Promise<NativeStream> {
    const { channel, thread } = address;
    const { ts } = await workspace.client.chat.startStream({
      channel,
      thread_ts: thread,
      markdown_text: text,
    });
    return new NativeStream(workspace, address, activity, ts!, text);
  }

  get budgets(): readonly Budget[] {
    const { team } = this.#address;
    if (this.#left) return [limits.update(team)];
    // Stops are as rare as starts, which are paced; only one that was refused waits for its own budget.
    return [limits.appendStream(team), ...(this.#stopLimited ? [limits.stopStream(team)] : [])];
  }

  /**
   * Makes the stream show the page. False when it could not and is over: the page is then for chat.update.
   * One call at a time, in order: two at once would send text twice. Throws WriteError.
   */
  write(page: Page, options: WriteOptions): Promise<boolean> {
    const written = this.#last.then(() => this.#write(page, options));
    this.#last = written.catch(() => {});
    return written;
  }

  async #write(page: Page, options: WriteOptions): Promise<boolean> {
    const wanted = options.final && page.text.startsWith(this.#sent) ? page.text : page.source;
    const tooOld = this.#workspace.clock.monotonic() - this.#startedAt > LONGEST;
    if (this.#left || tooOld || !wanted.startsWith(this.#sent)) return this.#leave();
    const rest = wanted.slice(this.#sent.length);
    try {
      if (options.final) await this.#stop(rest, page, options);
      else if (rest !== '') await this.#append(rest);
    } catch (error) {
      if (error instanceof WebAPIRateLimitedError) {
        this.#stopLimited = options.final;
        const { team } = this.#address;
        throw toWriteError(error, [options.final ? limits.stopStream(team) : limits.appendStream(team)]);
      }
      // At its end there is nothing left to stop, unless it were the next answer.
      if (codeOf(error) === 'stopped_by_user' && !options.final) this.#workspace.stopped(this.#address);
      return this.#leave();
    }
    this.#sent = wanted;
    if (options.final) this.#activity.streams(false);
    return true;
  }

  async #append(text: string): Promise<void> {
    const { channel } = this.#address;
    await this.#workspace.client.chat.appendStream({ channel, ts: this.ts, markdown_text: text });
  }

  async #stop(rest: string, page: Page, options: WriteOptions): Promise<void> {
    const blocks = controlsOf(page, options.turn);
    await this.#workspace.client.chat.stopStream({
      channel: this.#address.channel,
      ts: this.ts,
      metadata: metadataOf(options.key),
      ...(rest === '' ? {} : { markdown_text: rest }),
      ...(blocks.length === 0 ? {} : { blocks }),
    });
  }

  /** After this the message may be written by chat.update. */
  async #leave(): Promise<false> {
    if (!this.#left) this.#activity.streams(false);
    this.#left = true;
    await endStream(this.#workspace, this.#address, this.ts);
    return false;
  }
}

/** Ends a stream if it is still open; a refusal means that it is not. Throws WriteError if Slack cannot be asked. */
export async function endStream({ client }: Workspace, address: SlackAddress, ts: string): Promise<void> {
  try {
    await client.chat.stopStream({ channel: address.channel, ts });
  } catch (error) {
    if (!(error instanceof WebAPIPlatformError)) throw toWriteError(error, [limits.stopStream(address.team)]);
  }
}
