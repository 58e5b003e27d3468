import { WebAPIPlatformError, type WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { OperatorError, Unreachable } from '../../src/errors.ts';
import { codeOf, mayPass } from './faults.ts';
import type { Self } from './workspace.ts';

const APP_PAGE = 'https://api.slack.com/apps → your app';
const BOT_TOKEN = `Copy the Bot User OAuth Token (xoxb-…) from ${APP_PAGE} → OAuth & Permissions.`;
const APP_TOKEN = `Create one with the scope connections:write (xapp-…) at ${APP_PAGE} → Basic Information → App-Level Tokens, and switch on Socket Mode.`;

/** Without these, questions do not arrive or answers cannot be written. */
export const needed = ['app_mentions:read', 'channels:history', 'chat:write', 'groups:history', 'im:history'];
/** Without these, less is shown, or heard. */
export const wanted = [
  'assistant:write',
  'commands',
  'files:read',
  'im:write',
  'mpim:history',
  'reactions:write',
  'users:read',
];

/** Without these, what was asked while nobody listened is found in known conversations alone. */
export const listing = ['channels:read', 'groups:read', 'im:read', 'mpim:read'];

/** Asks Slack who we are and what we may do. Throws OperatorError. */
export async function identify(client: WebClient, log: Logger): Promise<Self> {
  const answer = await client.auth.test().catch((error) => {
    throw refusal('SLACK_BOT_TOKEN', BOT_TOKEN, error);
  });
  const { team_id: team, user_id: user, bot_id: bot } = answer;
  if (!team || !user || !bot) {
    throw new OperatorError(`SLACK_BOT_TOKEN is not a bot's token. ${BOT_TOKEN}`);
  }
  const scopes = answer.response_metadata?.scopes;
  const missing = (list: readonly string[]) =>
    scopes ? list.filter((scope) => !scopes.includes(scope)) : [];
  if (missing(needed).length > 0) {
    throw new OperatorError(
      `SLACK_BOT_TOKEN lacks the scopes ${missing(needed).join(', ')}. Add them at ${APP_PAGE} → OAuth & Permissions → Bot Token Scopes, then reinstall the app to the workspace.`,
    );
  }
  const lacking = missing([...wanted, ...listing]);
  if (lacking.length > 0) {
    log.warn(
      { scopes: lacking },
      'SLACK_BOT_TOKEN lacks scopes: not everything will work; see what they are for in docs/slack.md',
    );
  }
  return { team, user, bot };
}

/** What a failed first connection means to the operator. */
export function socketRefusal(error: unknown): OperatorError {
  return refusal('SLACK_APP_TOKEN', APP_TOKEN, error);
}

function refusal(variable: string, remedy: string, error: unknown): OperatorError {
  const code = codeOf(error);
  if (code === undefined || mayPass(error)) {
    const odd = error instanceof WebAPIPlatformError ? 'it did not answer as Slack does' : causeOf(error);
    const reason = code ?? odd;
    return new Unreachable(
      `Slack could not be reached (${reason}). Check the network and proxy, and SLACK_API_URL if it is set.`,
      { cause: error },
    );
  }
  const removed = ['account_inactive', 'token_revoked', 'team_disabled'].includes(code);
  const again = removed ? ' The app was removed from the workspace: install it again.' : '';
  return new OperatorError(`${variable} was refused by Slack (${code}).${again} ${remedy}`, { cause: error });
}

/** The deepest reason, e.g. "connect ECONNREFUSED …" under "fetch failed". */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? causeOf(error.cause) : error.message;
}
