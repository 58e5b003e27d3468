import { describe, expect, it } from 'vitest';
import { variables } from '../src/config.ts';
import { misspelt } from '../src/misspelt.ts';

describe('a variable that is named like a setting and is none', () => {
  it('is found', () => {
    expect(misspelt({ KEEP_DAY: '30', GPU_BUDGET: '5', KEEP_DAYS: '30' }, variables)).toEqual([
      'KEEP_DAY',
      'GPU_BUDGET',
    ]);
  });

  it('is not thought to be what belongs to others, or a key that the file of models may name', () => {
    expect(
      misspelt({ PATH: '/bin', MODAL_PROFILE: 'x', DATABASE_NAME: 'x', MODEL_CODER_KEY: 'x' }, variables),
    ).toEqual([]);
  });

  it('is no setting', () => {
    expect(misspelt(Object.fromEntries(variables.map((name) => [name, 'x'])), variables)).toEqual([]);
  });
});
