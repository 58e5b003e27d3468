import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, sleep } from '../../src/clock.ts';
import { type FaultAct, Faults } from '../faults.ts';
import { Containers, type ModelState, type Scaling } from './containers.ts';
import { engineDied, llamaServer, loadingModel, vllm } from './dialect.ts';
import { CALL_ID, HeldCalls, type HttpCall } from './gateway.ts';
import { type Generation, generate } from './generation.ts';
import { parsed, readBody, say } from './http.ts';
import { type Settings, type SleepingModelOptions, withDefaults } from './options.ts';
import { checkChat } from './request.ts';
import { type StreamFault, StreamFaults } from './stream-faults.ts';

export type { SleepingModelOptions } from './options.ts';

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON where it is some. */
  readonly body: unknown;
  /** ms since the epoch */
  readonly at: number;
}

/**
 * A model server that scales to zero, on this machine: vLLM or llama-server behind one of Modal's fronts,
 * strict about what it accepts. Emits 'change' when its state does.
 */
export class SleepingModel extends EventEmitter<{ change: [] }> {
  /** Whole calls: "POST /v1/chat/completions", "GET /v1/models", "GET /health". */
  readonly faults = new Faults();
  /** What goes wrong within a chat stream. */
  readonly streamFaults = new StreamFaults();
  readonly requests: SeenRequest[] = [];
  readonly generations: Generation[] = [];
  /** Connections taken so far. */
  connections = 0;
  /** True answers every question with an error of the server's own; what streams already goes on. */
  failing = false;

  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #containers: Containers;
  readonly #held: HeldCalls;
  readonly #running = new Set<AbortController>();
  #port = 0;
  #listening: Promise<unknown> = Promise.resolve();
  #closed = false;

  static async start(options: SleepingModelOptions = {}): Promise<SleepingModel> {
    const model = new SleepingModel(options);
    await model.#listen(options.port ?? 0);
    return model;
  }

