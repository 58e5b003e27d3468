/** HTTP: reads a request, lets the faults have their way, writes the answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
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
  /** JSON, or bytes as they are. */
  readonly body: unknown;
}

/** `fault` names the call for the list of faults; `answer` is run only if the fault lets it. */
export interface Route {
  readonly fault: string;
  readonly answer: (call: Call) => Answer;
}

export interface HttpOptions {
  readonly port: number;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly route: (method: string, path: string) => Route | undefined;
}

/** Starts a server on loopback. */
export async function listen(options: HttpOptions): Promise<{ server: Server; baseUrl: string }> {
  const server = createServer((request, response) => {
    serve(options, request, response).catch((error: unknown) => {
      console.error('fake Slack failed', error);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  return { server, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function serve(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = (await buffer(request)).toString();
  const path = new URL(request.url ?? '/', 'http://local').pathname;
  const route = options.route(request.method ?? 'GET', path);
  if (!route) return write(response, { status: 404, body: 'not found' });
  const fault = options.faults.take(route.fault);
  if (fault?.type === 'answer') return write(response, { body: '', ...fault });
  if (fault?.type === 'reset') return void response.destroy();
  if (fault?.type === 'delay') await sleep(options.clock, fault.ms);
  const answer = route.answer({
    authorization: request.headers.authorization?.replace(/^Bearer /i, ''),
    contentType: request.headers['content-type']?.split(';')[0],
    body,
  });
  if (fault?.type === 'lose-answer') return void response.destroy();
  write(response, answer);
}

function write(response: ServerResponse, answer: Answer): void {
  const raw = typeof answer.body === 'string' || Buffer.isBuffer(answer.body);
  response.writeHead(answer.status, {
    'content-type': raw ? 'text/plain' : 'application/json; charset=utf-8',
    ...answer.headers,
  });
  response.end(raw ? answer.body : JSON.stringify(answer.body));
}
