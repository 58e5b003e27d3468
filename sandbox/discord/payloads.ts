/** The world's records as the JSON that Discord sends. */
import {
  type APIAttachment,
  type APIChannel,
  type APIGuildMember,
  type APIMessage,
  type APIRole,
  type APIUser,
  ChannelType,
  MessageFlags,
} from 'discord.js';
import type { Attachment, Channel, Message, User } from './records.ts';
import type { World } from './world.ts';

const iso = (ms: number) => new Date(ms).toISOString().replace('Z', '000+00:00');

export const userPayload = (user: User): APIUser => ({
  id: user.id,
  username: user.name,
  discriminator: user.bot ? '0001' : '0',
  global_name: user.bot ? null : user.name,
  avatar: null,
  ...(user.bot && { bot: true }),
});

/** Flags are enumerations of their own kinds; none set is the same for all. */
const NO_FLAGS = 0 as never;

/** Without its user, as messages carry it. */
export function memberPayload(world: World, user: User): Omit<APIGuildMember, 'user'> {
  return {
    nick: null,
    avatar: null,
    banner: null,
    roles: [...user.roles],
    joined_at: iso(world.startedAt),
    premium_since: null,
    communication_disabled_until: null,
    deaf: false,
    mute: false,
    pending: false,
    flags: NO_FLAGS,
  };
}

function rolePayloads(world: World): APIRole[] {
  return [...world.roles.values()].map((role, position) => ({
    id: role.id,
    name: role.name,
    color: 0,
    colors: { primary_color: 0, secondary_color: null, tertiary_color: null },
    hoist: false,
    icon: null,
    unicode_emoji: null,
    position,
    permissions: String(role.permissions),
    managed: role.managed,
    mentionable: role.mentionable,
    flags: NO_FLAGS,
    ...(role.managed && { tags: { bot_id: world.bot.id } }),
  }));
}

export function channelPayload(world: World, channel: Channel): APIChannel {
  const last_message_id = [...channel.messages.keys()].at(-1) ?? null;
  if (channel.recipient) {
    const recipients = [userPayload(world.user(channel.recipient))];
    return {
      id: channel.id,
      type: ChannelType.DM,
      recipients,
      last_message_id,
      flags: NO_FLAGS,
    } as unknown as APIChannel;
  }
  const common = {
    id: channel.id,
    type: channel.kind,
    guild_id: world.guildId,
    name: channel.name,
    last_message_id,
    rate_limit_per_user: 0,
    flags: 0,
  };
  if (!channel.thread) {
    return {
      ...common,
      parent_id: null,
      position: 0,
      nsfw: false,
      topic: null,
      permission_overwrites: channel.overwrites.map(({ id, type, allow, deny }) => ({
        id,
        type: type === 'role' ? 0 : 1,
        allow: String(allow),
        deny: String(deny),
      })),
    } as APIChannel;
  }
  const { thread } = channel;
  const joined = thread.members.has(world.bot.id);
  return {
    ...common,
    parent_id: thread.parent,
    owner_id: thread.owner,
    message_count: channel.messages.size,
    total_message_sent: channel.messages.size,
    member_count: thread.members.size,
    thread_metadata: {
      archived: thread.archived,
      locked: thread.locked,
      auto_archive_duration: thread.autoArchiveMinutes,
      archive_timestamp: iso(thread.changedAt),
      create_timestamp: iso(thread.createdAt),
    },
    ...(joined && { member: threadMemberPayload(channel, world.bot.id) }),
  } as unknown as APIChannel;
}

export const threadMemberPayload = (channel: Channel, user: string) => ({
  id: channel.id,
  user_id: user,
  join_timestamp: iso(channel.thread!.createdAt),
  flags: 0,
});

const attachmentPayload = (world: World, channel: string, file: Attachment): APIAttachment =>
  filePayload(`${world.filesUrl}/attachments/${channel}`, file);

/** A file that was given to a command. */
export const optionFilePayload = (world: World, file: Attachment): APIAttachment => ({
  ...filePayload(`${world.filesUrl}/ephemeral-attachments/${world.applicationId}`, file),
  ephemeral: true,
});

function filePayload(folder: string, file: Attachment): APIAttachment {
  const url = `${folder}/${file.id}/${encodeURIComponent(file.filename)}`;
  return {
    id: file.id,
    filename: file.filename,
    ...(file.contentType !== undefined && { content_type: file.contentType }),
    size: file.data.byteLength,
    url,
    proxy_url: url,
  };
}

