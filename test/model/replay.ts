import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Answers every chat request with the same recorded bytes. */
export interface Replay {
  readonly baseUrl: string;
  close(): Promise<void>;
}

export interface Recording {
  readonly status?: number;
  readonly contentType?: string;
  readonly body: string | Uint8Array;
  /** Bytes a write; default: all of it at once. */
  readonly pieces?: number;
}

export async function replay({ status = 200, contentType, body, pieces }: Recording): Promise<Replay> {
  const server = createServer(async (request, response) => {
    request.resume();
    await once(request, 'end');
    if (request.url === '/v1/models') return void response.end('{"object":"list","data":[]}');
    response.writeHead(status, { 'content-type': contentType ?? 'text/event-stream; charset=utf-8' });
    const bytes = Buffer.from(body as Uint8Array);
    for (let at = 0; at < bytes.length; at += pieces ?? bytes.length) {
      response.write(bytes.subarray(at, at + (pieces ?? bytes.length)));
      if (pieces) await nextTurn();
    }
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
