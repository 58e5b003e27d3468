import {
  type APIInteractionGuildMember,
  type Attachment,
  EmbedType,
  GuildMember,
  type Message,
  MessageType,
  PermissionFlagsBits,
  type TextBasedChannel,
  type User,
} from 'discord.js';
import type { User as Asker, Bot, Question } from '../../src/bot/ports.ts';
import { quote } from '../quote.ts';
import type { ReplyAddress } from './address.ts';
import { attachmentsOf, filesIn, hasContent, imagesIn } from './attachments.ts';
import { ownRole, readable } from './text.ts';

/** Another bot's message, a webhook's or Discord's own: never answered, or two bots would talk for ever. */
export const isFromPerson = (message: Message): boolean =>
  !message.author.bot && message.webhookId === null && !message.system;

/**
 * Whether the bot is meant: by its name, by a reply to it, in a direct message, or in a thread where it
 * takes part already and nobody else is spoken to.
 */
export async function isForBot(message: Message, bot: Bot): Promise<boolean> {
  if (message.channel.isDMBased() || mentionsBot(message) || (await answersBot(message, bot))) return true;
  if (!message.channel.isThread()) return false;
  if (isEmpty(message) || isToOthers(message)) return false;
  const { guildId, channelId } = message;
  const where = { platform: 'discord', workspace: guildId ?? channelId } as const;
  if (await bot.isEngaged({ ...where, conversation: channelId })) return true;
  // A thread that was opened on one of the bot's answers has that message's id.
  const { parentId } = message.channel;
  return parentId !== null && bot.isOwnReply({ ...where, channel: parentId, message: channelId });
}

export async function questionOf(message: Message): Promise<Question> {
  const { guildId: guild, channelId: channel, channel: place, id } = message;
  const about = await aboutOf(message);
  const said = [about && quoteOf(about), textOf(message)].filter(Boolean).join('\n\n');
  const shared = [...(about ? attachmentsOf(about) : []), ...attachmentsOf(message)];
  return {
    platform: 'discord',
    workspace: guild ?? channel,
    channel,
    ...parentOf(place),
    message: id,
    conversation: isConversation(place) ? channel : id,
    ...(message.type === MessageType.Reply &&
      !about &&
      message.reference?.messageId && { inReplyTo: message.reference.messageId }),
    author: askerOf(message.author, message.member),
    text: !about && isEmpty(message) ? said : await withFiles(said, shared),
    images: imagesIn(shared),
    address: { by: 'message', guild, channel, author: message.author.id, message: id } satisfies ReplyAddress,
  };
}

/** What keeps the bot from answering here, in words for the person who asked; null when nothing does. */
export function missingPermission(message: Message): string | null {
  if (!message.inGuild()) return null;
  const { channel } = message;
  const [needed, name] = channel.isThread()
    ? [PermissionFlagsBits.SendMessagesInThreads, 'Send Messages in Threads']
    : [PermissionFlagsBits.SendMessages, 'Send Messages'];
  if (channel.permissionsFor(message.client.user)?.has(needed) !== false) return null;
  return `I may not write in ${channel}, where you asked me something. An admin of the server can give me **${name}** there.`;
}

/** A direct message or a thread is one conversation; in other channels each reply chain is one. */
export const isConversation = (channel: TextBasedChannel | null): boolean =>
  channel !== null && (channel.isDMBased() || channel.isThread());

/** The channel that a thread is in. */
export const parentOf = (channel: TextBasedChannel | null): Pick<Question, 'parent'> =>
  channel?.isThread() && channel.parentId ? { parent: channel.parentId } : {};

/** What a message says, after what the one says that it forwards; Discord does not tell who wrote that. */
export function textOf(message: Message): string {
  const { client, channel, messageSnapshots } = message;
  const plain = (said: Said) => readable(wordsOf(said), client.user, channel);
  const forwarded = messageSnapshots.map((said) => quote('Somebody', plain(said)));
  return [...forwarded, plain(message)].filter(Boolean).join('\n\n');
}

type Said = Pick<Message, 'content' | 'embeds'>;

/** With what bots show in boxes: alerts, for instance, often say nothing else. The preview of a link is no such. */
function wordsOf({ content, embeds }: Said): string {
  const boxes = embeds
    .filter(({ data }) => data.type === EmbedType.Rich)
    .map(({ title, description, fields }) =>
      [title, description, ...fields.map(({ name, value }) => `${name}: ${value}`)]
        .filter(Boolean)
        .join('\n'),
    );
  return [content, ...boxes].filter(Boolean).join('\n\n');
}

export const withFiles = async (said: string, shared: readonly Attachment[]): Promise<string> =>
  [said, ...(await filesIn(shared))].filter(Boolean).join('\n\n');

const quoteOf = (message: Message): string =>
  quote(message.member?.displayName ?? message.author.displayName, textOf(message));

export function askerOf(user: User, member: GuildMember | APIInteractionGuildMember | null): Asker {
  if (member instanceof GuildMember) {
    // Everybody holds @everyone, whose id is the server's.
    const roles = [...member.roles.cache.keys()].filter((id) => id !== member.guild.id);
    return { id: user.id, roles, name: member.displayName };
  }
  return { id: user.id, roles: member?.roles ?? [], name: member?.nick ?? user.displayName };
}

/** Nothing, or files alone that cannot be read: they are no question by themselves. */
export const isEmpty = (message: Message): boolean =>
  [...message.messageSnapshots.values(), message].every((said) => wordsOf(said).trim() === '') &&
  !hasContent(attachmentsOf(message));

function mentionsBot(message: Message): boolean {
  const me = message.client.user;
  const direct = { ignoreEveryone: true, ignoreRoles: true, ignoreRepliedUser: true };
  if (message.mentions.has(me, direct)) return true;
  const role = ownRole(me, message.guild);
  return role !== undefined && message.mentions.roles.has(role);
}

/** By a mention, or by a reply, which need not mention whom it is to. Who replies to themselves goes on. */
function isToOthers({ author, mentions }: Message): boolean {
  const { users, roles, everyone, repliedUser } = mentions;
  const others = [...users.values(), ...(repliedUser ? [repliedUser] : [])].some(
    ({ id }) => id !== author.id,
  );
  return others || roles.size > 0 || everyone;
}

/** Somebody else's message that a question is about: one that mentions the bot in a reply to it. */
async function aboutOf(message: Message): Promise<Message | null> {
  // Discord sends the answered message along, unless it was deleted.
  const { repliedUser } = message.mentions;
  if (message.type !== MessageType.Reply || !repliedUser || repliedUser.id === message.client.user.id)
    return null;
  // Asks Discord where others were written meanwhile: only the newest are kept.
  return mentionsBot(message) ? message.fetchReference().catch(() => null) : null;
}

async function answersBot(message: Message, bot: Bot): Promise<boolean> {
  const { guildId, channelId, type, reference } = message;
  if (type !== MessageType.Reply || !reference?.messageId) return false;
  const author = message.mentions.repliedUser;
  if (author) return author.id === message.client.user.id;
  const where = { platform: 'discord', workspace: guildId ?? channelId, channel: channelId } as const;
  return bot.isOwnReply({ ...where, message: reference.messageId });
}
