import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Faults } from '../faults.ts';
import { ApiError, apiError } from './errors.ts';
import type { BudgetName, RateLimits } from './rate-limits.ts';

export interface Upload {
  readonly filename: string;
  readonly contentType?: string;
  readonly data: Uint8Array;
}

export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** The body, when its JSON is a list. */
  readonly list: readonly unknown[] | null;
  /** Uploaded files by their number, the n of files[n]. */
  readonly files: ReadonlyMap<string, Upload>;
}

export interface ApiResponse {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** "/channels/:channel/messages" */
  readonly path: string;
  /** What the request counts against, and the parameter by which requests are told apart. */
  readonly budget?: readonly [BudgetName, string];
  /** Interaction endpoints are known by their token: they need no bot token and have no global limit. */
  readonly interaction?: boolean;
  readonly handle: (request: ApiRequest) => ApiResponse;
}

export interface LoggedRequest {
  /** The route as faults name it: "PATCH /channels/*\/messages/*". */
  readonly call: string;
  readonly path: string;
  readonly status: number;
  /** ms since the epoch */
  readonly at: number;
}

export const ok = (body: unknown): ApiResponse => ({ status: 200, body });
export const created = (body: unknown): ApiResponse => ({ status: 201, body });
export const noContent: ApiResponse = { status: 204 };

export interface ApiServerOptions {
  readonly routes: readonly Route[];
  readonly token: string;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly rateLimits: RateLimits;
  /** Serves what is not the API: attachments. */
  readonly file: (path: string) => Upload | undefined;
}

const KEPT_REQUESTS = 10_000;
const PREFIX = '/api/v10';
/** Ten files of 10 MiB, and their form. */
const MAX_BODY_BYTES = 101 * 1024 * 1024;

/** Routing, authorization, rate limits, faults and bodies; what a route does is not its business. */
export class ApiServer {
  readonly requests: LoggedRequest[] = [];
  readonly server: Server;
  readonly #options: ApiServerOptions;
  readonly #closing = new AbortController();

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => {
        if (!this.#closing.signal.aborted) console.error('The local Discord failed:', error);
        response.destroy();
      });
    });
  }

  /** Resolves to the address it listens at: "127.0.0.1:4711". */
  listen(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', () => {
        resolve(`127.0.0.1:${(this.server.address() as AddressInfo).port}`);
      });
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://local');
    const file = incoming.method === 'GET' ? this.#options.file(url.pathname) : undefined;
    if (file) {
      response
        .writeHead(200, { 'content-type': file.contentType ?? 'application/octet-stream' })
        .end(file.data);
      return;
    }
    const bytes = await read(incoming);
    const found = this.#find(incoming.method ?? 'GET', url.pathname);
    const call = found ? callOf(found.route) : `${incoming.method} ${url.pathname}`;
    const fault = this.#options.faults.take(call);
    if (fault?.type === 'reset') return void response.destroy();
    if (fault?.type === 'delay') await sleep(this.#options.clock, fault.ms, this.#closing.signal);
    const answer: ApiResponse =
      fault?.type === 'answer'
        ? { body: { message: 'A fault that was switched on', code: 0 }, ...fault }
        : await this.#answer(incoming, url, bytes, call, found);
    if (this.requests.length === KEPT_REQUESTS) this.requests.shift();
    this.requests.push({ call, path: url.pathname, status: answer.status, at: this.#options.clock.now() });
    if (fault?.type === 'lose-answer') return void response.destroy();
    response.writeHead(answer.status, {
      ...(answer.body !== undefined && { 'content-type': 'application/json' }),
      ...answer.headers,
    });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  }

  #find(method: string, pathname: string) {
    if (!pathname.startsWith(`${PREFIX}/`)) return undefined;
    const path = pathname.slice(PREFIX.length);
    for (const route of this.#options.routes) {
      if (route.method !== method) continue;
      const params = match(route.path, path);
      if (params) return { route, params };
    }
    return undefined;
  }

  async #answer(
    incoming: IncomingMessage,
    url: URL,
    bytes: Buffer | null,
    call: string,
    found: { route: Route; params: Record<string, string> } | undefined,
  ): Promise<ApiResponse> {
    const { rateLimits, token } = this.#options;
    if (!found) return { status: 404, body: { message: '404: Not Found', code: 0 } };
    const { route, params } = found;
    if (!route.interaction) {
      if (incoming.headers.authorization !== `Bot ${token}`)
        return { status: 401, body: { message: '401: Unauthorized', code: 0 } };
      const refused = rateLimits.takeGlobal(call);
      if (refused) return refused;
    }
    let headers: Record<string, string> = {};
    if (route.budget) {
      const [budget, major] = route.budget;
      const taken = rateLimits.take(call, budget, params[major]!);
      if ('status' in taken) return taken;
      headers = taken.headers;
    }
    try {
      if (!bytes) throw apiError(40005);
      const parsed = await parseBody(incoming.headers['content-type'], bytes);
      const answer = route.handle({ params, query: url.searchParams, ...parsed });
      return { ...answer, headers: { ...headers, ...answer.headers } };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: error.status, body: error.body, headers };
    }
  }
}

/** A route as {@link Faults} name it. */
const callOf = ({ method, path }: Route): string => `${method} ${path.replace(/:[^/]+/g, '*')}`;

function match(pattern: string, path: string): Record<string, string> | undefined {
  const want = pattern.split('/');
  const have = path.split('/');
  if (want.length !== have.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of want.entries()) {
    const value = decode(have[i]!);
    if (part.startsWith(':')) params[part.slice(1)] = value;
    else if (part !== value) return undefined;
  }
  return params;
}

/** discord.js sends "@original" as "%40original". */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** null when it is too large. */
async function read(incoming: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return size <= MAX_BODY_BYTES ? Buffer.concat(chunks) : null;
}

async function parseBody(type: string | undefined, bytes: Buffer) {
  const files = new Map<string, Upload>();
  let json = bytes.toString();
  if (type?.startsWith('multipart/form-data')) {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } })
      .formData()
      .catch(() => {
        throw apiError(50109);
      });
    json = String(form.get('payload_json') ?? '{}');
    for (const [name, value] of form) {
      const number = /^files\[(\d+)\]$/.exec(name)?.[1];
      if (number === undefined || typeof value === 'string') continue;
      const data = new Uint8Array(await value.arrayBuffer());
      files.set(number, { filename: value.name, contentType: value.type, data });
    }
  }
  const value = json ? parseJson(json) : {};
  const list = Array.isArray(value) ? value : null;
  const body = (typeof value === 'object' && !list ? (value ?? {}) : {}) as Record<string, unknown>;
  return { body, list, files };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw apiError(50109);
  }
}
