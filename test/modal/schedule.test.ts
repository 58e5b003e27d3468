import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/modal/input-error.ts';
import { parseSchedule } from '../../src/modal/schedule.ts';

const at = (iso: string) => Date.parse(iso);
const iso = (ms: number | undefined) => ms && new Date(ms).toISOString().slice(0, 16);
const windowAt = (rule: string, when: string) => {
  const window = parseSchedule(rule).windowAt(at(when));
  return window && [iso(window.start), iso(window.end)];
};

describe('a schedule', () => {
  it.each([
    ['weekdays 9-18 Europe/Berlin', 'mon-fri 09:00-18:00 Europe/Berlin'],
    ['mon-fri 9:00-18:00 europe/berlin', 'mon-fri 09:00-18:00 Europe/Berlin'],
    ['Weekends 10am - 6pm UTC', 'sat-sun 10:00-18:00 UTC'],
    ['every day 0-24 UTC', 'mon-sun 00:00-24:00 UTC'],
    ['mon, wed and friday 9.30–12 America/New_York', 'mon,wed,fri 09:30-12:00 America/New_York'],
    ['fri-mon 22 to 6 UTC', 'mon,fri-sun 22:00-06:00 UTC'],
    ['daily 12am-12pm UTC', 'mon-sun 00:00-12:00 UTC'],
  ])('reads "%s", and its own way of writing it as the same', (text, rule) => {
    expect(parseSchedule(text).rule).toBe(rule);
    expect(parseSchedule(rule).rule).toBe(rule);
  });

  it.each([
    ['weekdays', /Say it like/],
    ['', /Say it like/],
    ['weekdays 9-18', /time zone/],
    ['weekdays 9-18 Mars/Olympus', /not a time zone/],
    ['someday 9-18 UTC', /not a day/],
    ['mon-xyz 9-18 UTC', /not a day/],
    ['weekdays 9-25 UTC', /not a time of day/],
    ['weekdays 9:75-18 UTC', /not a time of day/],
    ['weekdays 13pm-18 UTC', /not a time of day/],
    ['weekdays 9-9 UTC', /no time at all/],
    ['weekdays 24-9 UTC', /cannot start/],
  ])('refuses "%s" and says how to say it', (text, why) => {
    expect(() => parseSchedule(text)).toThrow(InputError);
    expect(() => parseSchedule(text)).toThrow(why);
  });

  it('begins at its first minute and is over at its last', () => {
    const rule = 'weekdays 9-18 UTC';
    expect(windowAt(rule, '2026-01-05T08:59:59Z')).toBeUndefined();
    expect(windowAt(rule, '2026-01-05T09:00:00Z')).toEqual(['2026-01-05T09:00', '2026-01-05T18:00']);
    expect(windowAt(rule, '2026-01-05T17:59:59Z')).toBeDefined();
    expect(windowAt(rule, '2026-01-05T18:00:00Z')).toBeUndefined();
    expect(windowAt(rule, '2026-01-04T12:00:00Z')).toBeUndefined();
    expect(iso(parseSchedule(rule).next(at('2026-01-02T18:00:00Z')).start)).toBe('2026-01-05T09:00');
  });

  it('goes on past midnight, into a day that is not its own', () => {
    expect(windowAt('fri 22-6 UTC', '2026-01-10T05:00:00Z')).toEqual([
      '2026-01-09T22:00',
      '2026-01-10T06:00',
    ]);
    expect(windowAt('daily 0-24 UTC', '2026-01-10T23:59:59Z')).toEqual([
      '2026-01-10T00:00',
      '2026-01-11T00:00',
    ]);
  });

  it('follows the clocks of its zone when they change', () => {
    const rule = 'daily 9-18 Europe/Berlin';
    expect(windowAt(rule, '2026-03-28T12:00:00Z')).toEqual(['2026-03-28T08:00', '2026-03-28T17:00']);
    expect(windowAt(rule, '2026-03-29T12:00:00Z')).toEqual(['2026-03-29T07:00', '2026-03-29T16:00']);
    expect(windowAt(rule, '2026-10-25T12:00:00Z')).toEqual(['2026-10-25T08:00', '2026-10-25T17:00']);
  });

  it('is an hour shorter or longer over the night in which the clocks change', () => {
    const rule = 'daily 22-6 Europe/Berlin';
    expect(windowAt(rule, '2026-03-29T00:30:00Z')).toEqual(['2026-03-28T21:00', '2026-03-29T04:00']);
    expect(windowAt(rule, '2026-10-25T00:30:00Z')).toEqual(['2026-10-24T20:00', '2026-10-25T05:00']);
  });

  it('neither loses nor doubles a window that begins in an hour which does not exist or comes twice', () => {
    const rule = parseSchedule('daily 2:30-4 Europe/Berlin');
    const spring = rule.next(at('2026-03-28T12:00:00Z'));
    expect(spring.start).toBeGreaterThanOrEqual(at('2026-03-29T01:00:00Z'));
    expect(spring.end).toBe(at('2026-03-29T02:00:00Z'));
    const autumn = rule.next(at('2026-10-24T12:00:00Z'));
    expect(autumn.end).toBe(at('2026-10-25T03:00:00Z'));
    expect(rule.next(autumn.start).start).toBe(at('2026-10-26T01:30:00Z'));
  });
});
