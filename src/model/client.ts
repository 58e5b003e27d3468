import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Breaker } from './breaker.ts';
import { type ColdStarts, ForgetfulColdStarts } from './cold-starts.ts';
import { Context } from './context.ts';
import { type Answer, Endpoint, readRefusal } from './endpoint.ts';
import { fromAnswer, Overflow, Setback } from './failures.ts';
import { knock } from './knock.ts';
import { type ChatRequest, type Hear, type Model, ModelError } from './model.ts';
import { RetryBudget } from './retry.ts';
import { Semaphore } from './semaphore.ts';
import { type OpenStream, readStream, type StreamLimits, silence } from './stream.ts';
import type { Plan } from './tokens.ts';
import { neverWoke } from './wake-up.ts';
import { Waking } from './waking.ts';
import { Watchdog } from './watchdog.ts';
import type { ModelCard } from './wire.ts';

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
  /** Tokens of prompt and answer together, for servers that do not say; default: learned. */
  readonly maxModelLen?: number;
  /** Answers at once; the rest wait and see their place. Default 16. */
  readonly maxStreams?: number;
  /** Total time for a cold start, ms; default 15 min. */
  readonly wakeDeadlineMs?: number;
  /** Defaults: 2 min to the first word, 1 min between two events, 30 min and 1,000,000 characters in all. */
  readonly limits?: Partial<StreamLimits>;
  /** More fields for the request, e.g. temperature, chat_template_kwargs, or another stream_interval. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Default: remembered for as long as this object lives. */
  readonly coldStarts?: ColdStarts;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 to 1, for the jitter of retries; default Math.random. */
  readonly random?: () => number;
}

/** A request this long without an answer may have met a sleeping endpoint, ms. */
const QUIET_MS = 2_000;
/** Tokens a chunk, where the server is vLLM: messages are edited once a second at most, and each chunk costs. */
const STREAM_INTERVAL = 8;
/** For each stream that may run, so many questions may wait. */
const WAITING_PER_STREAM = 50;

export interface WakeableModel extends Model {
  /** Wakes the endpoint without asking anything. Rejects like {@link Model.chat} does. */
  wake(signal: AbortSignal): Promise<void>;
}

/** The client of one model endpoint: wakes it when it sleeps, streams, and trusts nothing that it sends. */
export function createModel(options: ModelOptions): WakeableModel {
  return new Client(options);
}

class Client implements WakeableModel {
  readonly #options: ModelOptions;
  readonly #wakeDeadlineMs: number;
  readonly #limits: StreamLimits;
  readonly #endpoint: Endpoint;
  readonly #waking: Waking;
  readonly #slots: Semaphore;
  readonly #breaker: Breaker;
  readonly #context: Context;
  #isVllm = false;
  #isLlamaServer = false;

