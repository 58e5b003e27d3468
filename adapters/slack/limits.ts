import type { Budget } from '../../src/bot/ports.ts';

/**
 * Slack's limits, as far as they matter to us. Each is per method, workspace and app, chat.postMessage's per
 * channel too. The docs name tiers (2 is "20+ per minute", 3 "50+", 4 "100+") and for posting "1 per second per
 * channel". How many calls may come at once they don't say, so the bursts are guesses on the low side.
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
  /** Tier 3. */
  addReaction: (team: string): Budget => perMinute(team, 'reactions.add', 50, 5),
  removeReaction: (team: string): Budget => perMinute(team, 'reactions.remove', 50, 5),
  /**
   * 600 a minute, on the method's page: a workspace that may edit 50 times a minute never has so many answers that
   * their few statuses reach it, so the first sign of life need not wait for other processes.
   */
  status: (team: string): Budget => ({
    ...perMinute(team, 'assistant.threads.setStatus', 600, 20),
    unshared: true,
  }),
  /** None is documented. Each stream takes two calls, and as many start as chat.startStream allows. */
  session: (team: string): Budget => ({
    ...perMinute(team, 'agents.sessions.setStatus', 60, 20),
    unshared: true,
  }),
  /**
   * For what was asked while nobody listened. Tier 3 for an app of one's own, of which a fifth is left to questions
   * that are asked meanwhile.
   */
  list: (team: string): Budget => perMinute(team, 'users.conversations', 40, 5),
  history: (team: string): Budget => perMinute(team, 'conversations.history', 40, 5),
  replies: (team: string): Budget => perMinute(team, 'conversations.replies', 40, 5),
} as const;

function perMinute(team: string, method: string, limit: number, burst: number): Budget {
  return { id: `slack:${team}:${method}`, limit, windowMs: 60_000, burst };
}
