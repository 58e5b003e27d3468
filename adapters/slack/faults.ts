import { WebAPIPlatformError, WebAPIRateLimitedError } from '@slack/web-api';
import { type Budget, WriteError, type WriteFault } from '../../src/bot/ports.ts';

/** When Slack says "too many" but not for how long; ms. */
const DEFAULT_RETRY_AFTER = 30_000;

const faults: Readonly<Record<string, WriteFault>> = {
  message_not_found: 'gone',
  thread_not_found: 'gone',
  msg_too_long: 'too-long',
  msg_blocks_too_long: 'too-long',
  internal_error: 'unavailable',
  fatal_error: 'unavailable',
  service_unavailable: 'unavailable',
  request_timeout: 'unavailable',
  team_added_to_org: 'unavailable',
  // a stream that another process left open: ended and written again at the next try
  streaming_state_conflict: 'unavailable',
};

/** Why Slack will not let the bot write, for the log. */
const DENIED: Readonly<Record<string, string>> = {
  account_inactive: 'the bot was removed from the workspace; install it again',
  channel_not_found: 'the bot is not in the channel any more, or it was deleted; /invite the bot there',
  invalid_auth: 'the token is good no more; install the bot again',
  is_archived: 'the channel is archived',
  missing_scope: 'the token lacks a scope; docs/slack.md says which there are, and how to add one',
  not_in_channel: 'the bot is not in the channel any more; /invite it there',
  restricted_action:
    'who may write in the channel is restricted; an admin of the workspace can allow the bot',
  restricted_action_read_only_channel: 'only some may write in the channel; an admin can allow the bot',
  restricted_action_thread_locked: 'the thread is locked',
  token_revoked: 'the token was revoked; install the bot again',
};

/** Slack's error code, e.g. `channel_not_found`; undefined when the fault is not a refusal by Slack. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof WebAPIPlatformError)) return undefined;
  // A proxy's HTML page comes back as the "code" of a refusal.
  return /^[a-z_]+$/.test(error.data.error) ? error.data.error : undefined;
}

/**
 * Any failure of a Web API call as a fault of the port. A refusal we don't know is `denied`: the same call
 * would be refused again. Messages carry Slack's codes only, never text.
 */
export function toWriteError(error: unknown, budgets: readonly Budget[]): WriteError {
  if (error instanceof WriteError) return error;
  const limited = (retryAfterMs: number) =>
    new WriteError('rate-limited', 'Slack asks to wait', {
      retryAfterMs,
      budgets: budgets.map(({ id }) => id),
      cause: error,
    });
  if (error instanceof WebAPIRateLimitedError) return limited(error.retryAfter * 1_000);
  const code = codeOf(error);
  if (code === 'ratelimited' || code === 'rate_limited') return limited(retryAfterOf(error));
  if (code !== undefined) {
    const why = DENIED[code] === undefined ? code : `${code}, ${DENIED[code]}`;
    return new WriteError(faults[code] ?? 'denied', `Slack refused: ${why}`, { cause: error });
  }
  // A 429 without a Retry-After is a plain Error in web-api 8.2.0.
  if (error instanceof Error && error.message.startsWith('Retry header')) return limited(DEFAULT_RETRY_AFTER);
  return new WriteError('unavailable', 'Slack could not be reached or did not answer', { cause: error });
}

/** False for a refusal that would be the same again. */
export function mayPass(error: unknown): boolean {
  const { fault } = toWriteError(error, []);
  return fault === 'unavailable' || fault === 'rate-limited';
}

function retryAfterOf(error: unknown): number {
  const seconds = error instanceof WebAPIPlatformError && error.data.response_metadata?.retryAfter;
  return typeof seconds === 'number' ? seconds * 1_000 : DEFAULT_RETRY_AFTER;
}
