import type { Budget, WriteOp } from '../../src/bot/ports.ts';

export const GLOBAL_BUDGET = 'discord:global';

/**
 * All requests of one bot: 50 a second (Discord's documentation, "Rate Limits"). Interaction endpoints are
 * exempt.
 */
export const globalBudget: Budget = { id: GLOBAL_BUDGET, limit: 50, windowMs: 1000 };

export const TYPING_BUDGET = 'discord:typing';

/**
 * Of all requests so many for "is typing…", which each channel that waits needs every 8 seconds: a thousand of them
 * would use up what answers are written with, and refusals by the thousand can get the bot's address banned (10,000
 * in 10 minutes). What there is no room for is shown a bit later.
 */
export const typingBudget: Budget = { id: TYPING_BUDGET, limit: 10, windowMs: 1000 };

/**
 * Discord promises no number for messages; it behaves like 5 in any 5 seconds for each channel, counted
 * apart for creates and edits although both answer with the same bucket (measured; facts of the project).
 */
export const channelBudget = (channel: string, op: WriteOp): Budget => ({
  id: `discord:${channel}:${op === 'post' ? 'create' : 'edit'}`,
  limit: 5,
  windowMs: 5000,
});

/** An interaction's webhook has a bucket of its own for each token, of the same size. */
export const interactionBudget = (interaction: string): Budget => ({
  id: `discord:interaction:${interaction}`,
  limit: 5,
  windowMs: 5000,
});
