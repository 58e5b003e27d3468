import type { Budget } from '../../src/bot/ports.ts';

/**
 * Slack's limits on writing. Each is per method, workspace and app, chat.postMessage's per channel too. The
 * docs name tiers (2 is "20+ per minute", 3 "50+", 4 "100+") and for posting "1 per second per channel". How
 * many calls may come at once they don't say, so the bursts are guesses on the low side.
 * https://docs.slack.dev/apis/web-api/rate-limits and each method's page
 */
export const limits = {
  post: (team: string, channel: string): Budget => ({
    id: `slack:${team}:${channel}:chat.postMessage`,
    limit: 1,
    windowMs: 1_000,
  }),
  update: (team: string): Budget => perMinute(team, 'chat.update', 50, 5),
  startStream: (team: string): Budget => perMinute(team, 'chat.startStream', 20, 5),
  appendStream: (team: string): Budget => perMinute(team, 'chat.appendStream', 100, 10),
  stopStream: (team: string): Budget => perMinute(team, 'chat.stopStream', 20, 5),
} as const;

function perMinute(team: string, method: string, limit: number, burst: number): Budget {
  return { id: `slack:${team}:${method}`, limit, windowMs: 60_000, burst };
}

/** Tier 3 for reactions; 600 a minute on the page of assistant.threads.setStatus. */
export const signLimits = {
  reaction: { limit: 50, windowMs: 60_000, burst: 5 },
  status: { limit: 600, windowMs: 60_000, burst: 20 },
} as const;
