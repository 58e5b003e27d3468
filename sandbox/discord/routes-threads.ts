import { MessageType } from 'discord.js';
import { apiError, FormErrors, notBuilt } from './errors.ts';
import { channelFor, messageFor, need, needToSend, needUnarchived } from './guards.ts';
import { type ApiRequest, type ApiResponse, created, noContent, ok, type Route } from './http.ts';
import { channelPayload, threadMemberPayload } from './payloads.ts';
import type { Channel } from './records.ts';
import { createThread, joinThread, updateThread } from './threads.ts';
import type { World } from './world.ts';

const ARCHIVE_MINUTES = [60, 1440, 4320, 10_080];
/** discord.js names a public thread's type when there is no message to start from. */
const PUBLIC_THREAD = 11;

/** Channels, and the threads in them. */
export function threadRoutes(world: World): Route[] {
  const start = ({ params, body }: ApiRequest): ApiResponse => {
    const parent = channelFor(world, params.channel!);
    if (parent.recipient || parent.thread) throw apiError(50024);
    need(world, parent, 'CreatePublicThreads');
    const message = params.message === undefined ? undefined : messageFor(parent, params.message);
    if (message && world.channels.has(message.id)) throw apiError(160004);
    if (message?.type === MessageType.ThreadCreated) throw apiError(50021);
    if (!message && body.type !== PUBLIC_THREAD) throw notBuilt('private threads');
    const form = readThread(body, true);
    const { name, autoArchiveMinutes } = form;
    const thread = createThread(world, parent, {
      name: name!,
      owner: world.bot,
      ...(message && { message }),
      ...(autoArchiveMinutes && { autoArchiveMinutes }),
    });
    return created(channelPayload(world, thread));
  };

  const modify = ({ params, body }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    if (!channel.thread) throw notBuilt('changes of channels that are no threads');
    const form = readThread(body, false);
    // Whoever may write may open a thread again, unless it is locked.
    const { locked } = channel.thread;
    const opensOnly = Object.keys(form).join() === 'archived' && form.archived === false && !locked;
    if (opensOnly) needToSend(world, channel);
    else need(world, channel, 'ManageThreads');
    if (channel.thread.archived && form.archived !== false) throw apiError(50083);
    updateThread(world, channel, form);
    return ok(channelPayload(world, channel));
  };

  const join = ({ params }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    if (!channel.thread) throw apiError(50024);
    needUnarchived(channel);
    joinThread(world, channel, world.bot);
    return noContent;
  };

  const active = ({ params }: ApiRequest): ApiResponse => {
    if (params.guild !== world.guildId) throw apiError(10004);
    const visible = (channel: Channel) =>
      channel.thread && !channel.thread.archived && world.may(world.bot, channel, 'ViewChannel');
    const threads = [...world.channels.values()].filter(visible).reverse();
    return ok({
      threads: threads.map((thread) => channelPayload(world, thread)),
      members: threads
        .filter(({ thread }) => thread!.members.has(world.bot.id))
        .map((thread) => threadMemberPayload(thread, world.bot.id)),
      has_more: false,
    });
  };

  return [
    {
      method: 'GET',
      path: '/channels/:channel',
      handle: ({ params }) => ok(channelPayload(world, channelFor(world, params.channel!))),
    },
    { method: 'PATCH', path: '/channels/:channel', handle: modify },
    { method: 'POST', path: '/channels/:channel/messages/:message/threads', handle: start },
    { method: 'POST', path: '/channels/:channel/threads', handle: start },
    { method: 'PUT', path: '/channels/:channel/thread-members/@me', handle: join },
    { method: 'GET', path: '/guilds/:guild/threads/active', handle: active },
  ];
}

function readThread(body: ApiRequest['body'], needsName: boolean) {
  const errors = new FormErrors();
  const { name, auto_archive_duration: minutes, archived, locked } = body;
  if (name !== undefined || needsName) {
    if (typeof name !== 'string' || name.length < 1 || [...name].length > 100)
      errors.add('name', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 100 in length.');
  }
  if (minutes !== undefined && !ARCHIVE_MINUTES.includes(minutes as number))
    errors.add('auto_archive_duration', 'BASE_TYPE_CHOICES', 'Value must be one of (60, 1440, 4320, 10080).');
  errors.throwIfAny();
  return {
    ...(name !== undefined && { name: name as string }),
    ...(minutes !== undefined && { autoArchiveMinutes: minutes as number }),
    ...(archived !== undefined && { archived: archived === true }),
    ...(locked !== undefined && { locked: locked === true }),
  };
}
