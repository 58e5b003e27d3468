/** Messages as a person reads them. */
import { MessageFlags, MessageType } from 'discord.js';
import type { ShownMessage } from '../chat.ts';
import { buttonsOf } from './components.ts';
import type { Message } from './records.ts';
import type { World } from './world.ts';

export const NO_RESPONSE = 'The application did not respond';

/** The start of a thread repeats the message it was made from: people see it in the parent already. */
export const isShown = (message: Message): boolean => message.type !== MessageType.ThreadStarterMessage;

export function shown(world: World, message: Message): ShownMessage {
  const { id, channel, replyTo, origin, onlyFor, edits, at } = message;
  const { name, bot } = world.user(message.author);
  const deferred = (message.flags & MessageFlags.Loading) !== 0;
  const waiting = message.unanswered ? NO_RESPONSE : `${name} is thinking…`;
  return {
    id,
    channel,
    ...(replyTo && { thread: replyTo.message }),
    author: { id: message.author, name, bot },
    text: deferred ? waiting : text(world, message),
    buttons: buttonsOf(message.components).flatMap((button) =>
      'custom_id' in button && !button.disabled ? [{ id: button.custom_id, label: button.label ?? '' }] : [],
    ),
    reactions: [...message.reactions.keys()],
    edits,
    ...(origin?.command && { usedBy: `${world.user(origin.user).name} used /${origin.command}` }),
    ...(onlyFor && { onlyFor }),
    pending: deferred && !message.unanswered,
    at,
  };
}

function text(world: World, { type, author, content, embeds, attachments, forwards }: Message): string {
  if (forwards) return text(world, forwards).replace(/^/gm, '> ');
  if (type === MessageType.ThreadCreated) return `${world.user(author).name} started a thread: ${content}`;
  const embedded = embeds.flatMap(({ title, description }) => [title, description]).filter(Boolean);
  const files = attachments.map(({ filename }) => `[${filename}]`);
  return [withNames(world, content), ...embedded, ...files].filter(Boolean).join('\n');
}

/** Mentions as they are read: <@123> is @somebody. */
const withNames = (world: World, content: string): string =>
  content
    .replace(/<@!?(\d+)>/g, (whole, id) => (world.users.has(id) ? `@${world.user(id).name}` : whole))
    .replace(/<@&(\d+)>/g, (whole, id) => (world.roles.has(id) ? `@${world.roles.get(id)!.name}` : whole));

/** What a person's client sends when they pick a name after an @: @somebody is <@123>. */
export const withIds = (world: World, text: string): string =>
  [...world.users.values()]
    .sort((a, b) => b.name.length - a.name.length)
    .reduce((result, { id, name }) => result.replaceAll(`@${name}`, `<@${id}>`), text);
