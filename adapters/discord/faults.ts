import { WriteError } from '../../src/bot/ports.ts';
import { GLOBAL_BUDGET } from './budgets.ts';
import { DiscordRefusal } from './http.ts';

/** Discord's JSON error codes that mean something to a reply. */
export const Code = {
  unknownMessage: 10008,
  unknownInteraction: 10062,
  oldMessageEdits: 30046,
  alreadyAcknowledged: 40060,
  invalidForm: 50035,
  threadArchived: 50083,
  blockedAtEdge: 40333,
  cannotReplyUnread: 160002,
} as const;

/** Why Discord will not let the bot write, for the log. */
const DENIED: Readonly<Record<number, string>> = {
  10003: 'the channel was deleted',
  50001: 'the bot cannot see the channel; an admin of the server can give it View Channel there',
  50007: 'this person takes no direct messages from the bot',
  50013: 'the bot may not write in the channel; an admin of the server can give it Send Messages there',
  50083: 'the thread is archived',
  160005: 'the thread is locked',
  200000: "the server's AutoMod blocked the text",
};

/** Messages older than an hour take few edits, and Discord does not say when the next is allowed; ms. */
const OLD_MESSAGE_PAUSE = 60_000;

/** What a failed write means to the reply. `budget` is the one the write was counted on. */
export function toWriteError(error: unknown, budget: string): WriteError {
  if (error instanceof WriteError) return error;
  if (!(error instanceof DiscordRefusal)) {
    return new WriteError('unavailable', 'Discord did not answer', { cause: error });
  }
  const { status, code, global } = error;
  const fault = (kind: WriteError['fault'], message: string) =>
    new WriteError(kind, message, { cause: error });
  if (status === 429 || code === Code.oldMessageEdits) {
    return new WriteError('rate-limited', 'Discord asks to wait', {
      retryAfterMs: error.retryAfterMs || OLD_MESSAGE_PAUSE,
      budgets: [global ? GLOBAL_BUDGET : budget],
      cause: error,
    });
  }
  if (code === Code.unknownMessage) return fault('gone', 'the message was deleted');
  if (isTooLong(error)) return fault('too-long', 'the text is longer than Discord takes');
  // A 401 may pass: a new token comes with a new process, which takes the reply up again.
  if (status >= 500 || status === 401 || status === 408 || isAtEdge(error))
    return fault('unavailable', error.message);
  return fault('denied', DENIED[code] ?? error.message);
}

/**
 * A refusal of Cloudflare's, in front of Discord: with a code of its own since 2023, as a page before. It passes, as in
 * May 2024, when many requests of all bots were refused (discord-api-docs #6473).
 */
const isAtEdge = ({ status, code }: DiscordRefusal): boolean =>
  status === 403 && (code === 0 || code === Code.blockedAtEdge);

/** True for a write that Discord refused with this code. */
export function isRefusal(error: unknown, code: number): boolean {
  return error instanceof WriteError && error.cause instanceof DiscordRefusal && error.cause.code === code;
}

function isTooLong({ status, code, errors }: DiscordRefusal): boolean {
  if (status === 413) return true;
  return code === Code.invalidForm && /(MAX|BAD)_LENGTH|TOO_LONG/.test(JSON.stringify(errors.content ?? ''));
}
