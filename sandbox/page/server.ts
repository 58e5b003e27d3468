import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Sandbox } from '../sandbox.ts';
import { ActionError, act, stateOf } from './bridge.ts';

const files: Record<string, { type: string; path: URL }> = {
  '/': { type: 'text/html; charset=utf-8', path: new URL('index.html', import.meta.url) },
  '/page.css': { type: 'text/css; charset=utf-8', path: new URL('page.css', import.meta.url) },
  ...Object.fromEntries(
    ['page.js', 'composer.js', 'dom.js'].map((name) => [
      `/${name}`,
      { type: 'text/javascript; charset=utf-8', path: new URL(name, import.meta.url) },
    ]),
  ),
  '/flame.svg': { type: 'image/svg+xml', path: new URL('flame.svg', import.meta.url) },
  '/markdown-it.js': {
    type: 'text/javascript; charset=utf-8',
    path: new URL(import.meta.resolve('markdown-it/browser').replace(/umd\.min\.js$/, 'esm.min.mjs')),
  },
};

/** Streamed text changes many times a second; a person needs no more pictures than this. ms */
const FRAME = 50;
/** So that seconds count while nothing else changes. ms */
const TICK = 500;

export interface Page {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the page on loopback only: state goes out as server-sent events, what people do comes in as POSTs. */
export async function servePage(sandbox: Sandbox, port: number): Promise<Page> {
  const watchers = new Set<ServerResponse>();
  let due: NodeJS.Timeout | undefined;
  const send = () => {
    due = undefined;
    const event = `data: ${JSON.stringify(stateOf(sandbox))}\n\n`;
    for (const watcher of watchers) watcher.write(event);
  };
  const changed = () => {
    due ??= setTimeout(send, FRAME);
  };
  for (const part of [sandbox.slack, sandbox.discord]) part.on('change', changed);
  sandbox.model?.on('change', changed);
  const tick = setInterval(changed, TICK);

  const server = createServer(async (request, response) => {
    const file = files[request.url ?? ''];
    if (request.method === 'POST') {
      await receive(sandbox, request, response);
    } else if (request.url === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(`data: ${JSON.stringify(stateOf(sandbox))}\n\n`);
      watchers.add(response);
      response.on('close', () => watchers.delete(response));
    } else if (file) {
      response.writeHead(200, { 'content-type': file.type }).end(readFileSync(fileURLToPath(file.path)));
    } else {
      response.writeHead(404).end('There is nothing here; the page is at /.');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        clearInterval(tick);
        clearTimeout(due);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(sandbox: Sandbox, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    await act(sandbox, request.url ?? '', JSON.parse(body));
    response.writeHead(204).end();
  } catch (error) {
    const known = error instanceof ActionError || error instanceof SyntaxError;
    response.writeHead(known ? 400 : 500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end((error as Error).message);
  }
}
