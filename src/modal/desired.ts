import type { TargetState, Tuning } from '../store/warm-store.ts';
import { parseSchedule } from './schedule.ts';

export interface Desired {
  /** 0: it may sleep. */
  readonly containers: number;
  /** Where something else than the app's own was asked for. */
  readonly tuning: Partial<Tuning>;
  /** Until when at least one is wanted; absent when none is. ms since the epoch */
  readonly until?: number;
  /** When another number is wanted before that; ms since the epoch. */
  readonly next?: { readonly at: number; readonly containers: number };
  readonly because: 'nothing' | 'manual' | 'schedule' | 'budget';
}

/**
 * What is wanted at a moment. By hand and by schedule add up to the larger of the two, for as long as either
 * lasts; the rest of the settings is by hand before it is by schedule. A `cold` ends the schedule's window of
 * the day, and past the budget nothing is wanted.
 */
export function desiredAt(state: TargetState, now: number, pastBudget: boolean): Desired {
  const manual = state.manual && now < state.manual.until ? state.manual : undefined;
  const scheduled = scheduledAt(state, now);
  if (!manual && !scheduled) return { containers: 0, tuning: {}, because: 'nothing' };
  if (pastBudget) return { containers: 0, tuning: {}, because: 'budget' };
  const tuning = { ...scheduled?.tuning, ...manual?.tuning };
  const most = tuning.maxContainers ?? Number.POSITIVE_INFINITY;
  const containers = Math.min(most, Math.max(manual?.containers ?? 0, scheduled?.containers ?? 0));
  const manualEnd = manual?.until ?? 0;
  // A window that begins before the other ends goes on from there.
  const end = scheduledAt(state, Math.max(manualEnd, now))?.end ?? 0;
  const until = Math.max(manualEnd, scheduled?.end ?? 0, end);
  const change = Math.min(...[manual?.until, scheduled?.end].filter((end) => end !== undefined));
  const later = change < until ? desiredAt(state, change, pastBudget).containers : containers;
  return {
    containers,
    tuning,
    until,
    ...(later !== containers && { next: { at: change, containers: later } }),
    because: manualEnd >= until ? 'manual' : 'schedule',
  };
}

/** When something may change next, ms since the epoch. */
export function nextChange(state: TargetState, now: number): number {
  const schedule = state.schedule && parseSchedule(state.schedule.rule);
  const ends = [
    state.manual?.until,
    schedule?.windowAt(now)?.end,
    schedule?.next(now).start,
    state.pausedUntil,
  ];
  return Math.min(...ends.filter((at) => at !== undefined && at > now).map(Number));
}

function scheduledAt(
  { schedule, pausedUntil = 0 }: TargetState,
  at: number,
): { containers: number; tuning: Partial<Tuning> | undefined; end: number } | undefined {
  const window = schedule && at >= pausedUntil ? parseSchedule(schedule.rule).windowAt(at) : undefined;
  return window && { containers: schedule!.containers, tuning: schedule!.tuning, end: window.end };
}
