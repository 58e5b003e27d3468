import { type Message, MessageFlags } from 'discord.js';
import type { Bot } from '../../src/bot/ports.ts';
import { type Clock, sleep } from '../../src/clock.ts';

/** Longer than it takes another process, which may still live, to store what a command asked; ms. */
const TAKEN_WITHIN = 15_000;

const LOST = '⚠️ I was restarted at that very moment, and your command was lost. Please use it again.';

/** True for "thinking…", which stands until the command that it answers is answered. */
export const isThinking = (message: Message): boolean =>
  message.author.id === message.client.user.id &&
  message.interactionMetadata !== null &&
  message.flags.has(MessageFlags.Loading);

/**
 * Says so where "thinking…" stands for a command that no process knows: it was killed after it had told Discord
 * that it would answer, and before the question was stored.
 */
export async function tellIfLost(
  message: Message,
  { bot, clock, signal }: { bot: Bot; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const { guildId, channelId, interactionMetadata } = message;
  const left = message.createdTimestamp + TAKEN_WITHIN - clock.now();
  if (left > 0) await sleep(clock, left, signal);
  const workspace = guildId ?? channelId;
  const asked = {
    platform: 'discord',
    workspace,
    channel: channelId,
    message: interactionMetadata!.id,
  } as const;
  if (await bot.isTaken(asked)) return;
  if (isThinking(await message.fetch())) await message.edit(LOST);
}
