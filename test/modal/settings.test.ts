import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';

const needed = {
  SLACK_BOT_TOKEN: 'xoxb-1',
  SLACK_APP_TOKEN: 'xapp-1',
  MODEL_BASE_URL: 'https://model.example/v1',
};
/** What Modal is asked with what runs. */
const modal = {
  MODAL_TOKEN_ID: 'ak-1',
  MODAL_TOKEN_SECRET: 'as-1',
  MODAL_APP: 'pilotlight-vllm',
  MODAL_SERVER: 'VllmServer',
};
const read = (env: Record<string, string>) => () => readConfig({ ...needed, ...env });

describe('the settings of warm mode', () => {
  it('are all optional, and off where they would cost something', () => {
    expect(read({})()).toMatchObject({
      WARM_DEFAULT_HOURS: 2,
      WARM_MAX_HOURS: 24,
      PREWARM_ON_INTENT: false,
      PREWARM_DAILY_CAP: 20,
    });
    expect(read({})().GPU_BUDGET_USD).toBeUndefined();
  });

  it.each([
    [{ GPU_BUDGET_USD: '100' }, /MODAL_GPU is missing beside GPU_BUDGET_USD/],
    [{ GPU_BUDGET_USD: '-1', MODAL_GPU: 'H100' }, /GPU_BUDGET_USD is not a number/],
    [{ MODAL_GPU: 'H300' }, /MODAL_GPU has no price for H300: known are T4/],
    [{ MODAL_GPU: 'H100', GPU_PRICES: 'H100' }, /GPU_PRICES holds "H100"/],
    [{ PREWARM_ON_INTENT: 'maybe' }, /PREWARM_ON_INTENT is neither true nor false/],
    [{ WARM_MAX_HOURS: '1' }, /WARM_DEFAULT_HOURS is more than WARM_MAX_HOURS/],
    [{ WARM_MAX_CONTAINERS: '0' }, /WARM_MAX_CONTAINERS/],
  ])('say what is wrong with %j', (env, why) => {
    expect(read(env)).toThrow(why);
  });

  it('take a GPU that has a price of the operator’s own', () => {
    const env = { ...modal, MODAL_GPU: 'H200:2', GPU_PRICES: 'H200=0.00126', GPU_BUDGET_USD: '99.5' };
    expect(read(env)()).toMatchObject({ GPU_BUDGET_USD: 99.5 });
  });

  it.each(Object.keys(modal))('take no budget without %s: it would never be used up', (name) => {
    const env = { ...modal, MODAL_GPU: 'H100', GPU_BUDGET_USD: '100', [name]: '' };
    expect(read(env)).toThrow(`${name} is missing beside GPU_BUDGET_USD: nobody could count what runs.`);
  });

  it('take a budget for servers that a file of models names', () => {
    const env = { ...modal, MODAL_APP: '', MODAL_SERVER: '', MODELS_FILE: 'models.yaml' };
    expect(read({ ...env, MODAL_GPU: 'H100', GPU_BUDGET_USD: '100' })()).toMatchObject({
      GPU_BUDGET_USD: 100,
    });
  });
});
