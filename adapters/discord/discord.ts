import {
  type ButtonInteraction,
  Client,
  Events,
  GatewayDispatchEvents,
  GatewayIntentBits,
  type GatewayTypingStartDispatchData,
  type Interaction,
  type Message,
  MessageFlags,
  OAuth2Scopes,
  Options,
  type PartialMessage,
  Partials,
  Routes,
} from 'discord.js';
import { type Logger, stdSerializers } from 'pino';
import { type Commands, isCommandButton } from '../../src/bot/commands.ts';
import {
  type Address,
  type Bot,
  type ChatPlatform,
  type CommandNotice,
  type ImageLimits,
  type ImageRef,
  parseButtonId,
  type ReplySurface,
} from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { OperatorError } from '../../src/errors.ts';
import { KeyedQueue } from '../../src/keyed-queue.ts';
import { readAddress } from './address.ts';
import { answerThis, ask, NOT_TAKEN } from './ask.ts';
import { fetchImage } from './attachments.ts';
import { CatchUp } from './catch-up.ts';
import { type Command, registerCommands } from './commands.ts';
import { connect, isConnected, logConnection } from './connection.ts';
import { DiscordHttp } from './http.ts';
import { askerOf, isForBot, isFromPerson, missingPermission, parentOf, questionOf } from './messages.ts';
import { body, modelCommand, pressModelButton } from './model-command.ts';
import { DiscordReply } from './surface.ts';
import { Typing } from './typing.ts';

