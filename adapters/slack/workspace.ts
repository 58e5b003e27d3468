import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Spare } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import type { Activity } from './activity.ts';
import type { SlackAddress } from './address.ts';

/** Which workspace. */
export interface Where {
  readonly team: string;
  /** The Enterprise Grid organisation, where the app was installed to the whole of it. */
  readonly enterprise?: string;
}

/** A workspace in one word, and back. */
export const keyOf = ({ team, enterprise }: Where): string =>
  enterprise === undefined ? team : `${enterprise}/${team}`;

export function whereOf(key: string): Where {
  const [team = '', enterprise] = key.split('/').toReversed();
  return { team, ...(enterprise !== undefined && { enterprise }) };
}

/** Who the bot is in a workspace. */
export interface Self extends Where {
  readonly user: string;
  readonly bot: string;
}

export interface Credentials extends Pick<Self, 'user' | 'bot'> {
  readonly token: string;
}

/** What all replies in a workspace share. */
export interface Workspace {
  readonly client: WebClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** When this process began, ms since the epoch: an older question may have been answered already. */
  readonly since: number;
  /** As they are now; undefined where the bot is not installed (any more). */
  credentials(): Promise<Credentials | undefined>;
  /** What Slack turned out to lack here is tried once, then left alone. */
  readonly features: {
    streams: boolean;
    sessions: boolean;
    status: boolean;
    reactions: boolean;
    names: boolean;
  };
  /** For signs of life, which no reply may wait for. */
  readonly spare: Spare;
  /** What is shown as being at work. */
  readonly activities: Set<Activity>;
  /** The person pressed Slack's own Stop. */
  stopped(address: SlackAddress): void;
}

/** Refusals that say "never here", as opposed to "not now" or "not in this thread". */
export const lacking: ReadonlySet<string | undefined> = new Set([
  'unknown_method',
  'feature_not_enabled',
  'missing_scope',
  'not_allowed_token_type',
]);
