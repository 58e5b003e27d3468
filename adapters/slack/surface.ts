import { WebAPIPlatformError } from '@slack/web-api';
import {
  type Begun,
  type Budget,
  type Page,
  type Receipt,
  type ReplySurface,
  WriteError,
  type WriteOp,
  type WriteOptions,
} from '../../src/bot/ports.ts';
import { Activity } from './activity.ts';
import { askedAt, type SlackAddress } from './address.ts';
import { type Form, messageOf } from './blocks.ts';
import { codeOf, toWriteError } from './faults.ts';
import { findReply } from './find.ts';
import { limits } from './limits.ts';
import { metadataOf, notice } from './metadata.ts';
import { endStream, NativeStream } from './stream.ts';
import { hasTables } from './tables.ts';
import { escapeText } from './text.ts';
import { lacking, type Workspace } from './workspace.ts';

/** Tried one after the other, and then plain text, of which Slack can always make blocks. */
const FORMS: readonly Form[] = ['markdown', 'tables as code'];

/** How Slack says that. Two tables in one message are `invalid_attachments` (`only_one_table_allowed`). */
const noBlocks: ReadonlySet<string | undefined> = new Set(['invalid_blocks', 'invalid_attachments']);

/** One reply in its thread: posted and edited in channels, in DMs streamed where Slack can. */
export class SlackSurface implements ReplySurface {
  readonly dialect = 'slack';
  readonly #workspace: Workspace;
  readonly #address: SlackAddress;
  readonly #activity: Activity;
  readonly #budgets: Readonly<Record<'post' | 'postOrStream' | 'update', readonly Budget[]>>;
  readonly #streams = new Map<string, NativeStream>();
  /** Messages that are known to be ours, so not the lost one. */
  readonly #known = new Set<string>();
  /** Keys whose message may stand although we never heard so. */
  readonly #lost = new Set<string>();
  readonly #mayHaveBegun: boolean;
  /** A message without a key may be the beginning of this reply. */
  #mayStream: boolean;
  #streamsHere: boolean;
  /** What Slack can make no blocks of. */
  readonly #refused = new Set<Form>();

