import { EventEmitter, once } from 'node:events';
import { type APIEmbed, EmbedType } from 'discord.js';
import type { FakeChat, RateLimitHit, ShownMessage } from '../chat.ts';
import type { Faults } from '../faults.ts';
import type { Commands } from './commands.ts';
import type { LoggedRequest } from './http.ts';
import { Invocations, type Invoked, type OptionValues, type SharedFile, uploaded } from './invocations.ts';
import { mentionsIn, PARSE_ALL } from './mentions.ts';
import type { PermissionName } from './permissions.ts';
import type { Ping } from './posting.ts';
import type { Mentions, Message } from './records.ts';
import { DiscordServer, type FakeDiscordOptions } from './server.ts';
import { isShown, shown, withIds } from './shown.ts';
import { createThread, updateThread } from './threads.ts';
import type { World } from './world.ts';

export type { Invoked } from './invocations.ts';
export type { Ping } from './posting.ts';
export type { FakeDiscordOptions } from './server.ts';

export interface Said {
  readonly channel: string;
  readonly user: string;
  /** As typed: `@name` or `<@123>` mention people, all else is literal. */
  readonly text: string;
  /** The id of the message it replies to. */
  readonly replyTo?: string;
  /** A reply mentions whom it replies to, unless the person switches that off; default true. */
  readonly pingReplied?: boolean;
  readonly files?: readonly SharedFile[];
  /** What another bot shows in boxes; people cannot. */
  readonly embeds?: readonly APIEmbed[];
  /** A message that is forwarded: a message of its own, without words or files. */
  readonly forwards?: { readonly channel: string; readonly message: string };
  /** The gateway brings the event twice. */
  readonly duplicate?: boolean;
}

/** A Discord on this machine: one server and its people, and a bot that may log in. */
export class FakeDiscord extends EventEmitter<{ change: [] }> implements FakeChat {
  /** A text channel that everybody and the bot see. */
  readonly channel: string;
  /** The direct messages between the asker and the bot. */
  readonly dm: string;
  /** Ids of the people. */
  readonly people: { readonly asker: string; readonly colleague: string; readonly admin: string };
  readonly #server: DiscordServer;
  readonly #world: World;
  readonly #invocations: Invocations;

  private constructor(options: FakeDiscordOptions) {
    super();
    this.#server = new DiscordServer(options, () => this.emit('change'));
    this.#world = this.#server.world;
    this.#invocations = new Invocations(this.#server);
    this.people = {
      asker: this.addUser('asker'),
      colleague: this.addUser('colleague'),
      admin: this.addUser('admin', { roles: [this.addRole('Admin', ['Administrator'])] }),
    };
    this.#world.owner = this.people.admin;
    this.channel = this.addChannel('general');
    this.dm = this.openDm(this.people.asker);
  }