const NOT_DONE = '⚠️ That did not work just now. Please try again in a moment.';

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
  readonly #client: Client;
  readonly #http: DiscordHttp;
  readonly #typing: Typing;
  /** Keeps a channel's messages in order while the store is asked whether they are for the bot. */
  readonly #inOrder = new KeyedQueue();
  #catchUp: CatchUp | null = null;
  readonly #closed = new AbortController();
  #taking = false;

  constructor(options: DiscordOptions) {
    this.#options = options;
    this.#log = options.log.child({}, { serializers: { err: withoutRequest } });
    this.#commands = [ask, answerThis, ...(options.commands ? [modelCommand(options.commands)] : [])];
    this.#client = newClient(options.apiUrl, options.onIntent !== undefined);
    this.#http = new DiscordHttp(options);
    this.#typing = new Typing(this.#http, options.clock, this.#log);
  }

  get connected(): boolean {
    return isConnected(this.#client);
  }

  async start(bot: Bot): Promise<void> {
    const { token, clock, guildId } = this.#options;
    logConnection(this.#client, this.#log);
    this.#listen(bot);
    this.#taking = true;
    try {
      const client = await connect(this.#client, token, clock);
      await this.#register(client, guildId);
      if (client.guilds.cache.size === 0)
        this.#log.warn(`in no server yet: invite the bot with ${invite(client)}`);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#taking = false;
    this.#closed.abort();
  }

  async close(): Promise<void> {
    await this.stop();
    this.#typing.close();
    this.#client.removeAllListeners(Events.ShardReconnecting); // our own goodbye is no loss
    await this.#client.destroy();
    await this.#http.close();
  }

  open(address: Address, attempt: number): ReplySurface {
    return new DiscordReply(readAddress(address), attempt, {
      http: this.#http,
      typing: this.#typing,
      clock: this.#options.clock,
    });
  }

  async tell(channel: string, notice: CommandNotice): Promise<void> {
    await this.#http.call({ method: 'POST', route: Routes.channelMessages(channel), body: body(notice) });
  }

  async directChannel(user: string): Promise<string> {
    const { id } = await this.#client.users.createDM(user);
    return id;
  }

  async fetchImage(image: ImageRef, limits: ImageLimits): Promise<Uint8Array> {
    return fetchImage(image, limits);
  }

  #listen(bot: Bot): void {
    const client = this.#client;
    const guarded = (ids: object, task: Promise<void>) =>
      void task.catch((error) =>
        this.#log.error({ ...ids, err: error }, 'a Discord event could not be handled'),
      );

    client.on(Events.MessageCreate, (message) => {
      if (!this.#taking || !isFromPerson(message)) return;
      const { id, channelId } = message;
      guarded(
        { message: id, channel: channelId },
        this.#inOrder.run(channelId, async () => {
          await this.#catchUp?.first(channelId);
          await this.#take(message, bot);
        }),
      );
    });
    // Not after a connection that was resumed, which brings what was missed.
    client.on(Events.ShardReady, () => guarded({}, this.#catchUpOn(client, bot)));
    client.on(Events.InteractionCreate, (interaction) => {
      const { id, channelId } = interaction;
      guarded({ interaction: id, channel: channelId }, this.#answer(interaction, bot));
    });
    // Not the library's own event, which leaves out direct messages from channels not seen before.
    client.ws.on(GatewayDispatchEvents.TypingStart, (typing: GatewayTypingStartDispatchData) =>
      guarded({ channel: typing.channel_id }, this.#typed(typing, bot)),
    );
    const deleted = ({ id, channelId, guildId, author }: Message | PartialMessage) => {
      if (author && author.id !== client.user?.id) return;
      const where = { workspace: guildId ?? channelId, channel: channelId, message: id };
      guarded(where, (async () => bot.messageDeleted({ platform: 'discord', ...where }))());
    };
    client.on(Events.MessageDelete, deleted);
    client.on(Events.MessageBulkDelete, (messages) => messages.forEach(deleted));
  }

  async #catchUpOn(client: Client, bot: Bot): Promise<void> {
    const log = this.#log;
    const take = (message: Message) =>
      this.#take(message, bot, { late: true }).catch((error) => {
        const { id, channelId } = message;
        log.error({ message: id, channel: channelId, err: error }, 'a Discord event could not be handled');
      });
    const { signal } = this.#closed;
    this.#catchUp = new CatchUp({ client, bot, take, clock: this.#options.clock, log, signal });
    await this.#catchUp.run();
  }

  /** `late`: not as it was written, but found afterwards. */
  async #take(message: Message, bot: Bot, { late = false } = {}): Promise<void> {
    if (!(await isForBot(message, bot))) return;
    const missing = missingPermission(message);
    if (missing) {
      this.#log.warn({ message: message.id, channel: message.channelId }, 'may not answer in this channel');
      // Whoever asked a while ago may have been told already.
      if (!late) await message.author.send(missing);
      return;
    }
    // Not every message says what its author is in the server.
    if (late) await message.guild?.members.fetch(message.author.id).catch(() => {});
    try {
      await bot.ask(await questionOf(message));
    } catch (error) {
      this.#log.error({ message: message.id, err: error }, 'a question could not be taken');
      await message.reply(NOT_TAKEN);
    }
  }

  async #answer(interaction: Interaction, bot: Bot): Promise<void> {
    const { commands, clock } = this.#options;
    if (interaction.isButton()) {
      if (commands && isCommandButton(interaction.customId)) return pressModelButton(interaction, commands);
      return this.#press(interaction, bot);
    }
    // While stopping, commands are left to another process, or to Discord's own words.
    if (!this.#taking) return;
    if (!interaction.isChatInputCommand() && !interaction.isMessageContextMenuCommand()) return;
    const command = this.#commands.find(({ definition }) => definition.name === interaction.commandName);
    if (command) await command.run(interaction, { bot, clock, log: this.#log });
  }

  /** Somebody writes to the bot, or in a thread that it takes part in. */
  async #typed(typing: GatewayTypingStartDispatchData, bot: Bot): Promise<void> {
    const { onIntent } = this.#options;
    const { guild_id: guild, channel_id: conversation, user_id: user, member } = typing;
    if (!onIntent || user === this.#client.user?.id || member?.user?.bot) return;
    const channel = this.#client.channels.cache.get(conversation);
    const thread = channel?.isThread() ? channel : undefined;
    const engaged =
      guild === undefined ||
      (thread && (await bot.isEngaged({ platform: 'discord', workspace: guild, conversation })));
    if (engaged) onIntent({ channel: conversation, ...parentOf(thread ?? null) });
  }

  async #press(interaction: ButtonInteraction, bot: Bot): Promise<void> {
    const button = parseButtonId(interaction.customId);
    if (!button) return;
    const { guildId, channelId, user, member } = interaction;
    const acknowledged = interaction.deferUpdate();
    const pressed = bot.press({
      platform: 'discord',
      workspace: guildId ?? channelId,
      channel: channelId,
      button: button.kind,
      turn: button.turn,
      user: askerOf(user, member),
    });
    const answer = await pressed.catch((error) => {
      this.#log.error({ interaction: interaction.id, err: error }, 'a button could not be acted on');
      return NOT_DONE;
    });
    // A Stop has worked by now even if Discord could not be told.
    await acknowledged;
    if (answer !== null) await interaction.followUp({ content: answer, flags: MessageFlags.Ephemeral });
  }

  /** Without its commands the bot still answers when mentioned: only what the operator can mend ends the start. */
  async #register(client: Client<true>, guildId: string | undefined): Promise<void> {
    try {
      await registerCommands(client, this.#commands, guildId);
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      this.#log.error(
        { err: error },
        'cannot register the commands; they stay as Discord has them until the next start',
      );
    }
  }
}

function newClient(apiUrl: string | undefined, typing: boolean): Client {
  const own = ({ id, client }: { id: string; client: Client }) => id === client.user?.id;
  return new Client({
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.MessageContent,
      GatewayIntentBits.DirectMessages,
      ...(typing ? [GatewayIntentBits.GuildMessageTyping, GatewayIntentBits.DirectMessageTyping] : []),
    ],
    // Direct messages come from channels not seen before; deletions are of messages seen long ago.
    partials: [Partials.Channel, Partials.Message],
    allowedMentions: { parse: [], repliedUser: false },
    failIfNotExists: false,
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      MessageManager: 50,
      ReactionManager: 0,
      PresenceManager: 0,
      GuildMemberManager: { maxSize: 1000, keepOverLimit: own },
      UserManager: { maxSize: 2000, keepOverLimit: own },
    }),
    ...(apiUrl !== undefined && { rest: { api: apiUrl.replace(/\/+$/, '') } }),
  });
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
