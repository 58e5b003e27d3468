/** What people read who asked too much: which limit, and when they may ask again. */
import { formatUsd } from '../modal/prices.ts';
import type { PlatformName } from './ports.ts';

export const tooFast = (most: number, waitMs: number): string =>
  `⏳ ${most === 1 ? 'One question a minute is' : `${most} questions a minute are`} the limit here. Press Retry in ${Math.max(1, Math.ceil(waitMs / 1_000))} s.`;

export const personSpent = (usd: number, waitMs: number): string =>
  `💸 You have used today’s ${formatUsd(usd)} of GPU time, as far as it can be estimated. Ask again ${tomorrow(waitMs)}, or ask an admin.`;

export const workspaceSpent = (platform: PlatformName, usd: number, waitMs: number): string =>
  `💸 Today’s ${formatUsd(usd)} of GPU time for this ${platform === 'slack' ? 'workspace' : 'server'} are used up, as far as it can be estimated. Ask again ${tomorrow(waitMs)}, or ask an admin.`;

export const conversationFull = (waiting: number): string =>
  `🚦 ${waiting === 1 ? 'A question waits' : `${waiting} questions wait`} in this conversation already. Press Retry when one has been answered.`;

export const queueFull = (waiting: number): string =>
  `🚦 So many people ask just now that no more can wait (${waiting} do). Press Retry in a few minutes.`;

const tomorrow = (waitMs: number): string => {
  const minutes = Math.ceil(waitMs / 60_000);
  return `after 00:00 UTC, in ${minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`}`;
};
