import { DefaultUserAgent } from 'discord.js';
import { Agent, fetch, type Headers } from 'undici';

/** How long Discord may take to begin its answer, and between two pieces of it; ms. */
const TIMEOUT = 10_000;

const DISCORD_API = 'https://discord.com/api';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly route: `/${string}`;
  readonly body?: object;
  /** False for interaction webhooks, whose token is in the route. */
  readonly auth?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer<T> {
  readonly json: T;
  /** What Discord says of the bucket that the call used, where it says so. */
  readonly bucket: { readonly remaining: number; readonly resetAfterMs: number } | undefined;
}

/** Discord answered, and it was no. Its message says nothing of what was sent. */
export class DiscordRefusal extends Error {
  override name = 'DiscordRefusal';
  readonly status: number;
  /** Discord's JSON error code; 0 where there is none. */
  readonly code: number;
  /** For 50035: which fields are wrong. */
  readonly errors: Readonly<Record<string, unknown>>;
  /** For a 429. */
  readonly retryAfterMs: number;
  readonly global: boolean;

  constructor(status: number, headers: Headers, body: Record<string, unknown>) {
    super(`${status} ${body.code ?? ''} ${body.message ?? ''}`.trim());
    this.status = status;
    this.code = Number(body.code ?? 0);
    this.errors = (body.errors ?? {}) as Record<string, unknown>;
    this.retryAfterMs = 1000 * Number(body.retry_after ?? headers.get('retry-after') ?? 0);
    this.global = body.global === true || headers.get('x-ratelimit-scope') === 'global';
  }
}

/**
 * One HTTP request for each call, at once and once: the edit pacer alone decides when to write. The
 * library's REST client would queue a channel's writes behind each other, hold edits back when creates are
 * used up (they share a bucket's name, not its count) and repeat what failed.
 */
export class DiscordHttp {
  readonly #api: string;
  readonly #token: string;
  /** HTTP/1.1: of a connection that died silently one write learns, and the next one goes over another. */
  readonly #agent = new Agent({
    allowH2: false,
    headersTimeout: TIMEOUT,
    bodyTimeout: TIMEOUT,
    connect: { timeout: TIMEOUT },
  });

  /** `apiUrl` without the version; default the real service. */
  constructor({ apiUrl = DISCORD_API, token }: { apiUrl?: string | undefined; token: string }) {
    this.#api = `${apiUrl.replace(/\/+$/, '')}/v10`;
    this.#token = token;
  }

  /**
   * Resolves to what Discord answered to a call that it carried out.
   * @throws DiscordRefusal for an answer that is not 2xx; anything else for no answer, in which case the
   * call may have been carried out.
   */
  async call<T = unknown>({ method, route, body, auth = true, signal }: Call): Promise<Answer<T>> {
    const response = await fetch(`${this.#api}${route}`, {
      method,
      headers: {
        'user-agent': DefaultUserAgent,
        ...(auth && { authorization: `Bot ${this.#token}` }),
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      dispatcher: this.#agent,
      signal: signal ?? null,
    });
    const text = await response.text();
    if (!response.ok) throw new DiscordRefusal(response.status, response.headers, parseObject(text));
    return { json: (text === '' ? null : JSON.parse(text)) as T, bucket: bucketState(response.headers) };
  }

  /** Waits for calls under way. */
  async close(): Promise<void> {
    if (!this.#agent.closed) await this.#agent.close();
  }
}

/** Discord's edge answers some refusals in HTML. */
function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function bucketState(headers: Headers): Answer<unknown>['bucket'] {
  const remaining = headers.get('x-ratelimit-remaining');
  const resetAfter = headers.get('x-ratelimit-reset-after');
  if (remaining === null || resetAfter === null) return undefined;
  return { remaining: Number(remaining), resetAfterMs: 1000 * Number(resetAfter) };
}