  constructor(options: ModelOptions) {
    const { clock, name, maxStreams = 16, maxTokens = 4_096, wakeDeadlineMs = 900_000 } = options;
    const log = options.log.child({ served: name });
    this.#options = { ...options, log };
    this.#wakeDeadlineMs = wakeDeadlineMs;
    this.#limits = {
      firstTokenMs: 120_000,
      idleMs: 60_000,
      overallMs: 1_800_000,
      maxText: 1_000_000,
      ...options.limits,
    };
    this.#endpoint = new Endpoint(options);
    this.#slots = new Semaphore(maxStreams, maxStreams * WAITING_PER_STREAM);
    this.#breaker = new Breaker(clock);
    this.#context = new Context(maxTokens, options.maxModelLen);
    this.#waking = new Waking({
      knock: (signal, onHop) =>
        knock({ endpoint: this.#endpoint, clock, signal, onHop, onModels: (cards) => this.#meet(cards) }),
      model: name,
      coldStarts: options.coldStarts ?? new ForgetfulColdStarts(),
      deadlineMs: wakeDeadlineMs,
      clock,
      log,
    });
  }

  /** Waits for the endpoint and for a place, sends, and sends again while that makes sense. */
  async chat(request: ChatRequest, hear: Hear): Promise<void> {
    const { messages, signal } = request;
    const { clock, random } = this.#options;
    signal.throwIfAborted();
    const ended = this.#breaker.enter();
    const retries = new RetryBudget(clock, random);
    let refitted: Plan | undefined;
    let wakingMs = 0;
    try {
      // What surely does not fit must not wake a model.
      this.#context.fit(messages);
      for (;;) {
        const since = clock.monotonic();
        await this.#waking.wait(signal, hear);
        wakingMs += clock.monotonic() - since;
        const plan = refitted ?? this.#context.fit(messages);
        if (plan.dropped > 0) request.onTrimmed?.(plan.dropped);
        const leave = await this.#slots.enter(signal, hear);
        let failure: Setback | Overflow;
        try {
          const { usage, reason } = await readStream(await this.#open(request, plan, hear), hear);
          ended(null);
          if (usage) this.#context.counted(plan, usage.promptTokens);
          if (usage) hear(usage);
          return hear({ type: 'done', reason });
        } catch (error) {
          if (!(error instanceof Setback || error instanceof Overflow)) throw error;
          failure = error;
        } finally {
          leave();
        }
        if (failure instanceof Setback) await this.#beforeRetry(failure, wakingMs, retries, signal);
        else if (refitted) throw this.#context.tooLong();
        else refitted = this.#context.refit(messages, plan, failure);
      }
    } catch (error) {
      if (error instanceof ModelError) ended(error);
      throw error;
    }
  }

  async wake(signal: AbortSignal): Promise<void> {
    await this.#waking.wait(signal);
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }

  /** Sends one request; its stream is open when this returns. */
  async #open(request: ChatRequest, plan: Plan, hear: Hear): Promise<OpenStream> {
    const { clock } = this.#options;
    const limits = this.#limits;
    const controller = new AbortController();
    const signal = AbortSignal.any([request.signal, controller.signal]);
    const abort = (reason: unknown) => controller.abort(reason);
    const watchdog = new Watchdog(clock, limits.firstTokenMs, () => abort(silence(limits.firstTokenMs)));
    let opened = false;
    try {
      const body = this.#body(request, plan);
      const sent = this.#endpoint.send('chat/completions', signal, { body, session: request.session });
      const answer = await this.#waking.watch(sent, QUIET_MS, signal, (event) => {
        watchdog.heard();
        hear(event);
      });
      await this.#mustStream(answer, signal);
      opened = true;
      // A model that streams is awake.
      const onHeard = () => this.#waking.noteStreaming();
      return { body: answer.body, limits, watchdog, onHeard, clock, signal, abort };
    } finally {
      if (!opened) {
        watchdog.stop();
        abort(OVER);
      }
    }
  }

  /** @throws ModelError when it is not to be tried again, or the signal's reason */
  async #beforeRetry(
    setback: Setback,
    wakingMs: number,
    retries: RetryBudget,
    signal: AbortSignal,
  ): Promise<void> {
    const { cold, final } = setback;
    this.#options.log.info({ cold, ...final.detail }, 'a request is sent again');
    if (cold) this.#waking.noteAsleep(cold);
    if (wakingMs >= this.#wakeDeadlineMs) throw neverWoke(this.#wakeDeadlineMs, cold);
    await retries.pause(setback, signal);
  }

  #body({ continueFrom }: ChatRequest, { messages, maxTokens }: Plan): string {
    const { name, extra } = this.#options;
    return JSON.stringify({
      model: name,
      messages,
      max_tokens: maxTokens,
      stream: true,
      stream_options: { include_usage: true },
      // vLLM's way; llama-server goes on from a last assistant message by itself.
      ...(continueFrom && { continue_final_message: true, add_generation_prompt: false }),
      ...(this.#isVllm && { stream_interval: STREAM_INTERVAL }),
      ...extra,
      // A llama-server from before llama.cpp #23012 (May 2026) goes on with no answer while thinking is on, its default.
      ...(continueFrom &&
        this.#isLlamaServer && {
          chat_template_kwargs: { ...Object(extra?.chat_template_kwargs), enable_thinking: false },
        }),
    });
  }

  async #mustStream(answer: Answer, signal: AbortSignal): Promise<void> {
    if (answer.statusCode !== 200) throw fromAnswer(await readRefusal(answer, this.#options.clock, signal));
    this.#waking.noteAwake();
    const type = String(answer.headers['content-type'] ?? 'text/event-stream');
    if (type.startsWith('text/event-stream')) return;
    answer.body.destroy();
    throw new ModelError(
      'misconfigured',
      'What stands at the model’s address is no chat model. Tell whoever runs the bot.',
      { contentType: type.slice(0, 100) },
    );
  }

  /** Learns what kind of server it is, and the context's size; a LoRA adapter has its parent's. */
  #meet(cards: readonly ModelCard[]): void {
    this.#isVllm = cards.some(({ owned_by }) => owned_by === 'vllm');
    this.#isLlamaServer = cards.some(({ owned_by }) => owned_by === 'llamacpp');
    if (this.#options.maxModelLen !== undefined) return;
    const card = cards.find(({ id }) => id === this.#options.name);
    const parent = cards.find(({ id }) => id === card?.parent);
    const window = card?.max_model_len ?? parent?.max_model_len;
    if (window) this.#context.learnWindow(window);
  }
}

const OVER = new Error('over');
