import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayCloseCodes as Close, GatewayIntentBits, GatewayOpcodes as Op } from 'discord.js';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../src/clock.ts';
import { StrictWindow } from '../budget.ts';
import type { GatewayEvent } from './intents.ts';
import { KNOWN, PRIVILEGED } from './intents.ts';

/** Commands a connection may send: 120 in 60 s, 4,096 bytes each. */
const COMMANDS = { limit: 120, windowMs: 60_000 };
const COMMAND_BYTES = 4096;
const DAY = 24 * 60 * 60_000;
/** A session without a connection is forgotten after a while, on Discord; here after this many events. */
const MISSED_EVENTS = 1000;

export interface GatewayOptions {
  readonly clock: Clock;
  readonly token: string;
  /** Privileged intents that are switched on for the bot. */
  readonly privileged: number;
  /** IDENTIFYs a day before Discord resets the token. */
  readonly identifies: number;
  /** IDENTIFYs in 5 s. */
  readonly maxConcurrency: number;
  /** Shards that the bot needs: recommended, and fewer are refused. */
  readonly shards: number;
  /** ms; a connection silent for two beats is closed. Real time, whatever the clock: sockets live in it. */
  readonly heartbeatMs: number;
  /** The fields of READY that are not the gateway's own. */
  readonly ready: () => object;
  readonly guilds: () => readonly { readonly id: string; readonly payload: object }[];
  readonly changed: () => void;
}

interface Session {
  readonly id: string;
  readonly intents: number;
  readonly shard: readonly [number, number];
  sequence: number;
  /** What was sent since the client's last heartbeat, for a RESUME. */
  sent: { readonly sequence: number; readonly frame: string }[];
  socket: WebSocket | null;
}