  constructor(workspace: Workspace, address: SlackAddress, begun: Begun) {
    this.#workspace = workspace;
    this.#address = address;
    const post = limits.post(address.team, address.channel);
    this.#budgets = {
      post: [post],
      postOrStream: [post, limits.startStream(address.team)],
      update: [limits.update(address.team)],
    };
    this.#mayHaveBegun = begun !== 'nothing' || askedAt(address) < workspace.since;
    this.#mayStream = address.dm && begun === 'text';
    this.#activity = new Activity(workspace, address, {
      begun: this.#mayHaveBegun,
      streamed: this.#mayStream,
    });
    this.#streamsHere = address.dm;
  }

  budgets(op: WriteOp, message?: string): readonly Budget[] {
    if (op === 'post') return this.#canStream ? this.#budgets.postOrStream : this.#budgets.post;
    return this.#streams.get(message ?? '')?.budgets ?? this.#budgets.update;
  }

  async post(page: Page, options: WriteOptions): Promise<Receipt> {
    refuseAborted(options);
    try {
      const found = await this.#findLost(options.key);
      refuseAborted(options);
      if (found !== undefined) await this.#update(found, page, options);
      const message =
        found ?? (await this.#startStream(page, options)) ?? (await this.#postMessage(page, options));
      this.#known.add(message);
      this.#lost.delete(options.key);
      return { message };
    } catch (error) {
      const fault = toWriteError(error, this.#budgets.post);
      if (fault.fault === 'unavailable') this.#lost.add(options.key);
      throw fault;
    }
  }

  async edit(message: string, page: Page, options: WriteOptions): Promise<Receipt> {
    refuseAborted(options);
    this.#known.add(message);
    const stream = this.#streams.get(message);
    const streamed = (await stream?.write(page, options)) ?? false;
    if (options.final || !streamed) this.#streams.delete(message);
    if (!streamed) await this.#update(message, page, options);
    return { message };
  }

  activity(status: string | null): void {
    this.#activity.show(status);
  }

  abandon(): void {
    this.#activity.streams(false);
  }

  async announce(text: string): Promise<void> {
    const { channel, thread, user } = this.#address;
    try {
      await this.#workspace.client.chat.postMessage({
        channel,
        thread_ts: thread,
        text: `<@${user}> ${escapeText(text)}`,
        metadata: notice,
        unfurl_links: false,
        unfurl_media: false,
      });
    } catch (error) {
      throw toWriteError(error, this.#budgets.post);
    }
  }

  get #canStream(): boolean {
    return this.#streamsHere && this.#workspace.features.streams;
  }

  /** Undefined where a stream cannot be, or need not: a page without text yet, or one that is complete. */
  async #startStream(page: Page, options: WriteOptions): Promise<string | undefined> {
    if (!this.#canStream || options.final || page.source.trim() === '') return undefined;
    try {
      const stream = await NativeStream.start(this.#workspace, this.#address, this.#activity, page.source);
      this.#streams.set(stream.ts, stream);
      return stream.ts;
    } catch (error) {
      if (!(error instanceof WebAPIPlatformError)) {
        this.#mayStream = true;
        throw toWriteError(error, [limits.startStream(this.#address.team)]);
      }
      const code = codeOf(error);
      this.#workspace.log.info({ channel: this.#address.channel, code }, 'no native stream; editing instead');
      this.#streamsHere = false;
      if (lacking.has(code)) this.#workspace.features.streams = false;
      return undefined;
    }
  }

  async #postMessage(page: Page, options: WriteOptions): Promise<string> {
    const { channel, thread } = this.#address;
    const { ts } = await this.#writeAs(page, options, (message) =>
      this.#workspace.client.chat.postMessage({
        channel,
        thread_ts: thread,
        ...message,
        metadata: metadataOf(options.key),
        unfurl_links: false,
        unfurl_media: false,
      }),
    );
    return ts!;
  }

  async #update(ts: string, page: Page, options: WriteOptions): Promise<void> {
    const { channel } = this.#address;
    const { client } = this.#workspace;
    try {
      await this.#writeAs(page, options, async (message) => {
        const update = { channel, ts, ...message, metadata: metadataOf(options.key) };
        await client.chat.update(update).catch(async (error) => {
          // A stream that an earlier process left open, or that could not be ended in an outage.
          if (codeOf(error) !== 'streaming_state_conflict') throw error;
          await endStream(this.#workspace, this.#address, ts);
          this.#activity.streams(false);
          await client.chat.update(update);
        });
      });
    } catch (error) {
      throw toWriteError(error, this.#budgets.update);
    }
  }

  /**
   * In Markdown, or in the next form that Slack takes: what it can make blocks of is written down nowhere. A page
   * that is complete is tried anew.
   */
  async #writeAs<T>(
    page: Page,
    { turn, final }: Pick<WriteOptions, 'turn' | 'final'>,
    write: (message: ReturnType<typeof messageOf>) => Promise<T>,
  ): Promise<T> {
    if (final) this.#refused.clear();
    const form = FORMS.find((one) => !this.#refused.has(one)) ?? 'plain';
    try {
      return await write(messageOf(page, turn, form));
    } catch (error) {
      if (form === 'plain' || !noBlocks.has(codeOf(error))) throw error;
      this.#workspace.log.warn(
        { channel: this.#address.channel, turn, form },
        'Slack refuses the Markdown of a page',
      );
      this.#refused.add(form);
      // Then the next form is the same again.
      if (!hasTables(page.text)) this.#refused.add('tables as code');
      return this.#writeAs(page, { turn, final: false }, write);
    }
  }

  /**
   * The message of this key when it may have been posted without our hearing of it: the answer to the post
   * was lost, or the question is older than this process. Looking costs a call, so it is done only then.
   */
  async #findLost(key: string): Promise<string | undefined> {
    if (!this.#lost.has(key) && !this.#mayHaveBegun) return undefined;
    return findReply(this.#workspace, this.#address, key, this.#mayStream ? this.#known : undefined);
  }
}

function refuseAborted({ signal }: WriteOptions): void {
  if (signal?.aborted)
    throw new WriteError('unavailable', 'given up before it was sent', { cause: signal.reason });
}
