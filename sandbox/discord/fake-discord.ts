import { EventEmitter, once } from 'node:events';
import { ApplicationCommandType, GatewayIntentBits, InteractionType, MessageType } from 'discord.js';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { FakeChat, RateLimitHit, ShownMessage } from '../chat.ts';
import { Faults } from '../faults.ts';
import { Commands, type Registered } from './commands.ts';
import { buttonsOf } from './components.ts';
import { Gateway } from './gateway.ts';
import { ApiServer, type LoggedRequest, type Upload } from './http.ts';
import { PRIVILEGED } from './intents.ts';
import { type Interaction, Interactions } from './interactions.ts';
import {
  checkMayUse,
  clickData,
  interactionPayload,
  messageCommandData,
  type OptionValues,
  slashData,
} from './invocations.ts';
import { mentionsIn, PARSE_ALL } from './mentions.ts';
import { guildPayload, userPayload } from './payloads.ts';
import type { PermissionName } from './permissions.ts';
import { type Ping, Posting } from './posting.ts';
import { type Budgets, RateLimits } from './rate-limits.ts';
import type { Message } from './records.ts';
import { accountRoutes, applicationFlags } from './routes-account.ts';
import { commandRoutes } from './routes-commands.ts';
import { interactionRoutes } from './routes-interactions.ts';
import { messageRoutes } from './routes-messages.ts';
import { reactionRoutes } from './routes-reactions.ts';
import { threadRoutes } from './routes-threads.ts';
import { isShown, shown, withIds } from './shown.ts';
import { World } from './world.ts';

export interface FakeDiscordOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly token?: string;
  readonly botName?: string;
  readonly clock?: Clock;
  readonly budgets?: Partial<Budgets>;
  /** Privileged intents switched on in the "developer portal"; default MessageContent alone. */
  readonly intentsAllowed?: readonly ('MessageContent' | 'GuildMembers' | 'GuildPresences')[];
  /** IDENTIFYs left today; default 1000. */
  readonly identifies?: number;
  /** IDENTIFYs in 5 s; default 16, so that a test may restart its bot. Most bots have 1. */
  readonly maxConcurrency?: number;
  /** ms; default 41,250. */
  readonly heartbeatMs?: number;
}

/** An interaction that the bot acknowledged. */
export interface Invoked {
  readonly id: string;
  /** The message that @original means: the answer, or the message whose button was clicked. */
  readonly message: string;
}

/** A Discord of its own on 127.0.0.1: one server, its people, and a bot that may log in. */
export class FakeDiscord extends EventEmitter<{ change: [] }> implements FakeChat {
  readonly token: string;
  readonly faults = new Faults();
  /** Ids of what is there from the start. */
  readonly channelId: string;
  readonly adminId: string;
  readonly memberId: string;
  readonly otherId: string;
  readonly #world: World;
  readonly #commands: Commands;
  readonly #interactions: Interactions;
  readonly #posting: Posting;
  readonly #rateLimits: RateLimits;
  readonly #gateway: Gateway;
  readonly #api: ApiServer;
  #apiUrl = '';

