/** Native streaming: chat.startStream → appendStream → stopStream, as one state machine per message. */
import type { Args } from './args.ts';
import { asBlocks, checkBlocks, maxMarkdown, type SlackBlock } from './blocks.ts';
import {
  announce,
  edit,
  type Methods,
  named,
  oneOf,
  readableChannel,
  type SlackContext,
  threadOf,
  writableChannel,
} from './method.ts';
import { messageJson } from './shown.ts';
import { SlackError } from './slack-error.ts';
import type { SlackMessage } from './workspace.ts';

type Mode = 'markdown_text' | 'chunks';

interface Stream {
  readonly message: SlackMessage;
  /** Set by the first call that carries something; a stream takes only that from then on [I]. */
  mode: Mode | undefined;
  markdown: string;
  readonly cards: Map<string, SlackBlock>;
  blocks: readonly SlackBlock[];
  end: 'stopped' | 'expired' | 'stopped_by_user' | undefined;
  cancelExpiry: () => void;
}

interface Chunk extends SlackBlock {
  readonly text?: string;
  readonly id?: string;
  readonly title?: string;
  readonly status?: string;
  readonly blocks?: readonly SlackBlock[];
}

export class Streams {
  readonly #slack: SlackContext;
  readonly #lifeMs: number;
  readonly #streams = new Map<SlackMessage, Stream>();

  constructor(slack: SlackContext, options: { lifeMs: number }) {
    this.#slack = slack;
    this.#lifeMs = options.lifeMs;
  }

  get methods(): Methods {
    const scope = 'chat:write';
    return {
      'chat.startStream': { scope, run: (args) => this.#start(args) },
      'chat.appendStream': { scope, run: (args) => this.#append(args) },
      'chat.stopStream': { scope, run: (args) => this.#stop(args) },
    };
  }

  /** The person pressed stop: the thread's streams end. Returns their ts. */
  stopByUser(channel: string, thread: string): string[] {
    const running = [...this.#streams.values()].filter(
      ({ message, end }) => !end && message.channel === channel && message.threadTs === thread,
    );
    for (const stream of running) this.#end(stream, 'stopped_by_user');
    return running.map(({ message }) => message.ts);
  }

  forget(message: SlackMessage): void {
    this.#streams.get(message)?.cancelExpiry();
    this.#streams.delete(message);
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.cancelExpiry();
  }

  #start(args: Args): Record<string, unknown> {
    const { workspace } = this.#slack;
    const channel = writableChannel(workspace, args.required('channel'));
    const threadTs = threadOf(workspace, channel, args.required('thread_ts'))!;
    const recipient = args.text('recipient_user_id');
    if (channel.type !== 'im') {
      if (!recipient) throw new SlackError('missing_recipient_user_id');
      if (!args.text('recipient_team_id')) throw new SlackError('missing_recipient_team_id');
      if (workspace.user(recipient).isBot) throw new SlackError('user_not_found');
      if (args.text('recipient_team_id') !== workspace.teamId) throw new SlackError('team_not_found');
    }
    const content = this.#content(args);
    const message = workspace.add({
      channel: channel.id,
      user: workspace.bot.id,
      text: '',
      threadTs,
      streaming: true,
    });
    const stream: Stream = {
      message,
      mode: undefined,
      markdown: '',
      cards: new Map(),
      blocks: [],
      end: undefined,
      cancelExpiry: workspace.clock.after(this.#lifeMs, () => this.#end(stream, 'expired')),
    };
    this.#streams.set(message, stream);
    this.#add(stream, content);
    if (channel.type !== 'im') message.streamedTo = { user: recipient!, othersSee: message.blocks };
    announce(this.#slack, message);
    workspace.changed();
    return { channel: channel.id, ts: message.ts };
  }

  #append(args: Args): Record<string, unknown> {
    const stream = this.#running(args);
    const content = this.#content(args);
    if (!content) throw new SlackError('no_text');
    this.#check(stream, content);
    const { message } = stream;
    edit(this.#slack, message, true, () => {
      this.#add(stream, content);
      // What others see is the first chunk, whenever it comes.
      const first = message.streamedTo?.othersSee.length === 0;
      if (first) message.streamedTo = { ...message.streamedTo!, othersSee: message.blocks };
    });
    return { channel: message.channel, ts: message.ts };
  }

  #stop(args: Args): Record<string, unknown> {
    const { workspace, statuses } = this.#slack;
    const stream = this.#running(args);
    const content = this.#content(args);
    if (content) this.#check(stream, content);
    const blocks = args.blocks() ?? [];
    const markdown = stream.markdown + (content ? markdownOf(content) : '');
    if (blocks.length > 0) checkBlocks(markdown ? [{ type: 'markdown', text: markdown }, ...blocks] : blocks);
    const status = args.text('session_status') && oneOf(args, 'session_status', sessionStatuses);
    const metadata = args.metadata();
    const { message } = stream;
    edit(this.#slack, message, true, () => {
      if (content) this.#add(stream, content);
      stream.blocks = [...stream.blocks, ...named(blocks)];
      this.#show(stream);
      if (metadata !== undefined) message.metadata = metadata;
      this.#end(stream, 'stopped');
    });
    if (status) statuses.setSession(message.channel, message.threadTs!, status);
    return { channel: message.channel, ts: message.ts, message: messageJson(workspace, message) };
  }

