import { ChannelType, MessageType } from 'discord.js';
import { channelPayload, threadMemberPayload } from './payloads.ts';
import type { Channel, Message, Thread, User } from './records.ts';
import type { World } from './world.ts';

export interface ThreadDraft {
  readonly name: string;
  readonly owner: User;
  /** The message that it starts from, if any; the thread then has that message's id. */
  readonly message?: Message;
  readonly autoArchiveMinutes?: number;
}

export function createThread(world: World, parent: Channel, draft: ThreadDraft): Channel {
  const { name, owner, message, autoArchiveMinutes = 4320 } = draft;
  const now = world.clock.now();
  const thread: Thread = {
    parent: parent.id,
    owner: owner.id,
    archived: false,
    locked: false,
    autoArchiveMinutes,
    changedAt: now,
    createdAt: now,
    members: new Set([owner.id]),
  };
  const id = message?.id ?? world.ids.next();
  const channel = world.putChannel({ id, kind: ChannelType.PublicThread, name, thread });
  const created = { ...channelPayload(world, channel), newly_created: true };
  world.publish(channel, 'guilds', 'THREAD_CREATE', created);
  const author = owner.id;
  if (message) {
    world.publishMessage('MESSAGE_UPDATE', message);
    const replyTo = { channel: parent.id, message: message.id };
    world.post({ channel: id, author, type: MessageType.ThreadStarterMessage, replyTo });
  } else {
    world.post({ channel: parent.id, author, type: MessageType.ThreadCreated, content: name });
  }
  return channel;
}

export function updateThread(
  world: World,
  channel: Channel,
  changes: Partial<Thread> & { name?: string },
): void {
  const { name = channel.name, ...rest } = changes;
  const thread = channel.thread!;
  channel.name = name;
  if (rest.archived !== undefined && rest.archived !== thread.archived) rest.changedAt = world.clock.now();
  Object.assign(thread, rest);
  world.publishChannel('THREAD_UPDATE', channel);
  world.emit('change');
}

export function joinThread(world: World, channel: Channel, user: User): void {
  const { members } = channel.thread!;
  if (members.has(user.id)) return;
  members.add(user.id);
  world.publish(channel, 'guilds', 'THREAD_MEMBERS_UPDATE', {
    id: channel.id,
    member_count: members.size,
    added_members: [threadMemberPayload(channel, user.id)],
    removed_member_ids: [],
  });
}
