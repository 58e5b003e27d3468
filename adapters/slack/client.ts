import type { WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import { slackLogger } from './log.ts';

/**
 * A call that takes longer is given up, and the write tried again; ms. A write can be several calls, and is
 * to end before the live reply gives it up at 30 s.
 */
const TIMEOUT = 7_000;

/** The real service. */
export const SLACK_API = 'https://slack.com/api/';

/**
 * For our own clients, which are apart from Bolt's and without retries: on a 429 a client of Slack's holds
 * up its whole queue, and a post repeated after a 500 can stand twice. When to try again is the pacer's to
 * say. `apiUrl` is the real service's if left out.
 */
export function clientOptions(apiUrl: string | undefined, log: Logger): WebClientOptions {
  return {
    ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
    rejectRateLimitedCalls: true,
    retryConfig: { retries: 0 },
    timeout: TIMEOUT,
    logger: slackLogger(log),
  };
}