/** A message as REST answers it, or without what the gateway adds. */
export function messagePayload(world: World, message: Message, depth = 0): APIMessage {
  const { channel, mentions, origin, replyTo, forwards } = message;
  const author = world.user(message.author);
  const replied = replyTo && world.channels.get(replyTo.channel)?.messages.get(replyTo.message);
  const thread = world.channels.get(message.id);
  return {
    id: message.id,
    channel_id: channel,
    type: message.type,
    author: userPayload(author),
    content: message.content,
    timestamp: iso(message.at),
    edited_timestamp: message.editedAt === null ? null : iso(message.editedAt),
    tts: false,
    mention_everyone: mentions.everyone || mentions.here,
    mentions: mentions.users.map((id) => userPayload(world.user(id))),
    mention_roles: [...mentions.roles],
    attachments: message.attachments.map((file) => attachmentPayload(world, channel, file)),
    embeds: [...message.embeds],
    components: [...message.components],
    pinned: false,
    flags: message.flags | (thread ? MessageFlags.HasThread : 0) | (forwards ? MessageFlags.HasSnapshot : 0),
    ...(message.nonce !== undefined && { nonce: message.nonce }),
    ...(message.reactions.size > 0 && { reactions: reactionPayloads(world, message) }),
    ...(thread && { thread: channelPayload(world, thread) }),
    ...(replyTo && {
      message_reference: {
        type: 0,
        channel_id: replyTo.channel,
        message_id: replyTo.message,
        guild_id: world.guildOf(channel),
      },
      // null says that it was deleted; one level deep only.
      ...(depth === 0 && { referenced_message: replied ? messagePayload(world, replied, 1) : null }),
    }),
    ...(forwards && forwardPayload(world, forwards)),
    ...(origin && {
      application_id: world.applicationId,
      webhook_id: world.applicationId,
      interaction_metadata: {
        id: origin.id,
        type: origin.type,
        user: userPayload(world.user(origin.user)),
        authorizing_integration_owners: { '0': world.guildOf(channel) ?? '0' },
        ...(origin.original && { original_response_message_id: origin.original }),
      },
      ...(origin.command && {
        interaction: {
          id: origin.id,
          type: origin.type,
          name: origin.command,
          user: userPayload(world.user(origin.user)),
        },
      }),
    }),
  } as APIMessage;
}

/** Who wrote a forwarded message is not told. */
function forwardPayload(world: World, forwards: Message) {
  const { id: message_id, channel_id, ...whole } = messagePayload(world, forwards, 1);
  const { type, content, embeds, attachments, timestamp, edited_timestamp, flags, mentions } = whole;
  const { mention_roles, components } = whole;
  const shown = { type, content, embeds, attachments, timestamp, edited_timestamp, flags, mentions };
  return {
    message_reference: { type: 1, channel_id, message_id, guild_id: world.guildOf(channel_id) },
    message_snapshots: [{ message: { ...shown, mention_roles, components } }],
  };
}

const reactionPayloads = (world: World, message: Message) =>
  [...message.reactions].map(([emoji, users]) => ({
    emoji: emojiPayload(emoji),
    count: users.size,
    count_details: { burst: 0, normal: users.size },
    me: users.has(world.bot.id),
    me_burst: false,
    burst_colors: [],
  }));

/** "👀", or "name:id" for a server's own. */
export function emojiPayload(emoji: string): { id: string | null; name: string } {
  const [name, id] = emoji.split(':');
  return { id: id ?? null, name: name! };
}

/** What MESSAGE_CREATE and MESSAGE_UPDATE add to the message. */
export function messageEventPayload(world: World, message: Message) {
  const author = world.user(message.author);
  const channel = world.channels.get(message.channel)!;
  const guild = world.guildOf(message.channel);
  const payload = messagePayload(world, message);
  return {
    ...payload,
    channel_type: channel.kind,
    ...(guild && {
      guild_id: guild,
      member: memberPayload(world, author),
      mentions: payload.mentions.map((user) => ({
        ...user,
        member: memberPayload(world, world.user(user.id)),
      })),
    }),
  };
}

/** What an app without MESSAGE_CONTENT sees of somebody else's message. */
export const withoutContent = <M extends Partial<APIMessage>>(payload: M): M => ({
  ...payload,
  content: '',
  embeds: [],
  attachments: [],
  components: [],
  ...(payload.message_snapshots && { message_snapshots: [] }),
});

/** Everything about the server that GUILD_CREATE tells. */
export function guildPayload(world: World) {
  const members = [...world.users.values()].map((user) => ({
    ...memberPayload(world, user),
    user: userPayload(user),
  }));
  const channels = [...world.channels.values()].filter((channel) => !channel.recipient);
  return {
    id: world.guildId,
    name: world.guildName,
    owner_id: world.owner,
    icon: null,
    splash: null,
    banner: null,
    description: null,
    discovery_splash: null,
    features: [],
    verification_level: 0,
    default_message_notifications: 0,
    explicit_content_filter: 0,
    mfa_level: 0,
    nsfw_level: 0,
    afk_channel_id: null,
    afk_timeout: 300,
    application_id: null,
    system_channel_id: null,
    system_channel_flags: 0,
    rules_channel_id: null,
    public_updates_channel_id: null,
    safety_alerts_channel_id: null,
    preferred_locale: 'en-US',
    premium_tier: 0,
    premium_subscription_count: 0,
    premium_progress_bar_enabled: false,
    vanity_url_code: null,
    max_members: 250_000,
    roles: rolePayloads(world),
    emojis: [],
    stickers: [],
    joined_at: iso(world.startedAt),
    large: false,
    unavailable: false,
    member_count: members.length,
    // Without the GUILD_MEMBERS intent a bot is told of itself only.
    members: members.filter(({ user }) => user.id === world.bot.id),
    channels: channels.filter((channel) => !channel.thread).map((channel) => channelPayload(world, channel)),
    threads: channels
      .filter((channel) => channel.thread && !channel.thread.archived)
      .map((channel) => channelPayload(world, channel)),
    presences: [],
    voice_states: [],
    stage_instances: [],
    guild_scheduled_events: [],
    soundboard_sounds: [],
  };
}
