import { type Client, Events } from 'discord.js';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Leases } from '../../src/cluster/leases.ts';
import { newClient } from './client.ts';
import { connect, gatewayInfo, isConnected, logConnection, surviveOddEvents } from './connection.ts';
import type { DiscordHttp } from './http.ts';
import { IdentifyGate } from './identify.ts';
import { Tenure } from './tenure.ts';

/** How often a process looks whether a shard is free; ms. */
const LOOK = 1_000;

/** How long a process that stops waits for another to take a shard, and then for it to be connected; ms. */
const TAKEN_WITHIN = 2_500;
const CONNECTED_WITHIN = 2_000;

/** Until a shard is tried again that could not be connected or kept: doubled each time, from and to; ms. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 5 * 60_000;
/** A shard that was kept for so long begins with the first pause again; ms. */
const KEPT = 60_000;

/** A shard whose connection is this process's. */
export interface HeldShard {
  readonly client: Client;
  /** Whether what the client brings is for this process. */
  hears(): Promise<boolean>;
  /** Aborts when the shard is given up or lost. */
  readonly ended: AbortSignal;
}

export interface GatewayParts {
  readonly token: string;
  readonly apiUrl: string | undefined;
  /** How many shards there are in all processes together; 'auto' for as many as Discord recommends. */
  readonly shards: number | 'auto';
  readonly typing: boolean;
  readonly leases: Leases;
  readonly http: DiscordHttp;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each client before it connects. */
  readonly listen: (shard: HeldShard) => void;
  /** Called when the first shard is connected. */
  readonly onConnected: (client: Client<true>) => Promise<void>;
}

interface Shard {
  readonly id: number;
  readonly lease: string;
  state: 'wanted' | 'elsewhere' | 'held';
  client: Client | null;
  tenure: Tenure | null;
  /** Until it is tried again; ms. */
  pause: number;
  notBefore: number;
}

/**
 * The connections to Discord's gateway. Of all processes one has each shard's, by a lease; a client serves one
 * shard, so that shards come and go one by one. A process connects one shard after the other, so that others
 * that start at the same time get their share.
 */
