import { type ClientUser, cleanContent, type Guild, type TextBasedChannel } from 'discord.js';

/** Discord's marks that its library leaves alone, or cannot resolve. */
const USER = /<@!?\d+>/g;
const ROLE = /<@&\d+>/g;
const CHANNEL = /<#\d+>/g;
const TIMESTAMP = /<t:(-?\d{1,13})(?::[tTdDfFsSR])?>/g;

/**
 * What a person wrote, as plain Markdown for the model: without mentions of the bot, with the names that
 * other mentions, channels, emoji and times are shown as.
 */
export function readable(text: string, me: ClientUser, channel: TextBasedChannel | null): string {
  const own = ownMentions(me, channel && 'guild' in channel ? channel.guild : null);
  const others = text.replace(new RegExp(`[^\\S\\n]*(?:${own.join('|')})[,:]?`, 'g'), '');
  return (channel ? cleanContent(others, channel) : others)
    .replace(TIMESTAMP, (mark, seconds: string) => time(Number(seconds)) ?? mark)
    .replace(USER, '@someone')
    .replace(ROLE, '@a-role')
    .replace(CHANNEL, '#a-channel')
    .trim();
}

/** The role that Discord made for the bot: people pick it by mistake, for it has the bot's name. */
export const ownRole = (me: ClientUser, guild: Guild | null): string | undefined =>
  guild?.roles.botRoleFor(me)?.id;

function ownMentions(me: ClientUser, guild: Guild | null): string[] {
  const role = ownRole(me, guild);
  return [`<@!?${me.id}>`, ...(role === undefined ? [] : [`<@&${role}>`])];
}

/** "2026-01-05 12:00 UTC" */
function time(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
