import { errors } from 'undici';
import { ModelError, type WakingPhase } from './model.ts';
import type { WireError } from './wire.ts';

/** Not the end: the same request may be sent again while the retry budget lasts. */
export class Setback extends Error {
  override name = 'Setback';
  /** Where a cold endpoint stands; undefined when it is awake and merely failed. */
  readonly cold: WakingPhase | undefined;
  /** ms, as the server asked. */
  readonly retryAfterMs: number | undefined;
  /** What to tell the person when it was the last straw. */
  readonly final: ModelError;

  constructor(final: ModelError, options: { cold?: WakingPhase; retryAfterMs?: number } = {}) {
    super(final.message, { cause: final });
    this.final = final;
    this.cold = options.cold;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The prompt does not fit the model's context. */
export class Overflow extends Error {
  override name = 'Overflow';
  /** Tokens that prompt and answer may have together, where the server said so. */
  readonly window: number | undefined;
  /** What the prompt has, where the server counted it to the end (llama-server does, vLLM does not). */
  readonly promptTokens: number | undefined;
  readonly detail: Readonly<Record<string, unknown>>;

  constructor(error: WireError, detail: Readonly<Record<string, unknown>>) {
    super('the prompt does not fit the context');
    const said = /(?:context length is(?: only)?|maximum model length of)\s+(\d+)/i.exec(error.message ?? '');
    this.window = error.n_ctx ?? (said ? Number(said[1]) : undefined);
    this.promptTokens = error.n_prompt_tokens ?? undefined;
    this.detail = detail;
  }
}

export interface Refused {
  readonly status: number;
  /** The error object of the body, where there is one. */
  readonly error: WireError | undefined;
  readonly retryAfterMs: number | undefined;
}

/** What an answer that is no stream means. */
export function fromAnswer({ status, error, retryAfterMs }: Refused): Setback | Overflow | ModelError {
  const detail = { status, ...describe(error) };
  const fail = (fault: ModelError['fault'], message: string) => new ModelError(fault, message, detail);
  if (error && isOverflow(error)) return new Overflow(error, detail);
  if (status === 401 || status === 403) {
    return fail('refused', 'The model server did not accept this bot’s key. Tell whoever runs the bot.');
  }
  if (status === 404 || status === 405) {
    return /model/i.test(error?.message ?? '')
      ? fail(
          'misconfigured',
          'The model server has no model of the configured name. Tell whoever runs the bot.',
        )
      : fail('misconfigured', 'There is no chat model at the configured address. Tell whoever runs the bot.');
  }
  if (status === 413) return fail('too-long', 'That is more than the model server takes. Send less at once.');
  if (status === 429) {
    return new Setback(
      fail('busy', 'The model server has too much to do right now. Try again in a minute.'),
      {
        retryAfterMs,
      },
    );
  }
  if (isColdStatus(status)) {
    return new Setback(
      fail('failed', 'The model server answers, but cannot take questions. Try again in a minute.'),
      {
        cold: isLoading(error) ? 'loading' : 'starting',
        retryAfterMs,
      },
    );
  }
  if (status >= 300 && status < 400) {
    return fail('misconfigured', 'The model’s address has moved. Tell whoever runs the bot.');
  }
  if (/image|multimodal|mmproj/i.test(error?.message ?? '')) {
    return fail(
      'pictures',
      'The model server cannot read the pictures. Ask in words, or share them as PNG or JPEG.',
    );
  }
  if (status < 500)
    return fail(
      'failed',
      'The model server refused the question. Put it another way, or start a new conversation.',
    );
  return fail('failed', 'The model server failed with an error of its own. Try again.');
}

/** An error object inside a stream that had status 200. */
export function fromErrorObject(error: WireError): Overflow | ModelError {
  const detail = describe(error);
  if (isOverflow(error)) return new Overflow(error, detail);
  return new ModelError('failed', 'The model server failed in the middle of the answer.', detail);
}

/** Answers of a proxy that has nothing behind it yet; the facts of Modal and of booting servers. */
export function isColdStatus(status: number): boolean {
  return status === 408 || status === 502 || status === 503 || status === 504;
}

/** llama-server while its weights load. */
export function isLoading(error: WireError | undefined): boolean {
  return /loading model/i.test(error?.message ?? '');
}

/** Network faults that waiting does not mend, by Node's and undici's codes. */
const HOPELESS =
  /^(?:ENOTFOUND|EPROTO|ERR_TLS_.*|ERR_SSL_.*|CERT_.*|DEPTH_ZERO_.*|SELF_SIGNED_.*|UNABLE_TO_.*|UND_ERR_DESTROYED|UND_ERR_CLOSED|ERR_INVALID_URL)$/;

/** A request that got no answer: wrong for good, or nobody there yet. */
export function fromNetwork(error: unknown): Setback | ModelError {
  const code = codeOf(error);
  if (error instanceof errors.HTTPParserError || (code && HOPELESS.test(code))) {
    return new ModelError(
      'unreachable',
      'The model’s address cannot be reached. Tell whoever runs the bot.',
      { code },
      error,
    );
  }
  return new Setback(
    new ModelError(
      'unreachable',
      'The connection to the model breaks before it answers. Try again.',
      { code },
      error,
    ),
    { cold: 'requesting' },
  );
}

export function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}

/** vLLM's wordings, older and newer, and llama-server's type. */
function isOverflow(error: WireError): boolean {
  return (
    error.type === 'exceed_context_size_error' ||
    /maximum context length|context length is only|longer than the maximum model length/i.test(
      error.message ?? '',
    )
  );
}

/** What may be logged of a server's error: validation errors quote the input, so only what stands before it. */
function describe(error: WireError | undefined): Record<string, unknown> {
  if (!error) return {};
  const { message, type, code, param } = error;
  return { type, code, param, said: message?.split(/['"]?input['"]?\s*[:=]/)[0]?.slice(0, 200) };
}
