import { z } from 'zod';
import type { Address } from '../../src/bot/ports.ts';

const id = z.string();

/** A question that a message asked. */
const byMessage = z.object({
  by: z.literal('message'),
  guild: id.nullable(),
  channel: id,
  author: id,
  message: id,
});

/** A question that a command asked. */
const byCommand = z.object({
  by: z.literal('command'),
  guild: id.nullable(),
  channel: id,
  author: id,
  interaction: id,
  application: id,
  /** Lets its holder write this reply and nothing else. */
  token: z.string(),
  /** ms since the epoch */
  tokenEndsAt: z.number(),
  /** The message that shows "thinking…" and then the first page, where Discord told its id. */
  deferred: id.nullable(),
  /** Whether the bot may also write in the channel by itself. */
  reachable: z.boolean(),
  /** What was asked, for a line above the answer: Discord shows other people the command's name only. */
  asked: z.string(),
});

const schema = z.discriminatedUnion('by', [byMessage, byCommand]);

/** Where a reply goes, as the store keeps it. */
export type ReplyAddress = z.infer<typeof schema>;
export type CommandAddress = z.infer<typeof byCommand>;

/** Reads an address back from the store. @throws ZodError when it is not one of ours. */
export const readAddress = (address: Address): ReplyAddress => schema.parse(address);