export class Gateway {
  readonly #parts: GatewayParts;
  readonly #identify: IdentifyGate;
  readonly #stopped = new AbortController();
  /** Clients to be closed in the end. */
  readonly #clients = new Set<Client>();
  #shards: readonly Shard[] = [];
  #running: Promise<void> = Promise.resolve();

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#identify = new IdentifyGate(parts);
  }

  /** True while each shard is connected, here or, as far as is known, in another process. */
  get connected(): boolean {
    return (
      this.#shards.length > 0 &&
      this.#shards.every(
        ({ state, client }) =>
          state === 'elsewhere' || (state === 'held' && client !== null && isConnected(client)),
      )
    );
  }

  /**
   * Resolves when each shard is connected or another process's. From then on shards that become free are taken.
   * @throws OperatorError that says what to do
   */
  async start(): Promise<void> {
    const { http, shards, clock } = this.#parts;
    const info = await gatewayInfo(http);
    const count = shards === 'auto' ? info.shards : shards;
    this.#shards = Array.from({ length: count }, (_, id) => ({
      id,
      lease: `discord:shard:${id}/${count}`,
      state: 'wanted',
      client: null,
      tenure: null,
      pause: FIRST_PAUSE,
      notBefore: 0,
    }));
    for (const shard of this.#shards) await this.#take(shard);
    const { signal } = this.#stopped;
    this.#running = (async () => {
      while (!signal.aborted) {
        await sleep(clock, LOOK, signal).catch(() => {});
        for (const shard of this.#shards) await this.#tryToTake(shard);
      }
    })();
  }

  /**
   * Gives the shards up, so that other processes have them at once, and waits a few seconds for them to connect:
   * what happens until then is still heard here. Connections stay open until `close`.
   */
  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    const held = this.#shards.filter(({ state }) => state === 'held');
    await Promise.all(held.map(({ tenure }) => tenure?.end()));
    if (this.#parts.leases.shared) await Promise.all(held.map((shard) => this.#handOver(shard)));
  }

  async #handOver({ id, lease }: Shard): Promise<void> {
    const { leases, clock, log } = this.#parts;
    for (let waited = 0; waited < TAKEN_WITHIN; waited += LOOK / 4) {
      await sleep(clock, LOOK / 4);
      // Held for a moment, and nobody's again, where no other process wants it.
      const free = await leases.hold(lease, 1).catch(() => true);
      if (free) continue;
      await sleep(clock, CONNECTED_WITHIN);
      log.info({ shard: id }, 'another process has taken over the connection to Discord');
      return;
    }
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.all([...this.#clients].map((client) => this.#destroy(client)));
    await this.#running;
  }

  async #tryToTake(shard: Shard): Promise<void> {
    const { clock, log } = this.#parts;
    if (shard.state === 'held' || this.#stopped.signal.aborted || clock.monotonic() < shard.notBefore) return;
    await this.#take(shard).catch((error) => {
      this.#giveRest(shard);
      log.error({ shard: shard.id, err: error, retryInMs: shard.pause }, 'cannot connect a shard to Discord');
    });
  }

  /** Connects the shard, unless another process has it. @throws OperatorError */
  async #take(shard: Shard): Promise<void> {
    const { leases, clock, log, token, onConnected } = this.#parts;
    const tenure = await Tenure.take(leases, shard.lease, { clock, log }).catch((error) => {
      log.warn({ shard: shard.id, err: error }, 'cannot tell which process has the connection to Discord');
      shard.state = 'wanted';
    });
    if (tenure === undefined) return;
    if (this.#stopped.signal.aborted) return tenure?.end();
    if (tenure === null) {
      if (shard.state !== 'elsewhere')
        log.info({ shard: shard.id }, 'another process has the connection to Discord; this one stands by');
      shard.state = 'elsewhere';
      return;
    }
    const client = this.#newClient(shard, tenure);
    Object.assign(shard, { state: 'held', client, tenure });
    const since = clock.monotonic();
    const over = (why: string) => {
      if (shard.client !== client || this.#stopped.signal.aborted) return;
      Object.assign(shard, { state: 'wanted', client: null, tenure: null });
      if (clock.monotonic() - since > KEPT) shard.pause = FIRST_PAUSE;
      this.#giveRest(shard);
      log.warn({ shard: shard.id }, why);
      void this.#destroy(client);
      void tenure.end();
    };
    tenure.lost.addEventListener('abort', () => over('lost the lease of a shard; its connection is closed'));
    try {
      const ready = await connect(client, token, { clock, gate: this.#identify, signal: tenure.lost });
      client.once(Events.ShardDisconnect, () => over('the connection of a shard was closed for good'));
      if (shard.id === 0) await onConnected(ready);
    } catch (error) {
      // Then all is done: the shard is tried again when it is free.
      if (tenure.lost.aborted) return;
      Object.assign(shard, { state: 'wanted', client: null, tenure: null });
      await Promise.all([this.#destroy(client), tenure.end()]);
      throw error;
    }
  }

  #giveRest(shard: Shard): void {
    shard.notBefore = this.#parts.clock.monotonic() + shard.pause;
    shard.pause = Math.min(2 * shard.pause, LAST_PAUSE);
  }

  #newClient(shard: Shard, tenure: Tenure): Client {
    const { apiUrl, typing, log, listen } = this.#parts;
    const shards = this.#shards.length;
    const client = newClient({ apiUrl, typing, shard: shard.id, shards, identify: this.#identify });
    this.#clients.add(client);
    logConnection(client, log);
    surviveOddEvents(client, log);
    // Once stopping, what comes until the connection is closed is for whoever hears it.
    const hears = async () => this.#stopped.signal.aborted || tenure.holds();
    listen({ client, hears, ended: tenure.lost });
    return client;
  }

  async #destroy(client: Client): Promise<void> {
    client.removeAllListeners(Events.ShardReconnecting); // our own goodbye is no loss
    await client.destroy().catch((error) => {
      this.#parts.log.warn({ err: error }, 'a connection to Discord could not be closed');
    });
    this.#clients.delete(client);
  }
}
