import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OperatorError } from './errors.ts';

export interface Health {
  /** The port it really listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `GET /healthz` (200 while the process runs) and `GET /readyz` (200 when every part is ready, else
 * 503), each with the parts by name.
 * @throws OperatorError when the port cannot be had.
 */
export async function serveHealth(
  port: number,
  parts: () => Readonly<Record<string, boolean>>,
): Promise<Health> {
  const server = createServer((request, response) => {
    const state = parts();
    const ready = Object.values(state).every(Boolean);
    const status = { '/healthz': 200, '/readyz': ready ? 200 : 503 }[request.url?.split('?')[0] ?? ''] ?? 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      status === 404 ? '{"error":"try /healthz or /readyz"}' : JSON.stringify({ ready, ...state }),
    );
  });
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
