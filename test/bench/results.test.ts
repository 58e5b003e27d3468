import { expect, it } from 'vitest';
import { withFigures } from '../../bench/results.ts';

const results =
  '# Results\n\n## start\n\n1 s\n\n### Remarks\n\nBy hand.\n\nAlso by hand.\n\n## render\n\n2 s\n';

it('saves the figures of one bench and keeps what was written by hand, and the other benches', () => {
  expect(withFigures(results, 'start', '3 s')).toBe(results.replace('1 s', '3 s'));
  expect(withFigures(results, 'render', '3 s')).toBe(results.replace('2 s', '3 s'));
});

it('saves the figures of a new bench after the others', () => {
  expect(withFigures(results, 'new', '3 s')).toBe(`${results}\n## new\n\n3 s\n`);
});
