/** Socket Mode: the WebSockets over which envelopes go out and acknowledgements come back. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Envelope } from './delivery.ts';

/** Docs: an app may hold up to 10 connections; each payload goes to any one of them. */
const maxConnections = 10;

export type DisconnectReason = 'warning' | 'refresh_requested' | 'link_disabled' | 'too_many_websockets';

interface Waiting {
  readonly socket: WebSocket;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

export class SocketMode {
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #appId: string;
  readonly #changed: () => void;
  readonly #tickets = new Set<string>();
  readonly #waiting = new Map<string, Waiting>();
  #open: WebSocket[] = [];

  constructor(options: { appId: string; changed: () => void }) {
    this.#appId = options.appId;
    this.#changed = options.changed;
  }

  get connections(): number {
    return this.#open.length;
  }

  /** A path that can be connected to once. */
  newPath(): string {
    const ticket = randomUUID();
    this.#tickets.add(ticket);
    return `/link?ticket=${ticket}`;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ticket = new URL(request.url ?? '/', 'ws://local').searchParams.get('ticket') ?? '';
    if (!this.#tickets.delete(ticket)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#connected(ws));
  }

  #connected(ws: WebSocket): void {
    if (this.#open.length >= maxConnections) {
      ws.send(JSON.stringify({ type: 'disconnect', reason: 'too_many_websockets' }));
      ws.close();
      return;
    }
    this.#open.push(ws);
    ws.on('message', (data) => this.#acknowledged(ws, String(data)));
    ws.on('error', () => ws.terminate());
    ws.on('close', () => this.#gone(ws));
    ws.send(
      JSON.stringify({
        type: 'hello',
        num_connections: this.#open.length,
        connection_info: { app_id: this.#appId },
        debug_info: { host: 'sandbox', approximate_connection_time: 18_060 },
      }),
    );
    this.#changed();
  }

  /** Sends an envelope to one connection and resolves to the acknowledgement's payload. */
  send(envelope: Envelope): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const socket = this.#open.shift();
      if (!socket) return reject(new Error('connection_failed'));
      this.#open.push(socket);
      const envelopeId = randomUUID();
      this.#waiting.set(envelopeId, { socket, resolve, reject });
      socket.send(
        JSON.stringify({
          envelope_id: envelopeId,
          type: envelope.type,
          payload: envelope.payload,
          accepts_response_payload: envelope.acceptsResponsePayload,
          ...(envelope.type === 'events_api' && {
            retry_attempt: envelope.retryAttempt,
            retry_reason: envelope.retryReason,
          }),
        }),
      );
    });
  }

  #acknowledged(socket: WebSocket, data: string): void {
    let ack: { envelope_id?: string; payload?: unknown };
    try {
      ack = JSON.parse(data);
    } catch {
      return;
    }
    const waiting = this.#waiting.get(ack.envelope_id ?? '');
    if (waiting?.socket !== socket) return;
    this.#waiting.delete(ack.envelope_id!);
    waiting.resolve(ack.payload);
  }

  #gone(socket: WebSocket): void {
    this.#open = this.#open.filter((other) => other !== socket);
    for (const [id, waiting] of this.#waiting) {
      if (waiting.socket !== socket) continue;
      this.#waiting.delete(id);
      waiting.reject(new Error('connection_failed'));
    }
    this.#changed();
  }

  /** Asks every client to connect anew, as Slack does every few hours. */
  askToReconnect(reason: DisconnectReason): void {
    for (const ws of this.#open) ws.send(JSON.stringify({ type: 'disconnect', reason }));
    this.#open = [];
    this.#changed();
  }

  drop(): void {
    for (const ws of this.#server.clients) ws.terminate();
  }

  close(): void {
    this.drop();
    this.#server.close();
  }
}
