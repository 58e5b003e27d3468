import { createParser } from 'eventsource-parser';
import type { Clock } from '../clock.ts';
import type { Answer } from './endpoint.ts';
import { codeOf, fromErrorObject, Overflow, Setback } from './failures.ts';
import { ModelError, type ModelEvent } from './model.ts';
import type { Watchdog } from './watchdog.ts';
import { chunk, parseAs } from './wire.ts';

export interface StreamLimits {
  /** From the request to the first text or reasoning; 200 headers are not a token. ms */
  readonly firstTokenMs: number;
  /** Between two data events; comment pings do not count. ms */
  readonly idleMs: number;
  /** All of one answer, ms. */
  readonly overallMs: number;
  /** The most text and reasoning of one answer, characters. */
  readonly maxText: number;
}

export interface StreamOptions {
  readonly limits: StreamLimits;
  /** Waits for the first word since the request was sent. */
  readonly watchdog: Watchdog;
  readonly clock: Clock;
  /** Aborts for whatever reason the caller has. */
  readonly signal: AbortSignal;
  /** Aborts the request with this reason. */
  readonly abort: (reason: ModelError) => void;
}

/** The most one event may have, characters: a server that never ends its line must not fill the memory. */
const MAX_EVENT = 1024 * 1024;

export interface StreamEnd {
  readonly usage: Extract<ModelEvent, { type: 'usage' }> | undefined;
  readonly reason: Extract<ModelEvent, { type: 'done' }>['reason'];
}

/**
 * The text and reasoning of a chat stream; returns how it ended well.
 * @throws ModelError, Overflow, a Setback when it failed before the first word, or the signal's reason
 */
export async function* readStream(
  { body }: Answer,
  { limits, watchdog, clock, signal, abort }: StreamOptions,
): AsyncGenerator<ModelEvent, StreamEnd> {
  const reader = new ChunkReader(limits.maxText);
  const cancelOverall = clock.after(limits.overallMs, () => abort(tooLong(limits.overallMs)));
  const decoder = new TextDecoder();
  let started = false;
  try {
    for await (const bytes of body.iterator({ destroyOnReturn: false })) {
      const heard = reader.feed(decoder.decode(bytes, { stream: true }));
      for (const event of reader.take()) {
        if (!started) watchdog.become(limits.idleMs, () => abort(silence(limits.idleMs)));
        started = true;
        yield event;
      }
      if (heard && started) watchdog.heard();
      if (reader.failure) throw reader.failure;
      if (reader.finished) break;
    }
    signal.throwIfAborted();
    watchdog.stop();
    return reader.end();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (started)
      throw error instanceof ModelError
        ? error
        : error instanceof Overflow
          ? aborted('overflow')
          : broken(error);
    if (error instanceof Overflow) throw error;
    const failure = error instanceof ModelError ? error : broken(error);
    throw failure.fault === 'cut' ? new Setback(failure) : failure;
  } finally {
    watchdog.stop();
    cancelOverall();
    // After [DONE] the rest is read, so that the connection can be used again; else it is closed.
    if (reader.finished) body.dump({ limit: 64 * 1024, signal: AbortSignal.timeout(1_000) }).catch(() => {});
    else body.destroy();
  }
}

/** Server-sent events in, model events out; keeps the reason when something is wrong. */
class ChunkReader {
  /** Set once: nothing after it is looked at. */
  failure: ModelError | Overflow | undefined;
  /** [DONE] came. */
  finished = false;

  readonly #maxText: number;
  readonly #parser;
  #events: ModelEvent[] = [];
  #data = 0;
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

  /** True when it held a data event. */
  feed(text: string): boolean {
    const before = this.#data;
    this.#parser.feed(text);
    return this.#data > before;
  }

  /** The events since the last call, neighbours of one kind as one. */
  take(): readonly ModelEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** The body is over: the only good end has a known finish reason and [DONE]. */
  end(): StreamEnd {
    if (!this.finished) throw cut({ finish: this.#reason });
    const reason = this.#reason;
    if (reason === undefined) throw cut({ done: true });
    if (reason !== 'stop' && reason !== 'length' && reason !== 'tool_calls') throw aborted(reason);
    return { usage: this.#usage, reason };
  }

  #onData(data: string): void {
    this.#data += 1;
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

  #push(type: 'text' | 'reasoning', text: string): void {
    this.#size += text.length;
    if (this.#size > this.#maxText) {
      this.failure = new ModelError('failed', 'The answer grew without end and was stopped.', {
        length: this.#size,
      });
      return;
    }
    const last = this.#events.at(-1);
    if (last?.type === type) this.#events[this.#events.length - 1] = { type, text: last.text + text };
    else this.#events.push({ type, text });
  }
}

const cut = (detail: object) =>
  new ModelError('cut', 'The connection to the model broke before the answer was complete.', { ...detail });

const garbage = (detail: object) =>
  new ModelError('failed', 'The model server sent something that is no answer. Try again.', { ...detail });

const aborted = (reason: string) =>
  new ModelError('failed', 'The model server stopped in the middle of the answer.', {
    finish: reason.slice(0, 50),
  });

const broken = (error: unknown) =>
  new ModelError(
    'cut',
    'The connection to the model broke before the answer was complete.',
    { code: codeOf(error) },
    error,
  );

/** What a person is told when nothing comes. */
export const silence = (ms: number) =>
  new ModelError('failed', `The model has been silent for ${seconds(ms)}. Try again.`, { silentMs: ms });

const tooLong = (ms: number) =>
  new ModelError('failed', `The answer took longer than ${seconds(ms)} and was stopped.`, { overallMs: ms });

function seconds(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} seconds` : `${Math.round(ms / 60_000)} minutes`;
}