  #running(args: Args): Stream {
    const { workspace } = this.#slack;
    const channel = readableChannel(workspace, args.required('channel'));
    const message = workspace.message(channel.id, args.required('ts'));
    if (message.user !== workspace.bot.id) throw new SlackError('message_not_owned_by_app');
    const stream = this.#streams.get(message);
    if (stream?.end === 'stopped_by_user') throw new SlackError('stopped_by_user');
    if (!stream || stream.end) throw new SlackError('message_not_in_streaming_state');
    return stream;
  }

  #content(args: Args): readonly Chunk[] | string | undefined {
    const markdown = args.markdown();
    const chunks = args.json('chunks', 'invalid_chunks') as readonly Chunk[] | undefined;
    if (markdown !== undefined && chunks !== undefined) {
      throw new SlackError('cannot_provide_both_markdown_text_and_chunks');
    }
    if (chunks === undefined) return markdown === '' ? undefined : markdown;
    if (!Array.isArray(chunks)) throw new SlackError('invalid_chunks');
    for (const chunk of chunks) checkChunk(chunk);
    return chunks.length === 0 ? undefined : chunks;
  }

  /** Throws when this content does not belong to the stream, or makes it too long. */
  #check(stream: Stream, content: readonly Chunk[] | string): void {
    const mode: Mode = typeof content === 'string' ? 'markdown_text' : 'chunks';
    if (stream.mode && stream.mode !== mode) throw new SlackError('streaming_mode_mismatch');
    // The limit of one call is, as users report, that of the whole stream as well [I].
    if (stream.markdown.length + markdownOf(content).length > maxMarkdown)
      throw new SlackError('msg_too_long');
  }

  #add(stream: Stream, content: readonly Chunk[] | string | undefined): void {
    if (content === undefined) return;
    stream.mode ??= typeof content === 'string' ? 'markdown_text' : 'chunks';
    stream.markdown += markdownOf(content);
    for (const chunk of typeof content === 'string' ? [] : content) {
      if (chunk.type === 'task_update') stream.cards.set(`task ${chunk.id}`, { ...chunk, type: 'task_card' });
      if (chunk.type === 'plan_update') stream.cards.set('plan', { ...chunk, type: 'plan' });
      if (chunk.type === 'blocks') stream.blocks = [...stream.blocks, ...named(chunk.blocks ?? [])];
    }
    this.#show(stream);
  }

  #show(stream: Stream): void {
    const text = stream.markdown === '' ? [] : [{ type: 'markdown', text: stream.markdown }];
    stream.message.text = stream.markdown;
    stream.message.blocks = [...stream.cards.values(), ...text, ...stream.blocks];
  }

  #end(stream: Stream, end: NonNullable<Stream['end']>): void {
    stream.end = end;
    stream.cancelExpiry();
    stream.message.streaming = false;
    delete stream.message.streamedTo;
    this.#slack.workspace.changed();
  }
}

export const sessionStatuses = ['active', 'processing', 'suspended', 'closed'] as const;

function checkChunk(chunk: Chunk | null): void {
  const bad = (what: string) => new SlackError('invalid_chunks', [`[ERROR] ${what}`]);
  switch (chunk?.type) {
    case 'markdown_text':
      if (typeof chunk.text !== 'string') throw bad('markdown_text needs text');
      if (chunk.text.length > maxMarkdown) throw new SlackError('msg_too_long');
      return;
    case 'task_update':
      if (!chunk.id || !chunk.title) throw bad('task_update needs id and title');
      if (!['pending', 'in_progress', 'complete', 'error'].includes(chunk.status ?? ''))
        throw bad('unknown status');
      return;
    case 'plan_update':
      if (!chunk.title) throw bad('plan_update needs title');
      return;
    case 'blocks':
      checkBlocks(asBlocks(chunk.blocks));
      return;
    default:
      throw bad(`unknown chunk ${chunk?.type}`);
  }
}

function markdownOf(content: readonly Chunk[] | string): string {
  if (typeof content === 'string') return content;
  return content.map((chunk) => (chunk.type === 'markdown_text' ? chunk.text! : '')).join('');
}
