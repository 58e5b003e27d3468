import { apiError } from './errors.ts';
import { channelFor, messageFor, need, needUnarchived } from './guards.ts';
import { type ApiRequest, type ApiResponse, noContent, type Route } from './http.ts';
import type { Channel, Message } from './records.ts';
import type { World } from './world.ts';

const EMOJIS = 20;
/** A Unicode emoji, or a server's own as "name:id". This server has none of its own. */
const EMOJI = /^\p{RGI_Emoji}$/v;

export function reactionRoutes(world: World): Route[] {
  const target = ({ params }: ApiRequest): { channel: Channel; message: Message; emoji: string } => {
    const channel = channelFor(world, params.channel!);
    const message = messageFor(channel, params.message!);
    const emoji = params.emoji!;
    if (!EMOJI.test(emoji) && !EMOJI.test(`${emoji}\uFE0F`)) throw apiError(10014);
    needUnarchived(channel);
    return { channel, message, emoji };
  };

  const add = (request: ApiRequest): ApiResponse => {
    const { channel, message, emoji } = target(request);
    need(world, channel, 'ReadMessageHistory');
    if (!message.reactions.has(emoji)) {
      need(world, channel, 'AddReactions');
      if (message.reactions.size >= EMOJIS) throw apiError(30010);
    }
    world.react(message, world.bot, emoji, true);
    return noContent;
  };

  const removeOwn = (request: ApiRequest): ApiResponse => {
    const { message, emoji } = target(request);
    world.react(message, world.bot, emoji, false);
    return noContent;
  };

  const path = '/channels/:channel/messages/:message/reactions/:emoji/@me';
  const budget = ['reaction', 'channel'] as const;
  return [
    { method: 'PUT', path, budget, handle: add },
    { method: 'DELETE', path, budget, handle: removeOwn },
  ];
}
