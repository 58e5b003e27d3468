import { EventEmitter } from 'node:events';
import { ChannelType, MessageFlags, MessageType } from 'discord.js';
import type { Clock } from '../../src/clock.ts';
import { type EventFamily, type GatewayEvent, intentFor } from './intents.ts';
import { NO_MENTIONS } from './mentions.ts';
import {
  channelPayload,
  emojiPayload,
  memberPayload,
  messageEventPayload,
  userPayload,
  withoutContent,
} from './payloads.ts';
import { ALL, BOT, bits, EVERYONE, type PermissionName, permissionsIn } from './permissions.ts';
import type { Attachment, Channel, Message, Overwrite, Role, User } from './records.ts';
import { Snowflakes } from './snowflake.ts';
import { Typing } from './typing.ts';

/** What a message starts as; the rest has plain defaults. */
export type Draft = Pick<Message, 'channel' | 'author'> & Partial<Omit<Message, 'id' | 'at' | 'reactions'>>;

/**
 * One server with its channels, people and messages, and everybody's direct messages with the bot. Every
 * change here becomes a gateway event; who may ask for a change is decided before.
 */
export class World extends EventEmitter<{ event: [GatewayEvent]; change: [] }> {
  readonly ids: Snowflakes;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly guildId: string;
  readonly guildName = 'Local server';
  readonly applicationId: string;
  readonly bot: User;
  readonly users = new Map<string, User>();
  readonly roles = new Map<string, Role>();
  readonly channels = new Map<string, Channel>();
  /** Files that were given to commands, by their ids. */
  readonly optionFiles = new Map<string, Attachment>();
  readonly typing: Typing;
  /** Where attachments are served; known once the server listens. */
  filesUrl = '';
  /** The server's owner; the bot until there are people. */
  owner: string;

  constructor(clock: Clock, botName: string) {
    super();
    this.clock = clock;
    this.ids = new Snowflakes(clock);
    this.startedAt = clock.now();
    this.typing = new Typing(clock, () => this.emit('change'));
    this.guildId = this.ids.next();
    // @everyone's role has the id of its server.
    this.#putRole({ id: this.guildId, name: '@everyone', permissions: EVERYONE });
    const role = this.#putRole({ id: this.ids.next(), name: botName, permissions: BOT, managed: true });
    this.applicationId = this.ids.next();
    this.bot = this.#putUser({ id: this.applicationId, name: botName, bot: true, roles: [role.id] });
    this.owner = this.bot.id;
  }

