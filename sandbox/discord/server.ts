import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GatewayIntentBits } from 'discord.js';
import { type Clock, systemClock } from '../../src/clock.ts';
import { Faults } from '../faults.ts';
import { Commands } from './commands.ts';
import { Gateway } from './gateway.ts';
import { ApiServer, type Upload } from './http.ts';
import { Interactions } from './interactions.ts';
import { guildPayload, userPayload } from './payloads.ts';
import { Posting } from './posting.ts';
import { type Budgets, RateLimits } from './rate-limits.ts';
import { accountRoutes, applicationFlags } from './routes-account.ts';
import { commandRoutes } from './routes-commands.ts';
import { interactionRoutes } from './routes-interactions.ts';
import { messageRoutes } from './routes-messages.ts';
import { reactionRoutes } from './routes-reactions.ts';
import { threadRoutes } from './routes-threads.ts';
import { World } from './world.ts';

export interface FakeDiscordOptions {
  /** Default: any free one. */
  readonly port?: number;
  /** Where the bot is told to find the gateway, ws://…; default: straight at this server. */
  readonly publicGateway?: string;
  readonly token?: string;
  readonly clock?: Clock;
  /** Replaces single budgets. */
  readonly budgets?: Partial<Budgets>;
  /** Privileged intents switched on in the "developer portal"; default: MessageContent alone. */
  readonly intentsAllowed?: readonly ('MessageContent' | 'GuildMembers' | 'GuildPresences')[];
  /** IDENTIFYs left before the token is reset; default 1000, Discord's number for a day. */
  readonly identifies?: number;
  /** IDENTIFYs in 5 s; default 16, so that a test may restart its bot. Small bots have 1. */
  readonly maxConcurrency?: number;
  /** Shards that Discord recommends for the bot, and the fewest it takes; default 1. */
  readonly shards?: number;
  /** ms between heartbeats; default 41,250. */
  readonly heartbeatMs?: number;
}

/** The parts of the local Discord, put together: one world, seen through the gateway and the REST API. */
export class DiscordServer {
  readonly token: string;
  readonly faults = new Faults();
  readonly world: World;
  readonly commands: Commands;
  readonly interactions: Interactions;
  readonly posting: Posting;
  readonly rateLimits: RateLimits;
  readonly gateway: Gateway;
  readonly api: ApiServer;
  /** "127.0.0.1:4711" */
  address = '';
  readonly #publicGateway: string | undefined;

  constructor(options: FakeDiscordOptions, changed: () => void) {
    const clock = options.clock ?? systemClock;
    const { faults } = this;
    const world = new World(clock, 'pilotlight');
    // The first part of a bot's token is its id.
    const token =
      options.token ?? `${Buffer.from(world.bot.id).toString('base64url')}.local.${'0'.repeat(38)}`;
    const privileged = (options.intentsAllowed ?? ['MessageContent']).reduce(
      (sum, name) => sum | GatewayIntentBits[name],
      0,
    );
    const posting = new Posting(world);
    const interactions = new Interactions(world);
    const commands = new Commands(world.ids, world.applicationId, world.guildId);
    const rateLimits = new RateLimits(clock, options.budgets ?? {});
    const gateway = new Gateway({
      clock,
      token,
      privileged,
      identifies: options.identifies ?? 1000,
      maxConcurrency: options.maxConcurrency ?? 16,
      shards: options.shards ?? 1,
      heartbeatMs: options.heartbeatMs ?? 41_250,
      ready: () => ({
        user: { ...userPayload(world.bot), verified: true, mfa_enabled: false, email: null },
        application: { id: world.applicationId, flags: applicationFlags(privileged) },
        private_channels: [],
        relationships: [],
        presences: [],
      }),
      guilds: () => [{ id: world.guildId, payload: guildPayload(world) }],
      changed,
    });
    const readsContent = (privileged & GatewayIntentBits.MessageContent) !== 0;
    this.api = new ApiServer({
      token,
      clock,
      faults,
      rateLimits,
      routes: [
        ...accountRoutes(world, gateway, privileged),
        ...commandRoutes(world, commands),
        ...messageRoutes({ world, posting, rateLimits, readsContent }),
        ...reactionRoutes(world),
        ...threadRoutes(world),
        ...interactionRoutes({ world, posting, interactions }),
      ],
      file: (path) => this.#file(path),
    });
    this.api.server.on('upgrade', (...upgrade) => this.#upgrade(...upgrade));
    world.on('event', (event) => gateway.dispatch(event));
    world.on('change', changed);
    this.#publicGateway = options.publicGateway;
    this.token = token;
    this.world = world;
    this.posting = posting;
    this.interactions = interactions;
    this.commands = commands;
    this.rateLimits = rateLimits;
    this.gateway = gateway;
  }

  async listen(port: number): Promise<void> {
    this.address = await this.api.listen(port);
    this.world.filesUrl = `http://${this.address}`;
    this.gateway.listenAt(this.#publicGateway ?? `ws://${this.address}`);
  }

  async close(): Promise<void> {
    this.interactions.close();
    this.world.typing.close();
    this.gateway.close();
    await this.api.close();
  }

  /** Faults know a connection to the gateway as "GET /"; any of them cuts it off. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.faults.take('GET /')) socket.destroy();
    else this.gateway.upgrade(request, socket, head);
  }

  #file(path: string): Upload | undefined {
    const [, kind, channel, id] = path.split('/');
    if (kind === 'ephemeral-attachments') return this.world.optionFiles.get(id!);
    if (kind !== 'attachments') return undefined;
    const messages = [...(this.world.channels.get(channel!)?.messages.values() ?? [])];
    return messages.flatMap(({ attachments }) => attachments).find((file) => file.id === id);
  }
}
