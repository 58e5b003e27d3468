/** HTTP: reads a request, lets the faults have their way, writes the answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Faults } from '../faults.ts';

export interface Call {
  /** The bearer token. */
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes as they are, all else as JSON. */
  readonly body?: unknown;
}

export interface Route {
  /** What faults call it. */
  readonly name: string;
  /** Does what the call asks for; not run when a fault answers instead. */
  readonly run: (call: Call) => Answer;
}

export interface Routes {
  route(method: string, path: string): Route | undefined;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export class HttpServer {
  readonly baseUrl: string;
  readonly #server: Server;
  readonly #closing = new AbortController();

  private constructor(server: Server) {
    this.#server = server;
    this.baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Listens on loopback. Rejects when the port is taken. */
  static async listen(port: number): Promise<HttpServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return new HttpServer(server);
  }

  serve(routes: Routes, faults: Faults, clock: Clock): void {
    const delay = (ms: number) => sleep(clock, ms, this.#closing.signal);
    this.#server.on('upgrade', (...request) => routes.upgrade(...request));
    this.#server.on('request', (request, response) => {
      serve(routes, faults, delay, request, response).catch((error: unknown) => {
        if (!this.#closing.signal.aborted) console.error('The fake Slack failed:', error);
        response.destroy();
      });
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function serve(
  routes: Routes,
  faults: Faults,
  delay: (ms: number) => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = {
    authorization: request.headers.authorization?.replace(/^Bearer /i, ''),
    contentType: request.headers['content-type']?.split(';')[0],
    body: await text(request),
  };
  const route = routes.route(request.method ?? 'GET', new URL(request.url ?? '/', 'http://local').pathname);
  if (!route) return write(response, { status: 404, body: 'not found' });
  const fault = faults.take(route.name);
  if (fault?.type === 'answer') return write(response, fault);
  if (fault?.type === 'reset') return void response.destroy();
  if (fault?.type === 'delay') await delay(fault.ms);
  const answer = route.run(call);
  if (fault?.type === 'lose-answer') return void response.destroy();
  write(response, answer);
}

function write(response: ServerResponse, { status, headers, body = '' }: Answer): void {
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const contentType = raw ? 'text/plain' : 'application/json; charset=utf-8';
  response
    .writeHead(status, { 'content-type': contentType, ...headers })
    .end(raw ? body : JSON.stringify(body));
}
