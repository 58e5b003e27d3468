import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError } from './errors.ts';

/** A request that is not whole by then is given up; ms. */
const REQUEST_WITHIN = 15_000;
/** Longer than load balancers keep an idle connection, or they send on one that was just closed; ms. */
const KEEP_ALIVE = 75_000;

export interface HttpServer {
  /** The port it really listens on. */
  readonly port: number;
  close(): Promise<void>;
}

export interface Served {
  /** What must be ready, by name. */
  parts(): Readonly<Record<string, boolean>>;
  /** Who answers what comes to /NAME/…, if anybody does. */
  listener(name: string): RequestListener | undefined;
}

/**
 * The one HTTP server: `GET /healthz` (200 while the process runs), `GET /readyz` (200 when every part is
 * ready, else 503), each with the parts by name, and what chat platforms call.
 * @throws OperatorError when the port cannot be had.
 */
export async function serve(port: number, { parts, listener }: Served): Promise<HttpServer> {
  const server = createServer(
    { requestTimeout: REQUEST_WITHIN, keepAliveTimeout: KEEP_ALIVE },
    (request, response) => {
      const [path = ''] = (request.url ?? '').split('?', 1);
      const platform = listener(path.split('/')[1] ?? '');
      if (platform) return platform(request, response);
      const state = parts();
      const ready = Object.values(state).every(Boolean);
      const status = { '/healthz': 200, '/readyz': ready ? 200 : 503 }[path] ?? 404;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(
        status === 404 ? '{"error":"try /healthz or /readyz"}' : JSON.stringify({ ready, ...state }),
      );
    },
  );
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be opened (${error.code})`;
      reject(new OperatorError(`PORT ${port} ${why}: set PORT to a free one.`));
    });
    server.listen(port, resolve);
  });
}
