import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/modal/duration.ts';
import { InputError } from '../../src/modal/input-error.ts';

describe('a length of time', () => {
  it.each([
    ['2h', 120],
    ['90m', 90],
    ['1h30m', 90],
    ['1 h 30 min', 90],
    ['1 hour and 5 minutes', 65],
    ['1.5h', 90],
    ['1,5 hours', 90],
    ['90 s', 1.5],
    ['3 weeks', 3 * 7 * 24 * 60],
  ])('"%s" is %d minutes', (text, minutes) => {
    expect(parseDuration(text)).toBe(minutes * 60_000);
  });

  it.each(['', '-1', '-1h', '2', 'h', 'soon', '2 moons', '2h!', '1h or so', '∞'])('"%s" is none', (text) => {
    expect(() => parseDuration(text)).toThrow(InputError);
  });

  it.each([
    [7_200_000, '2 h'],
    [5_400_000, '1 h 30 min'],
    [2_700_000, '45 min'],
    [20_400, '20 s'],
    [59_600, '1 min'],
    [0, '0 s'],
  ])('%d ms are shown as "%s"', (ms, shown) => {
    expect(formatDuration(ms)).toBe(shown);
  });
});
