/** The port between the bot core and the model: what a caller sees of any OpenAI-compatible endpoint. */

export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string | readonly ContentPart[];
}

/** How far a wake-up has come, told apart as far as the endpoint lets us. */
export type WakingPhase = 'requesting' | 'starting' | 'loading' | 'ready';

export type ModelEvent =
  /** As many streams run as the endpoint may have; `place` 1 is next, 0 has its turn. */
  | { readonly type: 'queued'; readonly place: number }
  /** The endpoint is cold. Sent at least every second while it lasts. */
  | {
      readonly type: 'waking';
      readonly phase: WakingPhase;
      readonly elapsedMs: number;
      /** Median of remembered cold starts; undefined before the first. */
      readonly usualMs: number | undefined;
      /** 90th percentile, for "longer than usual". */
      readonly slowMs: number | undefined;
      /** This question's place among those waiting for the same wake-up; 1 is first. */
      readonly place: number;
    }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'usage'; readonly promptTokens: number; readonly completionTokens: number }
  /** The only good end. */
  | { readonly type: 'done'; readonly reason: 'stop' | 'length' | 'tool_calls' };

export type Hear = (event: ModelEvent) => void;

export type ModelFault =
  /** Cannot be reached, or not through this address. */
  | 'unreachable'
  /** Did not wake within the deadline. */
  | 'never-woke'
  /** 401 or 403. */
  | 'refused'
  /** No such model, or not an OpenAI endpoint. */
  | 'misconfigured'
  /** The server cannot read a picture in the prompt, or none at all. */
  | 'pictures'
  /** The prompt does not fit, even after trimming. */
  | 'too-long'
  /** 429 beyond the retry budget, or too many waiting here. */
  | 'busy'
  /** 5xx, an error object, an abort, garbage, silence. */
  | 'failed'
  /** The stream ended without a finish reason and [DONE]. */
  | 'cut';

/** Says in its message, for the person in the chat, what happened and what to do. */
export class ModelError extends Error {
  override name = 'ModelError';
  readonly fault: ModelFault;
  /** For the log: status, code, phase. Never text of the conversation. */
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(
    fault: ModelFault,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(message, { cause });
    this.fault = fault;
    this.detail = detail;
  }
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  /**
   * The same for every turn of a conversation, so that all of them can reach the container that has its beginning
   * in the prefix cache. The endpoint may see it: nothing can be told from it.
   */
  readonly session?: string;
  /** Goes on from a last assistant message that was cut off, instead of answering anew. */
  readonly continueFrom?: boolean;
  /**
   * Called when earlier turns had to be left out: the first so many messages after the system prompt. Keep
   * the cut, so that the next turn begins the same and hits the server's prefix cache. May be called again,
   * also with more.
   */
  readonly onTrimmed?: (messages: number) => void;
  /** One signal through waiting, request, redirects and body; its reason is rethrown as it is. */
  readonly signal: AbortSignal;
}

export interface Model {
  /**
   * Wakes the endpoint if it sleeps, then streams: `hear` is called with each event as it comes, last with `done`.
   * Not an iterable, since each generator on the way of a chunk costs as much as parsing it.
   * Rejects with a {@link ModelError}, `signal.reason`, or what `hear` threw.
   */
  chat(request: ChatRequest, hear: Hear): Promise<void>;
  close(): Promise<void>;
}
