import { PermissionFlagsBits } from 'discord.js';
import type { Channel, Role, User } from './records.ts';

export type PermissionName = keyof typeof PermissionFlagsBits;

export const bits = (...names: PermissionName[]): bigint =>
  names.reduce((sum, name) => sum | PermissionFlagsBits[name], 0n);

export const ALL = Object.values(PermissionFlagsBits).reduce((sum, bit) => sum | bit, 0n);

/** What @everyone may in a new server, as far as a text chat is concerned. */
export const EVERYONE = bits(
  'ViewChannel',
  'SendMessages',
  'SendMessagesInThreads',
  'CreatePublicThreads',
  'ReadMessageHistory',
  'AddReactions',
  'EmbedLinks',
  'AttachFiles',
  'UseApplicationCommands',
);

/** What an invitation would give the bot. Mentioning everyone is included, so that a leak shows. */
export const BOT = EVERYONE | bits('MentionEveryone', 'UseExternalEmojis');

/** Direct messages have no roles: this is what both sides may there. */
const DM = EVERYONE & ~bits('CreatePublicThreads', 'SendMessagesInThreads');

/**
 * What a user may in a channel: roles first, then the channel's overwrites for everyone, for roles and for
 * the member, in that order. `channel` is the parent for a thread.
 */
export function permissionsIn(channel: Channel, user: User, roles: ReadonlyMap<string, Role>): bigint {
  if (channel.recipient) return DM;
  const held = [...roles.values()].filter(
    (role) => role.name === '@everyone' || user.roles.includes(role.id),
  );
  let granted = held.reduce((sum, role) => sum | role.permissions, 0n);
  if (granted & PermissionFlagsBits.Administrator) return ALL;
  const everyone = channel.overwrites.filter((o) => roles.get(o.id)?.name === '@everyone');
  const others = channel.overwrites.filter(
    (o) => o.type === 'role' && !everyone.includes(o) && user.roles.includes(o.id),
  );
  const own = channel.overwrites.filter((o) => o.type === 'member' && o.id === user.id);
  for (const group of [everyone, others, own]) {
    for (const overwrite of group) granted &= ~overwrite.deny;
    for (const overwrite of group) granted |= overwrite.allow;
  }
  // Who cannot see a channel can do nothing in it.
  return granted & PermissionFlagsBits.ViewChannel ? granted : 0n;
}
