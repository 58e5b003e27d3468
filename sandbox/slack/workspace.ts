/** The state of the fake workspace: people, channels, messages. Knows no network and no API method. */
import type { Clock } from '../../src/clock.ts';
import type { SlackBlock } from './blocks.ts';
import { SlackError } from './slack-error.ts';

export interface SlackUser {
  readonly id: string;
  readonly name: string;
  readonly isBot: boolean;
  readonly isAdmin: boolean;
}

/** A public channel, a private one, a direct message, and one of several people. */
export type ChannelType = 'channel' | 'group' | 'im' | 'mpim';

export interface SlackChannel {
  readonly id: string;
  readonly name: string;
  readonly type: ChannelType;
  readonly members: Set<string>;
  /** Shared with another organisation (Slack Connect). */
  readonly shared: boolean;
  archived: boolean;
}

export interface SlackFile {
  readonly id: string;
  readonly name: string;
  readonly mimetype: string;
  readonly content: Buffer;
}

export interface SlackMessage {
  readonly ts: string;
  readonly channel: string;
  readonly threadTs?: string;
  readonly user: string;
  readonly clientMsgId?: string;
  readonly files: readonly SlackFile[];
  /** The boxes that another bot shows, as the API writes them. */
  readonly attachments?: readonly unknown[];
  /** The message that it forwards. */
  readonly forwards?: SlackMessage;
  /** Ephemeral: shown to this user only, and to no API method. */
  readonly onlyFor?: string;
  /** ms since the epoch */
  readonly at: number;
  text: string;
  blocks: readonly SlackBlock[];
  metadata?: unknown;
  editedTs?: string;
  edits: number;
  streaming: boolean;
  /** While it streams in a channel: whom it is streamed to, and what all others see [I]. */
  streamedTo?: { readonly user: string; readonly othersSee: readonly SlackBlock[] };
  readonly reactions: Map<string, Set<string>>;
}

export type NewMessage = Pick<SlackMessage, 'channel' | 'user' | 'text'> &
  Partial<
    Pick<
      SlackMessage,
      | 'threadTs'
      | 'clientMsgId'
      | 'files'
      | 'attachments'
      | 'forwards'
      | 'onlyFor'
      | 'blocks'
      | 'metadata'
      | 'streaming'
    >
  >;

export class Workspace {
  readonly teamId: string;
  readonly teamName: string;
  readonly appId: string;
  readonly bot: SlackUser & { readonly botId: string };
  readonly clock: Clock;
  readonly #users = new Map<string, SlackUser>();
  readonly #channels = new Map<string, SlackChannel>();
  readonly #messages = new Map<string, SlackMessage[]>();
  readonly #changed: () => void;
  readonly newId: (kind: string) => string;
  #lastTs = 0;

  constructor(options: {
    teamId: string | undefined;
    teamName: string;
    appId: string;
    /** The bot's name, or who it is already in the same organisation. */
    bot: string | Workspace['bot'];
    newId: (kind: string) => string;
    clock: Clock;
    changed: () => void;
  }) {
    const { bot } = options;
    this.clock = options.clock;
    this.newId = options.newId;
    this.#changed = options.changed;
    this.teamId = options.teamId ?? this.newId('T');
    this.teamName = options.teamName;
    this.appId = options.appId;
    if (typeof bot !== 'string') this.#users.set(bot.id, bot);
    this.bot =
      typeof bot === 'string' ? { ...this.addUser(bot, { bot: true }), botId: this.newId('B') } : bot;
  }

  /** Says that what is shown has changed. */
  changed(): void {
    this.#changed();
  }

  addUser(name: string, options: { bot?: boolean; admin?: boolean } = {}): SlackUser {
    const user = {
      id: this.newId('U'),
      name,
      isBot: options.bot ?? false,
      isAdmin: options.admin ?? false,
    };
    this.#users.set(user.id, user);
    return user;
  }

  get users(): readonly SlackUser[] {
    return [...this.#users.values()];
  }

  user(id: string): SlackUser {
    const user = this.#users.get(id);
    if (!user) throw new SlackError('user_not_found');
    return user;
  }

  addChannel(name: string, type: ChannelType, members: readonly string[], shared = false): SlackChannel {
    const channel = {
      id: this.newId(type === 'im' ? 'D' : 'C'),
      name,
      type,
      members: new Set(members),
      shared,
      archived: false,
    };
    this.#channels.set(channel.id, channel);
    this.#messages.set(channel.id, []);
    return channel;
  }

  get channels(): readonly SlackChannel[] {
    return [...this.#channels.values()];
  }

  channel(id: string): SlackChannel {
    const channel = this.#channels.get(id);
    if (!channel) throw new SlackError('channel_not_found');
    return channel;
  }

  /** The direct conversation between the bot and a person, opened if need be. */
  dm(user: string): SlackChannel {
    const open = this.channels.find((channel) => channel.type === 'im' && channel.members.has(user));
    return open ?? this.addChannel(this.user(user).name, 'im', [user, this.bot.id]);
  }

  /** All messages of a channel and its threads, oldest first. */
  messages(channel: string): readonly SlackMessage[] {
    return this.#messages.get(this.channel(channel).id) ?? [];
  }

  file(id: string): SlackFile | undefined {
    return this.channels
      .flatMap((channel) => this.messages(channel.id).flatMap(({ files }) => files))
      .find((file) => file.id === id);
  }

  /** A message that the API can see. */
  message(channel: string, ts: string): SlackMessage {
    const message = this.messages(channel).find((other) => other.ts === ts && !other.onlyFor);
    if (!message) throw new SlackError('message_not_found');
    return message;
  }

  /** The replies to a message, without itself. */
  replies(channel: string, threadTs: string): readonly SlackMessage[] {
    return this.messages(channel).filter((message) => message.threadTs === threadTs && !message.onlyFor);
  }

  add(message: NewMessage): SlackMessage {
    const added: SlackMessage = {
      files: [],
      blocks: [],
      streaming: false,
      ...message,
      ts: this.newTs(),
      at: this.clock.now(),
      edits: 0,
      reactions: new Map(),
    };
    this.#messages.get(message.channel)!.push(added);
    this.#changed();
    return added;
  }

  remove(message: SlackMessage): void {
    const list = this.#messages.get(message.channel)!;
    if (!list.includes(message)) throw new SlackError('message_not_found');
    list.splice(list.indexOf(message), 1);
    this.#changed();
  }

  /** A timestamp as Slack writes them: unique and rising, also while the clock stands still. */
  newTs(): string {
    this.#lastTs = Math.max(Math.floor(this.clock.now() * 1000), this.#lastTs + 1);
    const micros = String(this.#lastTs);
    return `${micros.slice(0, -6)}.${micros.slice(-6)}`;
  }
}
