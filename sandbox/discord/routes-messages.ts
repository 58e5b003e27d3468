import { MessageType } from 'discord.js';
import { apiError, formError } from './errors.ts';
import { channelFor, messageFor, need, needToSend, needUnarchived } from './guards.ts';
import { type ApiRequest, type ApiResponse, noContent, ok, type Route } from './http.ts';
import { PARSE_ALL } from './mentions.ts';
import { type MessageForm, readMessageForm } from './message-form.ts';
import { messagePayload, withoutContent } from './payloads.ts';
import type { Posting } from './posting.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Channel, Message } from './records.ts';
import { updateThread } from './threads.ts';
import type { World } from './world.ts';

/** "The past few minutes" in which a nonce is checked. */
const NONCE_MS = 5 * 60_000;
const HOUR_MS = 60 * 60_000;
const CALL = 'PATCH /channels/*/messages/*';

const EDITABLE: readonly MessageType[] = [
  MessageType.Default,
  MessageType.Reply,
  MessageType.ChatInputCommand,
  MessageType.ContextMenuCommand,
];

export interface MessageRoutesOptions {
  readonly world: World;
  readonly posting: Posting;
  readonly rateLimits: RateLimits;
  /** The MESSAGE_CONTENT intent is switched on for the app; REST needs it too. */
  readonly readsContent: boolean;
}

export function messageRoutes({ world, posting, rateLimits, readsContent }: MessageRoutesOptions): Route[] {
  const show = (channel: Channel, message: Message) => {
    const payload = messagePayload(world, message);
    const open =
      readsContent ||
      channel.recipient ||
      message.author === world.bot.id ||
      message.mentions.users.includes(world.bot.id);
    return open ? payload : withoutContent(payload);
  };

  const post = ({ params, body, files }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    needToSend(world, channel);
    const form = readMessageForm(body, files);
    const earlier = form.enforceNonce && form.nonce !== undefined ? postedWith(form.nonce) : undefined;
    if (earlier) return ok(messagePayload(world, earlier));
    if (form.embeds?.length) need(world, channel, 'EmbedLinks');
    if (form.uploads.length) need(world, channel, 'AttachFiles');
    const replyTo = repliedTo(channel, form);
    if (channel.thread?.locked) throw apiError(160005);
    const message = posting.post(form, PARSE_ALL, { channel: channel.id, ...(replyTo && { replyTo }) });
    if (channel.thread?.archived) updateThread(world, channel, { archived: false });
    return ok(messagePayload(world, message));
  };

  const postedWith = (nonce: string | number): Message | undefined =>
    [...world.channels.values()]
      .flatMap((channel) => [...channel.messages.values()])
      .find((message) => {
        const fresh = message.at > world.clock.now() - NONCE_MS;
        return fresh && message.author === world.bot.id && String(message.nonce) === String(nonce);
      });

  const repliedTo = (channel: Channel, { replyTo }: MessageForm): Message['replyTo'] => {
    if (!replyTo) return undefined;
    if (!world.may(world.bot, channel, 'ReadMessageHistory')) throw apiError(160002);
    if (replyTo.channel && replyTo.channel !== channel.id)
      throw formError('message_reference', 'MESSAGE_REFERENCE_CHANNEL_MISMATCH', 'Another channel');
    const target = channel.messages.get(replyTo.message);
    if (target && !target.onlyFor) return { channel: channel.id, message: target.id };
    if (!replyTo.mustExist) return undefined;
    throw formError('message_reference', 'MESSAGE_REFERENCE_UNKNOWN_MESSAGE', 'Unknown message');
  };

  const edit = ({ params, body, files }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    const message = messageFor(channel, params.message!);
    if (message.author !== world.bot.id) throw apiError(50005);
    if (!EDITABLE.includes(message.type)) throw apiError(50021);
    needUnarchived(channel);
    const form = readMessageForm(body, files);
    if (message.at <= world.clock.now() - HOUR_MS) {
      const refused = rateLimits.takeOldEdit(CALL, channel.id);
      if (refused) return refused;
    }
    posting.edit(message, form, PARSE_ALL);
    return ok(messagePayload(world, message));
  };

  const remove = ({ params }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    const message = messageFor(channel, params.message!);
    if (message.author !== world.bot.id) need(world, channel, 'ManageMessages');
    world.remove(message);
    return noContent;
  };

  const list = ({ params, query }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    if (!world.may(world.bot, channel, 'ReadMessageHistory')) return ok([]);
    const messages = page(
      [...channel.messages.values()].filter(({ onlyFor }) => !onlyFor),
      query,
    );
    return ok(messages.map((message) => show(channel, message)));
  };

  const get = ({ params }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    need(world, channel, 'ReadMessageHistory');
    return ok(show(channel, messageFor(channel, params.message!)));
  };

  const typing = ({ params }: ApiRequest): ApiResponse => {
    const channel = channelFor(world, params.channel!);
    needToSend(world, channel);
    world.startTyping(channel, world.bot);
    return noContent;
  };

  const messages = '/channels/:channel/messages';
  return [
    { method: 'POST', path: messages, budget: ['message', 'channel'], handle: post },
    { method: 'PATCH', path: `${messages}/:message`, budget: ['edit', 'channel'], handle: edit },
    { method: 'DELETE', path: `${messages}/:message`, handle: remove },
    { method: 'GET', path: messages, budget: ['history', 'channel'], handle: list },
    { method: 'GET', path: `${messages}/:message`, handle: get },
    { method: 'POST', path: '/channels/:channel/typing', budget: ['typing', 'channel'], handle: typing },
  ];
}

/** One page of a history, newest first: `limit` of them, next to `before`, `after` or `around`. */
function page(messages: readonly Message[], query: URLSearchParams): Message[] {
  const limit = Number(query.get('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100)
    throw formError('limit', 'NUMBER_TYPE_MAX', 'int value should be between 1 and 100.');
  const id = (name: string) => {
    const value = query.get(name);
    if (value === null) return undefined;
    if (/^\d{1,20}$/.test(value)) return BigInt(value);
    throw formError(name, 'NUMBER_TYPE_COERCE', `Value "${value}" is not snowflake.`);
  };
  const [before, after, around] = [id('before'), id('after'), id('around')];
  let found = [...messages];
  if (around !== undefined) {
    const older = found.filter((message) => BigInt(message.id) <= around).slice(-Math.ceil(limit / 2));
    const newer = found.filter((message) => BigInt(message.id) > around).slice(0, Math.floor(limit / 2));
    found = [...older, ...newer];
  } else if (after !== undefined) {
    found = found.filter((message) => BigInt(message.id) > after).slice(0, limit);
  } else {
    found = found.filter((message) => before === undefined || BigInt(message.id) < before).slice(-limit);
  }
  return found.reverse();
}