  private constructor(options: FakeDiscordOptions) {
    super();
    const clock = options.clock ?? systemClock;
    // A token's first part is the bot's id, as discord.js expects it to be.
    const world = new World(clock, options.botName ?? 'Pilotlight');
    const encodedId = Buffer.from(world.bot.id).toString('base64url');
    const token = options.token ?? `${encodedId}.local.${'0'.repeat(38)}`;
    const privileged = (options.intentsAllowed ?? ['MessageContent']).reduce(
      (sum, name) => sum | GatewayIntentBits[name],
      0,
    );
    const changed = () => this.emit('change');
    this.token = token;
    this.#world = world;
    this.#commands = new Commands(world.ids, world.applicationId, world.guildId);
    this.#interactions = new Interactions(world);
    this.#posting = new Posting(world);
    this.#rateLimits = new RateLimits(clock, options.budgets ?? {});
    this.#gateway = new Gateway({
      clock,
      token,
      privileged,
      identifies: options.identifies ?? 1000,
      maxConcurrency: options.maxConcurrency ?? 16,
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
    this.#api = new ApiServer({
      token,
      clock,
      faults: this.faults,
      rateLimits: this.#rateLimits,
      routes: [
        ...accountRoutes(world, this.#gateway, privileged),
        ...commandRoutes(world, this.#commands),
        ...messageRoutes({
          world,
          posting: this.#posting,
          rateLimits: this.#rateLimits,
          readsContent: (privileged & PRIVILEGED & GatewayIntentBits.MessageContent) !== 0,
        }),
        ...reactionRoutes(world),
        ...threadRoutes(world),
        ...interactionRoutes({ world, posting: this.#posting, interactions: this.#interactions }),
      ],
      file: (path) => this.#file(path),
    });
    world.on('event', (event) => this.#gateway.dispatch(event));
    world.on('change', changed);
    this.#api.server.on('upgrade', (request, socket, head) => this.#gateway.upgrade(request, socket, head));

    this.channelId = world.addChannel('general').id;
    this.adminId = world.addPerson('admin', [world.addRole('Admin', ['Administrator']).id]).id;
    this.memberId = world.addPerson('member').id;
    this.otherId = world.addPerson('other').id;
    world.owner = this.adminId;
  }

  static async start(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
    const fake = new FakeDiscord(options);
    const address = await fake.#api.listen(options.port ?? 0);
    fake.#apiUrl = `http://${address}/api`;
    fake.#world.filesUrl = `http://${address}`;
    fake.#gateway.listenAt(`ws://${address}`);
    return fake;
  }

  async close(): Promise<void> {
    this.#interactions.close();
    this.#world.typing.close();
    this.#gateway.close();
    await this.#api.close();
  }

  /** "http://127.0.0.1:4711/api", for the client's `rest.api`. */
  get apiUrl(): string {
    return this.#apiUrl;
  }

  get applicationId(): string {
    return this.#world.applicationId;
  }

  get botUserId(): string {
    return this.#world.bot.id;
  }

  get guildId(): string {
    return this.#world.guildId;
  }

  get rateLimitHits(): readonly RateLimitHit[] {
    return this.#rateLimits.hits;
  }

  /** Every request so far with its answer's status, as the faults name routes. */
  get requests(): readonly LoggedRequest[] {
    return this.#api.requests;
  }

  /** Whom the bot's messages really mentioned, after allowed_mentions and permissions. */
  get pings(): readonly Ping[] {
    return this.#posting.pings;
  }

  get registeredCommands(): ReturnType<Commands['list']> {
    return this.#commands.list();
  }

  // Connections

  get connected(): boolean {
    return this.#gateway.connections > 0;
  }

  /** Resolves once a bot has identified or resumed and is connected. */
  async waitForConnection(): Promise<void> {
    while (!this.connected) await once(this, 'change');
  }

  dropConnections(): void {
    this.#gateway.drop();
  }

  /** Asks the bot to reconnect and resume (op 7), as Discord does before it restarts a node. */
  requestReconnect(): void {
    this.#gateway.requestReconnect();
  }

  /** Ends the bot's sessions (op 9): what happens before it identifies again is missed. */
  invalidateSessions(): void {
    this.#gateway.invalidateSessions();
  }

  // The place and its people

  addChannel(name: string): string {
    return this.#world.addChannel(name).id;
  }

  addRole(name: string, permissions: readonly PermissionName[] = []): string {
    return this.#world.addRole(name, permissions).id;
  }

  addPerson(name: string, options: { roles?: readonly string[] } = {}): string {
    return this.#world.addPerson(name, options.roles).id;
  }

  /** The direct message channel between a person and the bot. */
  dm(user: string): string {
    return this.#world.dm(user).id;
  }

  /** From now on the bot's direct messages to this person are refused (50007). */
  refuseDms(user: string): void {
    this.#world.user(user).refusesDms = true;
  }

  /** Takes permissions from the bot in one channel. */
  deny(channel: string, ...permissions: PermissionName[]): void {
    this.#world.overwrite(this.#world.channel(channel), false, permissions);
  }

  /** Gives the bot permissions in one channel. */
  allow(channel: string, ...permissions: PermissionName[]): void {
    this.#world.overwrite(this.#world.channel(channel), true, permissions);
  }

  // What people do

  /**
   * A person posts a message; "@pilotlight" in it mentions the bot as picking its name would. Returns its id.
   * `duplicate` delivers the event twice.
   */
  say(message: {
    channel: string;
    user: string;
    text: string;
    replyTo?: string;
    /** A reply mentions whom it replies to, unless switched off. Default true. */
    pingReplied?: boolean;
    attachments?: readonly Upload[];
    duplicate?: boolean;
  }): string {
    const world = this.#world;
    const author = world.user(message.user);
    const channel = world.channel(message.channel);
    if (channel.thread?.locked) throw new Error('Nobody can write in a locked thread');
    const content = withIds(world, message.text);
    const repliedTo = message.replyTo ? world.message(channel.id, message.replyTo) : undefined;
    const everyone = world.may(author, channel, 'MentionEveryone');
    const mentions = mentionsIn(content, undefined, {
      users: new Set(world.users.keys()),
      roles: new Map([...world.roles.values()].map((role) => [role.id, role.mentionable || everyone])),
      everyone,
      ...(repliedTo && { repliedTo: repliedTo.author }),
      fallback: { ...PARSE_ALL, replied_user: message.pingReplied ?? true },
    });
    const posted = world.post({
      channel: channel.id,
      author: author.id,
      content,
      mentions,
      ...(repliedTo && { replyTo: { channel: channel.id, message: repliedTo.id } }),
      attachments: (message.attachments ?? []).map((file) => ({ ...file, id: world.ids.next() })),
    });
    if (channel.thread?.archived) world.updateThread(channel, { archived: false });
    if (message.duplicate) world.publishMessage('MESSAGE_CREATE', posted);
    return posted.id;
  }

  /** A person changes their own message. */
  editMessage(channel: string, id: string, text: string): void {
    const message = this.#world.message(channel, id);
    this.#world.edit(message, { content: withIds(this.#world, text) });
  }

  deleteMessage(channel: string, id: string): void {
    this.#world.remove(this.#world.message(channel, id));
  }

  react(reaction: { channel: string; message: string; user: string; emoji: string }): void {
    const message = this.#world.message(reaction.channel, reaction.message);
    this.#world.react(message, this.#world.user(reaction.user), reaction.emoji, true);
  }

  typing({ channel, user }: { channel: string; user: string }): void {
    this.#world.startTyping(this.#world.channel(channel), this.#world.user(user));
  }

  /** A person makes a thread, from a message or alone. Returns its channel id. */
  createThread(thread: { channel: string; user: string; name: string; message?: string }): string {
    const parent = this.#world.channel(thread.channel);
    const { message } = thread;
    const owner = this.#world.user(thread.user);
    return this.#world.createThread(parent, owner, thread.name, message ? { message } : {}).id;
  }

  archiveThread(thread: string, { locked = false } = {}): void {
    this.#world.updateThread(this.#world.channel(thread), { archived: true, locked });
  }

  /**
   * A person uses a slash command; "warm start" is the subcommand start of /warm. Resolves when the bot has
   * acknowledged it; rejects when it did not in 3 s, and when Discord's client would not offer or send it.
   */
  command(use: { channel: string; user: string; name: string; options?: OptionValues }): Promise<Invoked> {
    const path = use.name.split(' ');
    const registered = this.#findCommand(path[0]!, ApplicationCommandType.ChatInput, use);
    const data = slashData(registered, path, use.options ?? {});
    const about = { messageType: MessageType.ChatInputCommand, command: use.name };
    return this.#invoke(use, { ...about, type: InteractionType.ApplicationCommand }, data);
  }

  /** A person picks one of the bot's commands from a message's context menu. */
  messageCommand(use: { channel: string; user: string; name: string; message: string }): Promise<Invoked> {
    const registered = this.#findCommand(use.name, ApplicationCommandType.Message, use);
    const data = messageCommandData(this.#world, registered, this.#world.message(use.channel, use.message));
    const about = { messageType: MessageType.ContextMenuCommand, command: use.name };
    return this.#invoke(use, { ...about, type: InteractionType.ApplicationCommand }, data);
  }

  async click(channel: string, message: string, button: string, user: string): Promise<void> {
    const target = this.#world.message(channel, message);
    const found = buttonsOf(target.components).find((b) => 'custom_id' in b && b.custom_id === button);
    if (!found || found.disabled) throw new Error(`Message ${message} shows no button ${button} to click`);
    if (target.onlyFor && target.onlyFor !== user)
      throw new Error(`Message ${message} is shown to another person only`);
    const about = { type: InteractionType.MessageComponent, messageType: MessageType.Reply } as const;
    await this.#invoke({ channel, user }, { ...about, clicked: message }, clickData(button), target);
  }

  /** The 15 minutes of an interaction are over. `id` is the interaction's or that of its answer. */
  expireInteraction(id: string): void {
    this.#interactions.expire(this.#interactions.get(id));
  }

  // What people see

  messages(channel: string): readonly ShownMessage[] {
    return [...this.#world.channel(channel).messages.values()]
      .filter(isShown)
      .map((message) => shown(this.#world, message));
  }

  activity(channel: string): readonly { readonly text: string }[] {
    return this.#world.typing
      .users(channel)
      .map((user) => ({ text: `${this.#world.user(user).name} is typing…` }));
  }

  #findCommand(
    name: string,
    type: ApplicationCommandType,
    use: { channel: string; user: string },
  ): Registered {
    const channel = this.#world.channel(use.channel);
    const registered = this.#commands.find(name, type, channel.recipient !== undefined);
    if (!registered) throw new Error(`No command "${name}" is registered here`);
    checkMayUse(this.#world, registered, use.user, channel);
    return registered;
  }

  async #invoke(
    { channel, user }: { channel: string; user: string },
    about: Pick<Interaction, 'type' | 'messageType' | 'command' | 'clicked'>,
    data: object,
    message?: Message,
  ): Promise<Invoked> {
    const { interaction, acknowledged } = this.#interactions.open({ ...about, channel, user });
    const payload = interactionPayload(this.#world, interaction, data, message);
    this.#world.publishInteraction(this.#world.channel(channel), payload);
    await acknowledged;
    return { id: interaction.id, message: interaction.original! };
  }

  #file(path: string): Upload | undefined {
    const [, kind, channel, id] = path.split('/');
    if (kind !== 'attachments') return undefined;
    const messages = [...(this.#world.channels.get(channel!)?.messages.values() ?? [])];
    return messages.flatMap(({ attachments }) => attachments).find((file) => file.id === id);
  }
}