  /** Starts on loopback, with one channel, one DM and three people. Rejects when the port is taken. */
  static async start(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
    const fake = new FakeDiscord(options);
    await fake.#server.listen(options.port ?? 0);
    return fake;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  /** For DISCORD_API_URL and the client's `rest.api`. */
  get apiUrl(): string {
    return `http://${this.#server.address}/api`;
  }

  get token(): string {
    return this.#server.token;
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

  get faults(): Faults {
    return this.#server.faults;
  }

  get rateLimitHits(): readonly RateLimitHit[] {
    return this.#server.rateLimits.hits;
  }

  /** Every request that was answered, also refused ones. */
  get calls(): readonly LoggedRequest[] {
    return this.#server.api.requests;
  }

  /** Mentions that the bot's messages made real, after allowed_mentions and permissions. */
  get pings(): readonly Ping[] {
    return this.#server.posting.pings;
  }

  get registeredCommands(): ReturnType<Commands['list']> {
    return this.#server.commands.list();
  }

  get connected(): boolean {
    return this.connections > 0;
  }

  /** Bots that have identified or resumed and are connected. */
  get connections(): number {
    return this.#server.gateway.connections;
  }

  async waitForConnection(): Promise<void> {
    while (!this.connected) await once(this, 'change');
  }

  /** The sessions stay: a bot that resumes misses nothing. */
  dropConnections(): void {
    this.#server.gateway.drop();
  }

  /** Closes every connection with one of Discord's close codes, and ends the sessions. */
  closeConnections(code: number): void {
    this.#server.gateway.closeWith(code);
  }

  /** Asks the bot to reconnect and resume (op 7), as Discord does before it restarts a node. */
  requestReconnect(): void {
    this.#server.gateway.requestReconnect();
  }

  /** Ends the sessions (op 9): what happens before the bot has identified again is missed. */
  invalidateSessions(): void {
    this.#server.gateway.invalidateSessions();
  }

  /** Tells the bot of something as it is, e.g. of what came after its library was written. */
  dispatch(type: string, data: object): void {
    this.#server.gateway.dispatch({ type, data, intents: 0 });
  }

  addUser(name: string, options: { roles?: readonly string[]; bot?: boolean } = {}): string {
    return this.#world.addUser(name, options.roles, options.bot).id;
  }

  addRole(name: string, permissions: readonly PermissionName[] = [], mentionable = false): string {
    return this.#world.addRole(name, permissions, mentionable).id;
  }

  addChannel(name: string): string {
    return this.#world.addChannel(name).id;
  }

  openDm(user: string): string {
    return this.#world.dm(user).id;
  }

  /** From now on the bot's direct messages to this person are refused. */
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

  deleteChannel(channel: string): void {
    this.#world.removeChannel(this.#world.channel(channel));
  }

  /** A person posts a message. Returns its id. */
  say(said: Said): string {
    const world = this.#world;
    const channel = world.channel(said.channel);
    if (channel.thread?.locked) throw new Error('nobody can write in a locked thread');
    const repliedTo = said.replyTo ? world.message(channel.id, said.replyTo) : undefined;
    const content = withIds(world, said.text);
    const message = world.post({
      channel: channel.id,
      author: world.user(said.user).id,
      content,
      mentions: this.#mentions(said.user, channel.id, content, repliedTo, said.pingReplied),
      ...(repliedTo && { replyTo: { channel: channel.id, message: repliedTo.id } }),
      attachments: (said.files ?? []).map((file) => uploaded(world, file)),
      ...(said.embeds && { embeds: said.embeds.map((embed) => ({ ...embed, type: EmbedType.Rich })) }),
      ...(said.forwards && { forwards: forwarded(world, said) }),
    });
    if (channel.thread?.archived) updateThread(world, channel, { archived: false });
    if (said.duplicate) world.publishMessage('MESSAGE_CREATE', message);
    return message.id;
  }

  /** A person changes their own message. */
  editMessage(channel: string, id: string, text: string): void {
    const message = this.#world.message(channel, id);
    const content = withIds(this.#world, text);
    const mentions = this.#mentions(message.author, channel, content);
    this.#world.edit(message, { content, mentions });
  }

  /** Discord adds the preview of a link: an update that is no edit. */
  unfurl(channel: string, id: string, title: string): void {
    const message = this.#world.message(channel, id);
    message.embeds = [{ type: 'link', title } as Message['embeds'][number]];
    this.#world.publishMessage('MESSAGE_UPDATE', message);
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

  /** A person makes a thread, from a message or alone. Returns its channel's id. */
  createThread(thread: { channel: string; user: string; name: string; message?: string }): string {
    const parent = this.#world.channel(thread.channel);
    return createThread(this.#world, parent, {
      name: thread.name,
      owner: this.#world.user(thread.user),
      ...(thread.message && { message: this.#world.message(parent.id, thread.message) }),
    }).id;
  }

  archiveThread(thread: string, { locked = false } = {}): void {
    updateThread(this.#world, this.#world.channel(thread), { archived: true, locked });
  }

  /**
   * A person uses a slash command; "warm start" is the subcommand start of /warm. Resolves when the bot has
   * acknowledged it. Rejects when it did not in 3 s, and when Discord would not offer or send the command.
   */
  async command(use: {
    channel: string;
    user: string;
    name: string;
    options?: OptionValues;
  }): Promise<Invoked> {
    return this.#invocations.command(use);
  }

  /** A person picks one of the bot's commands from a message's context menu; else like `command`. */
  async messageCommand(use: {
    channel: string;
    user: string;
    name: string;
    message: string;
  }): Promise<Invoked> {
    return this.#invocations.messageCommand(use);
  }

  async click(channel: string, message: string, button: string, user: string): Promise<void> {
    await this.#invocations.click({ channel, message, button, user });
  }

  /** The 15 minutes of an interaction are over. `id` is the interaction's or that of its answer. */
  expireInteraction(id: string): void {
    this.#server.interactions.expire(this.#server.interactions.get(id));
  }

  /** `viewer` leaves out what is shown to others only. */
  messages(channel: string, viewer?: string): readonly ShownMessage[] {
    return [...this.#world.channel(channel).messages.values()]
      .filter(isShown)
      .filter(({ onlyFor }) => !viewer || !onlyFor || onlyFor === viewer)
      .map((message) => shown(this.#world, message));
  }

  activity(channel: string): readonly { readonly text: string }[] {
    const typing = this.#world.typing.users(channel);
    return typing.map((user) => ({ text: `${this.#world.user(user).name} is typing…` }));
  }

  #mentions(user: string, place: string, content: string, repliedTo?: Message, ping = true): Mentions {
    const { users, roles } = this.#world;
    const everyone = this.#world.may(this.#world.user(user), this.#world.channel(place), 'MentionEveryone');
    return mentionsIn(content, undefined, {
      users: new Set(users.keys()),
      roles: new Map([...roles.values()].map((role) => [role.id, role.mentionable || everyone])),
      everyone,
      ...(repliedTo && { repliedTo: repliedTo.author }),
      fallback: { ...PARSE_ALL, replied_user: ping },
    });
  }
}

function forwarded(world: World, { text, files = [], forwards }: Said): Message {
  if (text !== '' || files.length > 0)
    throw new Error('Discord sends a forward, and what is said to it, apart');
  return { ...world.message(forwards!.channel, forwards!.message) };
}