/** The gateway: sessions that outlive their connections, so that a RESUME misses nothing. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #server = new WebSocketServer({ noServer: true });
  readonly #sessions = new Map<string, Session>();
  readonly #identifies: StrictWindow;
  #url = '';
  #identifiesLeft: number;
  /** When the IDENTIFYs are counted anew; ms of the clock's `monotonic`. */
  #countedAnewAt: number;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#identifiesLeft = options.identifies;
    this.#identifies = new StrictWindow(options.maxConcurrency, 5000, options.clock);
    this.#countedAnewAt = options.clock.monotonic() + DAY;
  }

  listenAt(url: string): void {
    this.#url = url;
  }

  /** The body of GET /gateway/bot. */
  bot() {
    const { identifies: total, maxConcurrency: max_concurrency, shards } = this.#options;
    const now = this.#countAnew();
    const reset_after = Math.ceil(this.#countedAnewAt - now);
    const session_start_limit = { total, remaining: this.#identifiesLeft, reset_after, max_concurrency };
    return { url: this.#url, shards, session_start_limit };
  }

  /** Begins a new day of IDENTIFYs when it is time, and tells the time; ms. */
  #countAnew(): number {
    const now = this.#options.clock.monotonic();
    if (now >= this.#countedAnewAt) {
      this.#identifiesLeft = this.#options.identifies;
      this.#countedAnewAt = now + DAY;
    }
    return now;
  }

  /** Sessions with a live connection. */
  get connections(): number {
    return [...this.#sessions.values()].filter(({ socket }) => socket).length;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#connect(ws, request));
  }

  dispatch(event: GatewayEvent): void {
    for (const session of this.#sessions.values()) {
      const [shard, shards] = session.shard;
      const home = event.guild ? Number((BigInt(event.guild) >> 22n) % BigInt(shards)) : 0;
      if (shard !== home) continue;
      if (event.intents && !(session.intents & event.intents)) continue;
      const content = session.intents & GatewayIntentBits.MessageContent;
      this.#send(session, event.type, content ? event.data : (event.withoutContent ?? event.data));
    }
  }

  /** Cuts every connection, as a restart of a gateway node would; sessions can be resumed. */
  drop(): void {
    for (const session of this.#sessions.values()) {
      session.socket?.terminate();
      session.socket = null;
    }
    this.#options.changed();
  }

  /** Closes every connection with one of Discord's codes, and ends the sessions. */
  closeWith(code: number): void {
    for (const { socket } of this.#sessions.values()) socket?.close(code);
    this.#sessions.clear();
    this.#options.changed();
  }

  /** Op 7: asks every client to reconnect and resume. */
  requestReconnect(): void {
    for (const { socket } of this.#sessions.values())
      socket?.send(JSON.stringify({ op: Op.Reconnect, d: null }));
  }

  /** Op 9: the sessions are over; what happens until the next IDENTIFY is missed. */
  invalidateSessions(): void {
    for (const { socket } of this.#sessions.values()) socket?.send(JSON.stringify(INVALID_SESSION));
    this.#sessions.clear();
    this.#options.changed();
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
    this.#sessions.clear();
  }

  #connect(socket: WebSocket, request: IncomingMessage): void {
    const query = new URL(request.url ?? '/', 'ws://gateway').searchParams;
    if (query.get('v') !== '10') {
      socket.close(Close.InvalidAPIVersion, 'Invalid API version.');
      return;
    }
    if ((query.get('encoding') ?? 'json') !== 'json' || query.has('compress')) {
      socket.close(Close.DecodeError, 'This local Discord speaks uncompressed JSON only.');
      return;
    }
    let session: Session | null = null;
    const commands = new StrictWindow(COMMANDS.limit, COMMANDS.windowMs, this.#options.clock);
    const { heartbeatMs } = this.#options;
    const timedOut = () => socket.close(Close.SessionTimedOut, 'Session timed out.');
    let pulse = setTimeout(timedOut, 2 * heartbeatMs);
    socket.on('close', (code) => {
      clearTimeout(pulse);
      if (session?.socket === socket) {
        session.socket = null;
        // A client that says goodbye ends its session; any other end leaves it to be resumed.
        if (code === 1000 || code === 1001) this.#sessions.delete(session.id);
      }
      this.#options.changed();
    });
    socket.on('error', () => socket.terminate());
    socket.on('message', (data: Buffer) => {
      if (!commands.take().ok) return socket.close(Close.RateLimited, 'Rate limited.');
      const command = data.byteLength <= COMMAND_BYTES ? parse(data) : undefined;
      if (!command) return socket.close(Close.DecodeError, 'Error while decoding payload.');
      switch (command.op) {
        case Op.Heartbeat:
          clearTimeout(pulse);
          pulse = setTimeout(timedOut, 2 * heartbeatMs);
          forget(session, command.d);
          return socket.send(JSON.stringify({ op: Op.HeartbeatAck }));
        case Op.Identify:
          if (session) return socket.close(Close.AlreadyAuthenticated, 'Already authenticated.');
          session = this.#identify(socket, record(command.d));
          return;
        case Op.Resume:
          if (session) return socket.close(Close.AlreadyAuthenticated, 'Already authenticated.');
          session = this.#resume(socket, record(command.d));
          return;
        case Op.PresenceUpdate:
        case Op.VoiceStateUpdate:
        case Op.RequestGuildMembers:
          if (!session) socket.close(Close.NotAuthenticated, 'Not authenticated.');
          return;
        default:
          socket.close(Close.UnknownOpcode, 'Unknown opcode.');
      }
    });
    socket.send(JSON.stringify({ op: Op.Hello, d: { heartbeat_interval: heartbeatMs }, s: null, t: null }));
  }

  #identify(socket: WebSocket, identify: Record<string, unknown>): Session | null {
    const { token, privileged, ready, guilds, changed } = this.#options;
    const { intents, shard = [0, 1], properties } = identify;
    const refuse = (code: Close, reason: string) => {
      socket.close(code, reason);
      return null;
    };
    this.#countAnew();
    if (identify.token !== token || this.#identifiesLeft === 0)
      return refuse(Close.AuthenticationFailed, 'Authentication failed.');
    if (!properties || typeof properties !== 'object')
      return refuse(Close.DecodeError, 'Error while decoding payload.');
    if (!Number.isSafeInteger(intents) || (intents as number) < 0 || (intents as number) & ~KNOWN)
      return refuse(Close.InvalidIntents, 'Invalid intent(s).');
    if ((intents as number) & PRIVILEGED & ~privileged)
      return refuse(Close.DisallowedIntents, 'Disallowed intent(s).');
    if (!isShard(shard)) return refuse(Close.InvalidShard, 'Invalid shard.');
    if (shard[1] < this.#options.shards) return refuse(Close.ShardingRequired, 'Sharding required.');
    this.#identifiesLeft -= 1;
    if (!this.#identifies.take().ok) {
      socket.send(JSON.stringify(INVALID_SESSION));
      return null;
    }
    const session: Session = {
      id: randomBytes(16).toString('hex'),
      intents: intents as number,
      shard,
      sequence: 0,
      sent: [],
      socket,
    };
    this.#sessions.set(session.id, session);
    const mine = guilds().filter(({ id }) => Number((BigInt(id) >> 22n) % BigInt(shard[1])) === shard[0]);
    this.#send(session, 'READY', {
      v: 10,
      session_type: 'normal',
      session_id: session.id,
      resume_gateway_url: this.#url,
      shard,
      guilds: mine.map(({ id }) => ({ id, unavailable: true })),
      ...ready(),
    });
    if (session.intents & GatewayIntentBits.Guilds)
      for (const { payload } of mine) this.#send(session, 'GUILD_CREATE', payload);
    changed();
    return session;
  }

  #resume(socket: WebSocket, resume: Record<string, unknown>): Session | null {
    if (resume.token !== this.#options.token) {
      socket.close(Close.AuthenticationFailed, 'Authentication failed.');
      return null;
    }
    const session = this.#sessions.get(String(resume.session_id));
    if (!session) {
      socket.send(JSON.stringify(INVALID_SESSION));
      return null;
    }
    const seen = Number(resume.seq);
    if (!(seen >= 0 && seen <= session.sequence)) {
      socket.close(Close.InvalidSeq, 'Invalid seq.');
      return null;
    }
    session.socket?.terminate();
    session.socket = socket;
    for (const { sequence, frame } of session.sent) if (sequence > seen) socket.send(frame);
    this.#send(session, 'RESUMED', {});
    this.#options.changed();
    return session;
  }

  #send(session: Session, type: string, data: object): void {
    session.sequence += 1;
    const frame = JSON.stringify({ op: Op.Dispatch, t: type, s: session.sequence, d: data });
    if (!session.socket && session.sent.length >= MISSED_EVENTS) this.#sessions.delete(session.id);
    session.sent.push({ sequence: session.sequence, frame });
    session.socket?.send(frame);
  }
}

const INVALID_SESSION = { op: Op.InvalidSession, d: false };

function parse(data: Buffer): { op: number; d: unknown } | undefined {
  try {
    const value = JSON.parse(data.toString());
    return typeof value?.op === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** A heartbeat says up to which event the client has got. */
function forget(session: Session | null, seen: unknown): void {
  if (session && typeof seen === 'number') session.sent = session.sent.filter((s) => s.sequence > seen);
}

const isShard = (value: unknown): value is [number, number] =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every(Number.isSafeInteger) &&
  value[0] >= 0 &&
  value[0] < value[1];