  private constructor(options: SleepingModelOptions) {
    super();
    this.#settings = withDefaults(options);
    this.#clock = this.#settings.clock;
    this.#containers = new Containers(this.#settings);
    this.#containers.on('change', () => {
      this.#openOrClosePort();
      this.emit('change');
    });
    this.#containers.on('ready', () => this.#held.release());
    this.#held = new HeldCalls(this.#clock, this.#settings.holdMs);
    if (this.#settings.awake) this.#containers.wakeNow();
    this.#server = createServer((request, response) => {
      this.#receive(request, response).catch(() => response.destroy());
    });
    this.#server.requestTimeout = 0;
    this.#server.on('connection', () => {
      this.connections += 1;
    });
  }

  /** The address of the server, without a path. */
  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** For MODEL_BASE_URL. */
  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  get state(): ModelState {
    return this.#containers.state;
  }

  get scaling(): Scaling {
    return this.#containers.scaling;
  }

  /** Container time so far, ms, starting and idle included: what would be billed. */
  get billedMs(): number {
    return this.#containers.billedMs;
  }

  /** Sets what update_autoscaler would; what is not given stays. Acts at once. */
  scale(change: Partial<Scaling>): Scaling {
    return this.#containers.scale(change);
  }

  /** The containers die: streams break, and a wake-up begins anew with the next request. */
  crash(): void {
    for (const running of this.#running) running.abort(new Error('the container died'));
    this.#containers.kill();
  }

  /** Chat requests that got as far as the model server, oldest first. */
  get chats(): readonly SeenRequest[] {
    return this.requests.filter(({ path }) => path === '/v1/chat/completions');
  }

  /** Resolves when the port is open or closed as the state says; only without a front does it change. */
  async whenListening(): Promise<void> {
    await this.#listening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const running of this.#running) running.abort(new Error('closed'));
    this.#containers.close();
    await this.#listening;
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Without a front the port is closed while the container boots. */
  #openOrClosePort(): void {
    if (this.#settings.front !== 'none') return;
    this.#listening = this.#listening.then(async () => {
      const open = this.#closed ? false : this.state.phase !== 'waking' || this.#saysLoading;
      if (open === this.#server.listening || this.#closed) return;
      if (open) return this.#listen(this.#port);
      this.#server.close();
      this.#server.closeAllConnections();
      await once(this.#server, 'close');
    });
  }

  get #saysLoading(): boolean {
    const { state } = this;
    return this.#settings.dialect === 'llama-server' && state.phase === 'waking' && state.step === 'loading';
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    const body = await readBody(request);
    const method = request.method ?? 'GET';
    const call: HttpCall = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
    };
    this.requests.push({
      method,
      path: call.path,
      headers: call.headers,
      body: parsed(body),
      at: this.#clock.now(),
    });
    response.on('error', () => {});

    const act = this.faults.take(`${method} ${call.path}`);
    if (act && (await this.#misbehave(act, response))) return;
    const refusal = this.#proxyRefusal(call);
    if (refusal) return void response.writeHead(401, { 'content-type': 'text/plain' }).end(refusal);
    const id = url.searchParams.get(CALL_ID);
    if (id) return this.#followUp(id, call, response);
    this.#containers.touch();

    const streamFaults = isChat(call) ? this.streamFaults.take() : [];
    const redirects = streamFaults.find((fault) => fault.type === 'redirects');
    if (redirects || (!this.#answers && this.#settings.front === 'web_server')) {
      const held = this.#held.take(call, redirects?.hops);
      return this.#hold(held, response, streamFaults, redirects?.to);
    }
    if (!this.#answers) {
      if (this.#settings.front === 'none') return void response.socket?.resetAndDestroy();
      return void response
        .writeHead(503, { 'content-type': 'text/plain' })
        .end('modal-http: no containers available');
    }
    await this.#serve(call, response, streamFaults);
  }

  /** True when the server process has its port open. */
  get #answers(): boolean {
    return this.#containers.ready || this.#saysLoading;
  }

  async #hold(
    id: string,
    response: ServerResponse,
    streamFaults: readonly StreamFault[] = [],
    origin = this.origin,
  ): Promise<void> {
    const call = await this.#held.hold(id, () => this.#answers, response, origin);
    if (call) await this.#serve(call, response, streamFaults);
  }

  async #followUp(id: string, call: HttpCall, response: ServerResponse): Promise<void> {
    if (call.method !== 'GET') return void response.writeHead(400).end('bad redirect method');
    if (!this.#held.has(id)) return void response.writeHead(404).end('modal-http: unknown function call');
    await this.#hold(id, response);
  }

  #proxyRefusal(call: HttpCall): string | null {
    const { proxyKey, proxySecret } = this.#settings;
    if (!proxyKey) return null;
    const { 'modal-key': key, 'modal-secret': secret } = call.headers;
    if (!key || !secret) return 'modal-http: missing credentials for proxy authorization';
    return key === proxyKey && secret === proxySecret
      ? null
      : 'modal-http: invalid credentials for proxy authorization';
  }

  /** The model server itself. */
  async #serve(
    call: HttpCall,
    response: ServerResponse,
    streamFaults: readonly StreamFault[],
  ): Promise<void> {
    const { dialect: dialectName, model, loras, maxModelLen, vision, apiKey } = this.#settings;
    const dialect = dialectName === 'vllm' ? vllm : llamaServer;
    const isV1 = call.path.startsWith('/v1/');
    if (isV1 && apiKey && call.headers.authorization !== `Bearer ${apiKey}`)
      return say(response, dialect.unauthorized);
    if (call.path === '/v1/models' && call.method === 'GET') {
      const body = dialect.models({ base: model, loras }, maxModelLen);
      return say(response, { status: 200, body });
    }
    if (this.#saysLoading) return say(response, loadingModel);
    if (call.path === '/health') {
      if (dialectName === 'vllm') return void response.writeHead(200).end();
      return say(response, { status: 200, body: { status: 'ok' } });
    }
    if (call.path !== '/v1/chat/completions')
      return say(response, { status: 404, body: { detail: 'Not Found' } });
    if (call.method !== 'POST') return say(response, { status: 405, body: { detail: 'Method Not Allowed' } });
    if (this.failing) return say(response, { status: 500, body: { error: engineDied } });
    const json = parsed(call.body);
    if (json === undefined) return say(response, dialect.invalid('JSON decode error'));
    const served = { dialectName, dialect, names: { base: model, loras }, maxModelLen, vision };
    const checked = checkChat(json, served);
    if ('status' in checked) return say(response, checked);
    if (!checked.stream)
      return say(response, dialect.invalid('This stand-in only streams: send "stream": true.'));

    const id = `chatcmpl-${this.generations.length + 1}`;
    const generation: Generation = {
      id,
      model: checked.model,
      startedAt: this.#clock.now(),
      tokens: 0,
      text: '',
    };
    this.generations.push(generation);
    const release = this.#containers.hold();
    const running = new AbortController();
    this.#running.add(running);
    const gone = () => running.abort(new Error('the client closed the connection'));
    response.once('close', gone);
    const meta = { id, created: Math.floor(this.#clock.now() / 1000), model: checked.model };
    const { tokensPerSecond, firstTokenMs } = this.#settings;
    try {
      await generate(checked, meta, generation, response, {
        clock: this.#clock,
        dialect,
        speed: { tokensPerSecond, firstTokenMs },
        faults: streamFaults,
        signal: running.signal,
      });
      generation.end ??= 'finished';
    } catch {
      generation.end = response.closed ? 'aborted' : 'broken';
      response.socket?.resetAndDestroy();
    } finally {
      response.removeListener('close', gone);
      generation.endedAt = this.#clock.now();
      this.#running.delete(running);
      release();
      this.emit('change');
    }
  }

  /** Does what a fault says; true when that was all. */
  async #misbehave(act: FaultAct, response: ServerResponse): Promise<boolean> {
    if (act.type === 'delay') {
      await sleep(this.#clock, act.ms);
      return false;
    }
    if (act.type === 'answer') {
      const text = typeof act.body === 'string';
      const headers = { 'content-type': text ? 'text/html' : 'application/json', ...act.headers };
      response.writeHead(act.status, headers).end(text ? act.body : JSON.stringify(act.body ?? {}));
      return true;
    }
    if (act.type === 'lose-answer') this.#containers.touch();
    response.socket?.resetAndDestroy();
    return true;
  }
}

const isChat = (call: HttpCall): boolean => call.method === 'POST' && call.path === '/v1/chat/completions';
