import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Clock } from '../../src/clock.ts';
import type { Activity } from './activity.ts';
import type { SlackAddress } from './address.ts';
import type { Throttle } from './throttle.ts';

/** Who we are, from auth.test. */
export interface Self {
  readonly team: string;
  readonly user: string;
  readonly bot: string;
}

/** What all replies in a workspace share. */
export interface Workspace {
  readonly client: WebClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** When this process began, ms since the epoch: an older question may have been answered already. */
  readonly since: number;
  /** Set once connected. */
  self: Self | undefined;
  /** What Slack turned out to lack here is tried once, then left alone. */
  readonly features: { streams: boolean; sessions: boolean; status: boolean; reactions: boolean };
  /** For signs of life, which no reply may wait for. */
  readonly throttles: Readonly<Record<'addReaction' | 'removeReaction' | 'status', Throttle>>;
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
