import { Cron } from 'croner';
import { InputError } from './input-error.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const GROUPS: Readonly<Record<string, string>> = {
  weekdays: 'mon-fri',
  weekends: 'sat-sun',
  daily: 'sun-sat',
};
const SHAPE = /^(.+?)\s+(\d[\d:.apm]*)\s*(?:-|–|to)\s*(\d[\d:.apm]*)(?:\s+(\S+))?$/i;
const EXAMPLE = 'weekdays 9-18 Europe/Berlin';

/** A stretch of time, ms since the epoch; `end` does not belong to it. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** Windows that come again each week, by the wall clock of a time zone. */
export interface Schedule {
  /** In a form of its own, e.g. "mon-fri 09:00-18:00 Europe/Berlin"; reads back as the same. */
  readonly rule: string;
  /** The window that `at` lies in. */
  windowAt(at: number): Window | undefined;
  /** The first window that begins after `at`. */
  next(at: number): Window;
}

/**
 * Reads "weekdays 9-18 Europe/Berlin", "mon,wed 9:30-12:00 UTC", "daily 22-6 America/New_York" (until the
 * next morning). The zone is never guessed. @throws InputError
 */
export function parseSchedule(text: string): Schedule {
  const written = text.trim().replace(/^every\s*day\b/i, 'daily');
  const [, days = '', from = '', to = '', zoneName] = SHAPE.exec(written) ?? [];
  if (!days) throw new InputError(`"${text.trim()}" is not a schedule. Say it like: ${EXAMPLE}.`);
  const weekdays = parseDays(days);
  const start = parseTime(from);
  const end = parseTime(to);
  if (start === 24 * 60) throw new InputError('A window cannot start at 24:00: say 0.');
  if (start === end)
    throw new InputError(`From ${from} to ${to} is no time at all. For the whole day say 0-24.`);
  if (zoneName === undefined)
    throw new InputError(`Say the time zone as well, for example: ${text.trim()} Europe/Berlin.`);
  return new WeeklySchedule(weekdays, start, end, parseZone(zoneName));
}

class WeeklySchedule implements Schedule {
  readonly rule: string;
  readonly #starts: Cron;
  readonly #ends: Cron;

  constructor(days: readonly number[], start: number, end: number, timezone: string) {
    // croner knows what a zone's clock does when it changes: a time that is skipped counts as the next one.
    this.#starts = new Cron(`${start % 60} ${Math.floor(start / 60)} * * ${days.join(',')}`, { timezone });
    this.#ends = new Cron(`${end % 60} ${Math.floor(end / 60) % 24} * * *`, { timezone });
    this.rule = `${formatDays(days)} ${clockTime(start)}-${clockTime(end)} ${timezone}`;
  }

  windowAt(at: number): Window | undefined {
    // croner looks for one before the time that it is given.
    const start = this.#starts.previousRuns(1, new Date(at + 1))[0];
    const window = start && this.#from(start);
    return window && at < window.end ? window : undefined;
  }

  next(at: number): Window {
    return this.#from(this.#starts.nextRun(new Date(at))!);
  }

  #from(start: Date): Window {
    return { start: start.getTime(), end: this.#ends.nextRun(start)!.getTime() };
  }
}

/** Weekdays, 0 is Sunday, in order. */
function parseDays(text: string): number[] {
  const written = text
    .toLowerCase()
    .replace(/\s*(,|\band\b|&)\s*/g, ',')
    .replace(/\s*-\s*/g, '-');
  const days = (GROUPS[written] ?? written).split(',').flatMap((part) => {
    const [first, last] = part.trim().split('-').map(dayOf);
    if (first === undefined || (part.includes('-') && last === undefined))
      throw new InputError(
        `"${part.trim()}" is not a day. Say weekdays, weekends, daily, or days like mon-fri or mon,wed.`,
      );
    const length = (((last ?? first) - first + 7) % 7) + 1;
    return Array.from({ length }, (_, index) => (first + index) % 7);
  });
  return [...new Set(days)].sort((a, b) => a - b);
}

function dayOf(name: string): number | undefined {
  const index = DAYS.findIndex((day) => name.length >= 2 && fullName(day).startsWith(name));
  return index < 0 ? undefined : index;
}

const fullName = (day: string): string =>
  ({ sun: 'sundays', mon: 'mondays', tue: 'tuesdays', wed: 'wednesdays', thu: 'thursdays', fri: 'fridays' })[
    day
  ] ?? 'saturdays';

/** Minutes since midnight. */
function parseTime(text: string): number {
  const [, hour = '', minute = '0', half] = /^(\d{1,2})(?:[:.](\d{2}))?(am|pm)?$/i.exec(text) ?? [];
  const isPm = half?.toLowerCase() === 'pm';
  const hours = half ? (Number(hour) % 12) + (isPm ? 12 : 0) : Number(hour);
  const minutes = hours * 60 + Number(minute);
  const wrong =
    hour === '' || Number(minute) > 59 || minutes > 24 * 60 || (half && !(+hour >= 1 && +hour <= 12));
  if (wrong) throw new InputError(`"${text}" is not a time of day. Say it like 9, 17:30 or 6pm.`);
  return minutes;
}

function parseZone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    throw new InputError(`"${name}" is not a time zone. Say it like Europe/Berlin, America/New_York or UTC.`);
  }
}

const clockTime = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, '0')).join(':');

/** "mon-fri" where days follow each other, "mon,wed" where they do not; the week begins on Monday. */
function formatDays(days: readonly number[]): string {
  const week = days.map((day) => (day + 6) % 7).sort((a, b) => a - b);
  const name = (day: number) => DAYS[(day + 1) % 7]!;
  const runs: number[][] = [];
  for (const day of week) {
    const run = runs.at(-1);
    if (run && run.at(-1) === day - 1) run.push(day);
    else runs.push([day]);
  }
  return runs
    .map((run) => (run.length > 1 ? `${name(run[0]!)}-${name(run.at(-1)!)}` : name(run[0]!)))
    .join(',');
}
