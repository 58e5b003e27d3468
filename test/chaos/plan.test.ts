import { expect, it } from 'vitest';
import { planOf } from './plan.ts';

const alone = { processes: 1, postgres: false };

it('is the same plan for the same seed, and another for another', () => {
  expect(planOf(7, alone)).toEqual(planOf(7, alone));
  expect(planOf(7, alone)).not.toEqual(planOf(8, alone));
});

it('has every kind of trouble, on every side, within a few hundred seeds', () => {
  const troubles = Array.from({ length: 400 }, (_, seed) =>
    planOf(seed, { processes: 3, postgres: true }).troubles.map(({ trouble }) => trouble),
  ).flat();
  expect(new Set(troubles.map(({ type }) => type))).toEqual(
    new Set([
      ...['kill', 'restart', 'wire', 'refuse', 'lose-answers', 'reconnect', 'stream', 'model'],
      ...['database', 'stop', 'delete'],
    ]),
  );
  const cut = troubles.flatMap((trouble) => (trouble.type === 'wire' ? [trouble.side] : []));
  expect(new Set(cut)).toEqual(new Set(['slack', 'discord', 'model', 'database']));
  const killed = troubles.flatMap((trouble) => (trouble.type === 'kill' ? [trouble.process] : []));
  expect(new Set(killed)).toEqual(new Set([0, 1, 2]));
});

it('needs no database other than SQLite unless it is told so', () => {
  const troubles = Array.from({ length: 400 }, (_, seed) => planOf(seed, alone).troubles).flat();
  expect(troubles.filter(({ trouble }) => trouble.type === 'database')).toEqual([]);
});
