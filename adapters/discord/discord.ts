import { type Client, OAuth2Scopes, Routes } from 'discord.js';
import { type Logger, stdSerializers } from 'pino';
import type { Commands } from '../../src/bot/commands.ts';
import type {
  Address,
  Bot,
  ChatPlatform,
  CommandNotice,
  ImageLimits,
  ImageRef,
  ReplySurface,
  Spare,
  Spot,
} from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { type Leases, LocalLeases } from '../../src/cluster/leases.ts';
import { OperatorError } from '../../src/errors.ts';
import { readAddress } from './address.ts';
import { answerThis, ask } from './ask.ts';
import { fetchImage } from './attachments.ts';
import { type Command, registerCommands } from './commands.ts';
import { Gateway } from './gateway.ts';
import { DiscordHttp } from './http.ts';
import { Inbox } from './inbox.ts';
import { body, modelCommand } from './model-command.ts';
import { DiscordReply } from './surface.ts';
import { Typing } from './typing.ts';

export interface DiscordOptions {
  readonly token: string;
  /** Without the version; default the real service. */
  readonly apiUrl?: string;
  /** Commands for this server only, which appear at once; default everywhere. */
  readonly guildId?: string;
  /** For /model; without them there is no such command. */
  readonly commands?: Commands;
  /** Called when somebody types where the bot would answer. */
  readonly onIntent?: ((place: { readonly channel: string; readonly parent?: string }) => void) | undefined;
  /** How many shards there are in all processes together; default as many as Discord recommends. */
  readonly shards?: number | 'auto';
  /** Which process has which shard's connection; default all are this one's. */
  readonly leases?: Leases;
  /** Through which "is typing…" goes. */
  readonly spare: Spare;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Discord through discord.js: events come in over its gateway, replies go out over HTTP of our own. */
export function createDiscord(options: DiscordOptions): ChatPlatform {
  return new Discord(options);
}

class Discord implements ChatPlatform {
  readonly platform = 'discord';
  readonly #options: DiscordOptions;
  readonly #log: Logger;
  readonly #commands: readonly Command[];
  readonly #http: DiscordHttp;
  readonly #typing: Typing;
  #inbox: Inbox | null = null;
  #gateway: Gateway | null = null;

  constructor(options: DiscordOptions) {
    this.#options = options;
    this.#log = options.log.child({}, { serializers: { err: withoutRequest } });
    this.#commands = [ask, answerThis, ...(options.commands ? [modelCommand(options.commands)] : [])];
    this.#http = new DiscordHttp(options);
    const { spare, clock } = options;
    this.#typing = new Typing(this.#http, { spare, clock, log: this.#log });
  }

  get connected(): boolean {
    return this.#gateway?.connected ?? false;
  }

  async start(bot: Bot): Promise<void> {
    const { token, apiUrl, shards = 'auto', leases = new LocalLeases(), clock } = this.#options;
    const { commands, onIntent } = this.#options;
    const log = this.#log;
    const inbox = new Inbox({ bot, list: this.#commands, commands, onIntent, clock, log });
    this.#inbox = inbox;
    this.#gateway = new Gateway({
      token,
      apiUrl,
      shards,
      typing: onIntent !== undefined,
      leases,
      http: this.#http,
      clock,
      log,
      listen: (shard) => inbox.listen(shard),
      onConnected: async (client) => {
        await this.#register(client);
        if (client.ws.shards.size === 1 && client.guilds.cache.size === 0)
          log.warn(`in no server yet: invite the bot with ${invite(client)}`);
      },
    });
    try {
      await this.#gateway.start();
    } catch (error) {
      // Replies still go out, which need no connection.
      inbox.stop();
      await this.#gateway.close();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#gateway?.stop();
    this.#inbox?.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    this.#typing.close();
    await this.#gateway?.close();
    await this.#http.close();
  }

  open(address: Address, attempt: number): ReplySurface {
    return new DiscordReply(readAddress(address), attempt, {
      http: this.#http,
      typing: this.#typing,
      clock: this.#options.clock,
    });
  }

  async tell({ channel }: Spot, notice: CommandNotice): Promise<void> {
    await this.#http.call({ method: 'POST', route: Routes.channelMessages(channel), body: body(notice) });
  }

  async directChannel(user: string): Promise<Spot> {
    const route = Routes.userChannels();
    const { json } = await this.#http.call<{ id: string }>({
      method: 'POST',
      route,
      body: { recipient_id: user },
    });
    return { channel: json.id };
  }

  async fetchImage(image: ImageRef, limits: ImageLimits): Promise<Uint8Array> {
    return fetchImage(image, limits);
  }

  /** Without its commands the bot still answers when mentioned: only what the operator can mend ends the start. */
  async #register(client: Client<true>): Promise<void> {
    try {
      await registerCommands(client, this.#commands, this.#options.guildId);
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      this.#log.error(
        { err: error },
        'cannot register the commands; they stay as Discord has them until the next start',
      );
    }
  }
}

/** The library's errors carry what was sent, and addresses with an interaction's token in them. */
function withoutRequest(error: Error): object {
  const { requestBody, url, ...rest } = stdSerializers.err(error);
  return rest;
}

/** Asks for what the bot needs and no more: to see channels, read their history and write in them. */
const invite = (client: Client<true>): string =>
  client.generateInvite({
    scopes: [OAuth2Scopes.Bot, OAuth2Scopes.ApplicationsCommands],
    permissions: ['ViewChannel', 'SendMessages', 'SendMessagesInThreads', 'ReadMessageHistory'],
  });
