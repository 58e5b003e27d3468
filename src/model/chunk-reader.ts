import { createParser } from 'eventsource-parser';
import { fromErrorObject, type Overflow } from './failures.ts';
import { ModelError, type ModelEvent } from './model.ts';
import { chunk, parseAs } from './wire.ts';

/** The most one event may have, characters: a server that never ends its line must not fill the memory. */
const MAX_EVENT = 1024 * 1024;

const NONE: ModelEvent[] = [];

export interface StreamEnd {
  readonly usage: Extract<ModelEvent, { type: 'usage' }> | undefined;
  readonly reason: Extract<ModelEvent, { type: 'done' }>['reason'];
}

/** Server-sent events in, model events out; keeps the reason when something is wrong. */
export class ChunkReader {
  /** Set once: nothing after it is looked at. */
  failure: ModelError | Overflow | undefined;
  /** [DONE] came. */
  finished = false;
  /** The last bytes read held a data event. */
  heard = false;

  readonly #maxText: number;
  readonly #parser;
  #events = NONE;
  /** Neighbours of one kind become one event. */
  #kind: 'text' | 'reasoning' = 'text';
  #pending = '';
  #size = 0;
  #reason: string | undefined;
  #usage: StreamEnd['usage'];

  constructor(maxText: number) {
    this.#maxText = maxText;
    this.#parser = createParser({
      maxBufferSize: MAX_EVENT,
      onEvent: ({ data }) => this.#onData(data),
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.failure ??= garbage({ type });
      },
    });
  }

  /** The events in what came next. */
  read(text: string): readonly ModelEvent[] {
    this.heard = false;
    const events: ModelEvent[] = [];
    this.#events = events;
    this.#parser.feed(text);
    this.#flush();
    // Kept until the next read, it would grow old, and all that it holds with it.
    this.#events = NONE;
    return events;
  }

  /** The body is over: the only good end has a known finish reason and [DONE]. */
  end(): StreamEnd {
    if (this.failure) throw this.failure;
    const reason = this.#reason;
    if (!this.finished || reason === undefined) throw cut({ finish: reason, done: this.finished });
    if (reason !== 'stop' && reason !== 'length' && reason !== 'tool_calls') throw aborted(reason);
    return { usage: this.#usage, reason };
  }

  #onData(data: string): void {
    this.heard = true;
    if (this.failure || this.finished) return;
    if (data === '[DONE]') {
      this.finished = true;
      return;
    }
    const parsed = parseAs(chunk, data);
    if (!parsed) {
      this.failure = garbage({ length: data.length });
      return;
    }
    const { error, choices, usage } = parsed;
    if (error) {
      this.failure = fromErrorObject(error);
      return;
    }
    if (usage?.prompt_tokens != null) {
      this.#usage = {
        type: 'usage',
        promptTokens: usage.prompt_tokens,
        completionTokens: usage.completion_tokens ?? 0,
      };
    }
    const choice = choices?.[0];
    if (!choice) return;
    const reasoning = choice.delta?.reasoning ?? choice.delta?.reasoning_content;
    if (reasoning) this.#push('reasoning', reasoning);
    if (choice.delta?.content) this.#push('text', choice.delta.content);
    this.#reason = choice.finish_reason ?? this.#reason;
  }

  #push(kind: 'text' | 'reasoning', text: string): void {
    this.#size += text.length;
    if (this.#size > this.#maxText) {
      this.failure = new ModelError('failed', 'The answer grew without end and was stopped.', {
        length: this.#size,
      });
      return;
    }
    if (kind !== this.#kind) this.#flush();
    this.#kind = kind;
    this.#pending += text;
  }

  #flush(): void {
    if (this.#pending === '') return;
    this.#events.push({ type: this.#kind, text: this.#pending });
    this.#pending = '';
  }
}

/** The stream ended too soon; `cause` when the network says why. */
export const cut = (detail: object, cause?: unknown) =>
  new ModelError(
    'cut',
    'The connection to the model broke before the answer was complete.',
    { ...detail },
    cause,
  );

const garbage = (detail: object) =>
  new ModelError('failed', 'The model server sent something that is no answer. Try again.', { ...detail });

const aborted = (reason: string) =>
  new ModelError('failed', 'The model server stopped in the middle of the answer.', {
    finish: reason.slice(0, 50),
  });
