/** What stands between a request and the world: does it exist, may the bot, in Discord's order. */

import { apiError, formError } from './errors.ts';
import type { PermissionName } from './permissions.ts';
import type { Channel, Message } from './records.ts';
import { isSnowflake } from './snowflake.ts';
import type { World } from './world.ts';

export function channelFor(world: World, id: string): Channel {
  if (!isSnowflake(id))
    throw formError('channel_id', 'NUMBER_TYPE_COERCE', `Value "${id}" is not snowflake.`);
  const channel = world.channels.get(id);
  if (!channel) throw apiError(10003);
  if (!world.may(world.bot, channel, 'ViewChannel')) throw apiError(50001);
  return channel;
}

/** Ephemeral messages exist for their interaction's token only. */
export function messageFor(channel: Channel, id: string): Message {
  if (!isSnowflake(id))
    throw formError('message_id', 'NUMBER_TYPE_COERCE', `Value "${id}" is not snowflake.`);
  const message = channel.messages.get(id);
  if (!message || message.onlyFor) throw apiError(10008);
  return message;
}

export function need(world: World, channel: Channel, ...permissions: PermissionName[]): void {
  if (!world.may(world.bot, channel, ...permissions)) throw apiError(50013);
}

export function needToSend(world: World, channel: Channel): void {
  if (channel.recipient) {
    if (world.user(channel.recipient).refusesDms) throw apiError(50007);
    return;
  }
  need(world, channel, channel.thread ? 'SendMessagesInThreads' : 'SendMessages');
}

export function needUnarchived(channel: Channel): void {
  if (channel.thread?.archived) throw apiError(50083);
}