  #putRole(role: Partial<Role> & { id: string; name: string }): Role {
    const whole = { permissions: 0n, mentionable: false, managed: false, ...role };
    this.roles.set(whole.id, whole);
    return whole;
  }

  #putUser(user: Omit<User, 'refusesDms'>): User {
    const whole = { ...user, refusesDms: false };
    this.users.set(user.id, whole);
    return whole;
  }

  addRole(name: string, permissions: readonly PermissionName[] = [], mentionable = false): Role {
    return this.#putRole({ id: this.ids.next(), name, permissions: bits(...permissions), mentionable });
  }

  addUser(name: string, roles: readonly string[] = [], bot = false): User {
    return this.#putUser({ id: this.ids.next(), name, bot, roles: [...roles] });
  }

  addChannel(name: string): Channel {
    const channel = this.putChannel({ id: this.ids.next(), kind: ChannelType.GuildText, name });
    this.publishChannel('CHANNEL_CREATE', channel);
    return channel;
  }

  putChannel(channel: Omit<Channel, 'overwrites' | 'messages'>): Channel {
    const whole = { ...channel, overwrites: [], messages: new Map() };
    this.channels.set(channel.id, whole);
    return whole;
  }

  removeChannel(channel: Channel): void {
    this.publishChannel(channel.thread ? 'THREAD_DELETE' : 'CHANNEL_DELETE', channel);
    this.channels.delete(channel.id);
    for (const other of this.channels.values())
      if (other.thread?.parent === channel.id) this.channels.delete(other.id);
    this.emit('change');
  }

  /** The direct message channel between a person and the bot, made when first needed. */
  dm(person: string): Channel {
    const known = [...this.channels.values()].find((channel) => channel.recipient === person);
    if (known) return known;
    const { name } = this.user(person);
    return this.putChannel({ id: this.ids.next(), kind: ChannelType.DM, name, recipient: person });
  }

  user(id: string): User {
    const user = this.users.get(id);
    if (!user) throw new Error(`This local Discord has no user ${id}`);
    return user;
  }

  channel(id: string): Channel {
    const channel = this.channels.get(id);
    if (!channel) throw new Error(`This local Discord has no channel ${id}`);
    return channel;
  }

  message(channel: string, id: string): Message {
    const message = this.channel(channel).messages.get(id);
    if (!message) throw new Error(`This local Discord has no message ${id} in channel ${channel}`);
    return message;
  }

  /** The server of a channel; undefined for direct messages. */
  guildOf(channel: string): string | undefined {
    return this.channel(channel).recipient ? undefined : this.guildId;
  }

  permissions(user: User, channel: Channel): bigint {
    if (user.id === this.owner && !channel.recipient) return ALL;
    const place = channel.thread ? this.channel(channel.thread.parent) : channel;
    return permissionsIn(place, user, this.roles);
  }

  may(user: User, channel: Channel, ...permissions: PermissionName[]): boolean {
    const needed = bits(...permissions);
    return (this.permissions(user, channel) & needed) === needed;
  }

  /** Takes permissions from the bot in one channel, or with `allowed` gives them (back). */
  overwrite(channel: Channel, allowed: boolean, permissions: readonly PermissionName[]): void {
    const known = channel.overwrites.find(({ id }) => id === this.bot.id);
    const own: Overwrite = known ?? { id: this.bot.id, type: 'member', allow: 0n, deny: 0n };
    if (!known) channel.overwrites.push(own);
    const changed = bits(...permissions);
    own.allow = allowed ? own.allow | changed : own.allow & ~changed;
    own.deny = allowed ? own.deny & ~changed : own.deny | changed;
    this.publishChannel('CHANNEL_UPDATE', channel);
  }

  post(draft: Draft): Message {
    const channel = this.channel(draft.channel);
    const message: Message = {
      type: draft.replyTo ? MessageType.Reply : MessageType.Default,
      content: '',
      flags: 0,
      embeds: [],
      components: [],
      attachments: [],
      mentions: NO_MENTIONS,
      editedAt: null,
      edits: 0,
      ...draft,
      id: this.ids.next(),
      at: this.clock.now(),
      reactions: new Map(),
    };
    channel.messages.set(message.id, message);
    channel.thread?.members.add(message.author);
    this.typing.stop(channel.id, message.author);
    this.publishMessage('MESSAGE_CREATE', message);
    return message;
  }

  edit(message: Message, changes: Partial<Message>): void {
    Object.assign(message, changes, { editedAt: this.clock.now(), edits: message.edits + 1 });
    message.flags &= ~MessageFlags.Loading;
    this.publishMessage('MESSAGE_UPDATE', message);
  }

  remove(message: Message): void {
    const channel = this.channel(message.channel);
    channel.messages.delete(message.id);
    if (!message.onlyFor) {
      this.publish(channel, 'messages', 'MESSAGE_DELETE', { id: message.id, channel_id: channel.id });
    }
    this.emit('change');
  }

  react(message: Message, user: User, emoji: string, on: boolean): void {
    const users = message.reactions.get(emoji) ?? new Set();
    if (users.has(user.id) === on) return;
    if (on) message.reactions.set(emoji, users.add(user.id));
    else users.delete(user.id);
    if (users.size === 0) message.reactions.delete(emoji);
    const channel = this.channel(message.channel);
    this.publish(channel, 'reactions', on ? 'MESSAGE_REACTION_ADD' : 'MESSAGE_REACTION_REMOVE', {
      user_id: user.id,
      channel_id: channel.id,
      message_id: message.id,
      message_author_id: message.author,
      emoji: emojiPayload(emoji),
      burst: false,
      type: 0,
      ...(on && !channel.recipient && { member: this.#memberWithUser(user) }),
    });
    this.emit('change');
  }

  startTyping(channel: Channel, user: User): void {
    this.typing.start(channel.id, user.id);
    this.publish(channel, 'typing', 'TYPING_START', {
      channel_id: channel.id,
      user_id: user.id,
      timestamp: Math.floor(this.clock.now() / 1000),
      ...(!channel.recipient && { member: this.#memberWithUser(user) }),
    });
  }

  publishMessage(type: 'MESSAGE_CREATE' | 'MESSAGE_UPDATE', message: Message): void {
    this.emit('change');
    // Ephemeral messages do not pass through the gateway.
    if (message.onlyFor) return;
    const data = messageEventPayload(this, message);
    const open = message.author === this.bot.id || message.mentions.users.includes(this.bot.id);
    const channel = this.channel(message.channel);
    const stripped = open || channel.recipient ? undefined : withoutContent(data);
    this.publish(channel, 'messages', type, data, stripped);
  }

  /** An interaction needs no intent, nor that the bot sees the channel. */
  publishInteraction(channel: Channel, data: object): void {
    this.emit('event', {
      type: 'INTERACTION_CREATE',
      data,
      intents: 0,
      ...(!channel.recipient && { guild: this.guildId }),
    });
  }

  #memberWithUser = (user: User) => ({ ...memberPayload(this, user), user: userPayload(user) });

  publishChannel(type: string, channel: Channel): void {
    this.publish(channel, 'guilds', type, channelPayload(this, channel));
  }

  publish(channel: Channel, family: EventFamily, type: string, data: object, withoutContent?: object): void {
    if (!this.may(this.bot, channel, 'ViewChannel')) return;
    const guild = channel.recipient ? undefined : this.guildId;
    const place = guild && { guild_id: guild };
    this.emit('event', {
      type,
      data: { ...data, ...place },
      ...(withoutContent && { withoutContent: { ...withoutContent, ...place } }),
      intents: intentFor(family, !guild),
      ...(guild && { guild }),
    });
  }
}
