import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type ColdStarts, ForgetfulColdStarts } from './cold-starts.ts';
import { type Answer, Endpoint, readRefusal, readText } from './endpoint.ts';
import { fromAnswer, isColdStatus, isLoading, Setback } from './failures.ts';
import { type ChatRequest, type Model, ModelError, type ModelEvent } from './model.ts';
import { RetryBudget } from './retry.ts';
import { Semaphore } from './semaphore.ts';
import { readStream, type StreamLimits, silence } from './stream.ts';
import { type Knock, Waking } from './waking.ts';
import { Watchdog } from './watchdog.ts';
import { errorBody, modelList, parseAs } from './wire.ts';

export interface ModelOptions {
  /** Any OpenAI-compatible endpoint; ends in /v1. */
  readonly baseUrl: string;
  /** The served model name, or a LoRA adapter's. */
  readonly name: string;
  readonly apiKey?: string | undefined;
  /** Modal-Key and Modal-Secret. */
  readonly proxyKey?: string | undefined;
  readonly proxySecret?: string | undefined;
  /** The most tokens of one answer; default 4,096. */
  readonly maxTokens?: number;
  /** Answers at once; the rest wait and see their place. Default 16. */
  readonly maxStreams?: number;
  /** Total time for a cold start, ms; default 15 min. */
  readonly wakeDeadlineMs?: number;
  /** Defaults: 2 min to the first word, 1 min between two events, 30 min and 1,000,000 characters in all. */
  readonly limits?: Partial<StreamLimits>;
  /** More fields for the request, e.g. stream_interval, temperature, chat_template_kwargs. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly coldStarts?: ColdStarts;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1, for the jitter of retries; default Math.random. */
  readonly random?: () => number;
}

/** A request this long without an answer may have met a sleeping endpoint, ms. */
const QUIET_MS = 2_000;
/** Modal's web_server answers a held request after 150 s at the latest. */
const KNOCK_TIMEOUT_MS = 170_000;
/** Per stream that runs, so many may wait. */
const WAITING_PER_STREAM = 50;

/** The client of one model endpoint: wakes it when it sleeps, streams, and trusts nothing that it sends. */
export function createModel(options: ModelOptions): Model {
  return new Client(options);
}

class Client implements Model {
  readonly #options: ModelOptions;
  readonly #endpoint: Endpoint;
  readonly #waking: Waking;
  readonly #slots: Semaphore;
  readonly #limits: StreamLimits;

  constructor(options: ModelOptions) {
    const { clock, log, name, coldStarts = new ForgetfulColdStarts(), wakeDeadlineMs = 900_000 } = options;
    const { maxStreams = 16 } = options;
    this.#options = options;
    this.#endpoint = new Endpoint(options);
    this.#slots = new Semaphore(maxStreams, maxStreams * WAITING_PER_STREAM);
    this.#limits = {
      firstTokenMs: 120_000,
      idleMs: 60_000,
      overallMs: 1_800_000,
      maxText: 1_000_000,
      ...options.limits,
    };
    this.#waking = new Waking({
      knock: (signal, onHop) => this.#knock(signal, onHop),
      model: name,
      coldStarts,
      deadlineMs: wakeDeadlineMs,
      clock,
      log,
    });
  }

  async *chat(request: ChatRequest): AsyncGenerator<ModelEvent, void> {
    const { signal } = request;
    const { clock, log, random } = this.#options;
    const retries = new RetryBudget({ clock, ...(random && { random }) });
    for (;;) {
      signal.throwIfAborted();
      yield* this.#waking.wait(signal);
      const release = yield* this.#slots.enter(signal);
      try {
        return yield* this.#attempt(request);
      } catch (error) {
        if (!(error instanceof Setback)) throw error;
        log.info(
          { model: this.#options.name, cold: error.cold, ...error.final.detail },
          'a request is sent again',
        );
        if (error.cold) this.#waking.noteAsleep(error.cold);
        await retries.pause(error, signal);
      } finally {
        release();
      }
    }
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }

  /** One request and its stream. */
  async *#attempt(request: ChatRequest): AsyncGenerator<ModelEvent, void> {
    const { clock } = this.#options;
    const limits = this.#limits;
    const controller = new AbortController();
    const signal = AbortSignal.any([request.signal, controller.signal]);
    const abort = (reason: unknown) => controller.abort(reason);
    const watchdog = new Watchdog(clock, limits.firstTokenMs, () => abort(silence(limits.firstTokenMs)));
    let answer: Answer | undefined;
    try {
      const sent = this.#endpoint.send('chat/completions', signal, this.#body(request));
      answer = yield* this.#waking.watch(sent, QUIET_MS, signal, () => watchdog.heard());
      await this.#mustStream(answer, signal);
      yield* readStream(answer, { limits, watchdog, clock, signal, abort });
    } finally {
      watchdog.stop();
      if (!answer) abort(OVER);
    }
  }

  #body({ messages, continueFrom }: ChatRequest): string {
    return JSON.stringify({
      model: this.#options.name,
      messages,
      max_tokens: this.#options.maxTokens ?? 4096,
      stream: true,
      stream_options: { include_usage: true },
      ...(continueFrom && { continue_final_message: true, add_generation_prompt: false }),
      ...this.#options.extra,
    });
  }

  async #mustStream(answer: Answer, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (answer.statusCode !== 200) {
      const refused = await readRefusal(answer, clock, signal);
      if (!isColdStatus(refused.status)) this.#waking.noteAwake();
      throw fromAnswer(refused);
    }
    this.#waking.noteAwake();
    const type = String(answer.headers['content-type'] ?? 'text/event-stream');
    if (type.startsWith('text/event-stream')) return;
    answer.body.destroy();
    throw new ModelError(
      'misconfigured',
      'What stands at the model’s address is no chat model. Tell whoever runs the bot.',
      {
        contentType: type.slice(0, 100),
      },
    );
  }

  /** GET /models: starts a container where there is none, and costs nothing where there is one. */
  async #knock(signal: AbortSignal, onHop: () => void): Promise<Knock> {
    const { clock } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(KNOCK_TIMEOUT_MS, () => timeout.abort(TIMED_OUT));
    const either = AbortSignal.any([signal, timeout.signal]);
    try {
      const answer = await this.#endpoint.send('models', either, undefined, onHop);
      const knock = await this.#reading(answer, either);
      // llama-server lists its models while it loads them; only its health tells.
      return (
        knock ??
        (await this.#reading(await this.#endpoint.send('../health', either), either)) ?? { awake: true }
      );
    } catch (error) {
      if (error === TIMED_OUT) return { awake: false, phase: 'starting' };
      if (error instanceof Setback) return { awake: false, phase: 'requesting' };
      throw error;
    } finally {
      cancel();
    }
  }

  async #reading(answer: Answer, signal: AbortSignal): Promise<Knock | null> {
    const { statusCode: status } = answer;
    if (status === 401 || status === 403)
      throw fromAnswer(await readRefusal(answer, this.#options.clock, signal));
    const text = await readText(answer, signal);
    if (isColdStatus(status)) {
      const { error } = parseAs(errorBody, text) ?? {};
      return { awake: false, phase: isLoading(error) ? 'loading' : 'starting' };
    }
    const cards = parseAs(modelList, text)?.data ?? [];
    return cards.some(({ owned_by }) => owned_by === 'llamacpp') ? null : { awake: true };
  }
}

const OVER = new Error('over');
const TIMED_OUT = new Error('timed out');
