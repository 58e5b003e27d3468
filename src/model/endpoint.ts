import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Dispatcher, Pool } from 'undici';
import { type Clock, sleep } from '../clock.ts';
import { fromNetwork, isColdStatus, type Refused } from './failures.ts';
import { ModelError } from './model.ts';
import { errorBody, parseAs } from './wire.ts';

export interface EndpointOptions {
  /** Ends in /v1. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  /** Modal-Key and Modal-Secret. */
  readonly proxyKey?: string | undefined;
  readonly proxySecret?: string | undefined;
  readonly clock: Clock;
}

export type Answer = Dispatcher.ResponseData;

/** The most that is read of an answer that is no stream, bytes. */
const MAX_BODY = 256 * 1024;

/** Time to connect, ms; a host that drops packets would take minutes. */
const CONNECT_MS = 10_000;

/** What a request may have beside its path. */
export interface Sent {
  /** JSON: makes it a POST. */
  readonly body?: string;
  readonly session?: string | undefined;
  /** Called with each redirect that is followed. */
  readonly onHop?: () => void;
}

/**
 * HTTP to one origin. Keys go nowhere else: the pool knows no other host, and a redirect to one is refused.
 */
export class Endpoint {
  readonly #pool: Pool;
  readonly #base: URL;
  readonly #headers: Record<string, string>;
  /** Modal routes by them at a Modal Server's own address. */
  readonly #sendsSessions: boolean;
  readonly #clock: Clock;

  constructor({ baseUrl, apiKey, proxyKey, proxySecret, clock }: EndpointOptions) {
    this.#base = new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
    this.#sendsSessions = this.#base.hostname.endsWith('.modal.direct');
    this.#clock = clock;
    // Deadlines are ours: a cold start is longer than undici's, and pings would feed its body timer.
    // One HTTP/2 session that dies would take every stream with it.
    this.#pool = new Pool(this.#base.origin, {
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: CONNECT_MS },
    });
    this.#headers = { 'user-agent': 'pilotlight' };
    if (apiKey) this.#headers.authorization = `Bearer ${apiKey}`;
    if (proxyKey) this.#headers['modal-key'] = proxyKey;
    if (proxySecret) this.#headers['modal-secret'] = proxySecret;
  }

  /**
   * GET of a path below the base URL, or POST when there is a body. Follows Modal's 303s to the result URL,
   * for as long as the signal lets it.
   * @throws ModelError, Setback, or the signal's reason
   */
  async send(path: string, signal: AbortSignal, { body, session, onHop }: Sent = {}): Promise<Answer> {
    const url = new URL(path, this.#base);
    const answer = await this.#request(url, signal, body, session);
    return answer.statusCode === 303 ? this.#follow(url, answer, signal, onHop) : answer;
  }

  /** Drops every connection. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /**
   * Modal's web_server answers 303 to the same result URL every 150 s until the container is up. The
   * follow-ups are GETs, since another POST would be refused, and the same URL again is no loop.
   */
  async #follow(from: URL, redirect: Answer, signal: AbortSignal, onHop?: () => void): Promise<Answer> {
    let url = this.#target(from, redirect);
    for (let haste = 0; ; ) {
      onHop?.();
      const asked = this.#clock.monotonic();
      const answer = await this.#request(url, signal).catch((error: unknown) => {
        if (signal.aborted || error instanceof ModelError) throw error;
        return null; // Lost on the way; the result URL can be asked again.
      });
      if (
        answer &&
        answer.statusCode !== 303 &&
        !(isColdStatus(answer.statusCode) && answer.statusCode !== 503)
      ) {
        return answer;
      }
      if (answer?.statusCode === 303) url = this.#target(url, answer);
      else await answer?.body.dump();
      // The real one holds a request for minutes; never spin on one that does not.
      haste = this.#clock.monotonic() - asked < 1_000 ? haste + 1 : 0;
      if (haste > 1) await sleep(this.#clock, Math.min(50 * haste, 1_000), signal);
    }
  }

  #target(from: URL, { headers, body }: Answer): URL {
    body.dump().catch(() => {});
    const location = String(headers.location ?? '');
    const url = URL.canParse(location, from.href) ? new URL(location, from.href) : null;
    if (url?.origin === this.#base.origin) return url;
    throw new ModelError(
      'misconfigured',
      'The model’s address points to another host, and the bot’s keys are not sent there. Tell whoever runs the bot.',
      { status: 303 },
    );
  }

  async #request(url: URL, signal: AbortSignal, body?: string, session?: string): Promise<Answer> {
    signal.throwIfAborted();
    const headers = { ...this.#headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (session !== undefined && this.#sendsSessions) headers['modal-session-id'] = session;
    try {
      const answer = await this.#pool.request({
        path: url.pathname + url.search,
        method: body === undefined ? 'GET' : 'POST',
        headers,
        body: body ?? null,
        signal,
      });
      // Whoever reads the body is told by the read; one that is let go of must not end the process.
      answer.body.on('error', () => {});
      return answer;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw fromNetwork(error);
    }
  }
}

/** The text of an answer that is no stream, cut at a sane size or where it breaks off. */
export async function readText(answer: Answer, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of answer.body) {
      parts.push(part);
      size += part.length;
      if (size > MAX_BODY) break;
    }
  } catch {
    signal.throwIfAborted();
  }
  // undici frees the connection a turn after the body's end; the next request then needs no new one.
  await nextTurn();
  return Buffer.concat(parts).toString('utf8', 0, MAX_BODY);
}

export async function readRefusal(answer: Answer, clock: Clock, signal: AbortSignal): Promise<Refused> {
  return {
    status: answer.statusCode,
    error: parseAs(errorBody, await readText(answer, signal)),
    retryAfterMs: retryAfter(answer.headers['retry-after'], clock),
  };
}

/** Seconds or an HTTP date, as ms from now. */
function retryAfter(header: string | string[] | undefined, clock: Clock): number | undefined {
  const value = Array.isArray(header) ? header[0] : header;
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - clock.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
