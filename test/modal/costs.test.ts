import { beforeEach, describe, expect, it } from 'vitest';
import { Costs } from '../../src/modal/costs.ts';
import { formatUsd, PRICES_AS_OF, priceOf } from '../../src/modal/prices.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('the price of a container', () => {
  it('is that of its GPUs, with the date it was read', () => {
    expect(priceOf('H100')).toEqual({ gpu: 'H100', count: 1, usdPerSecond: 0.001097, asOf: PRICES_AS_OF });
    expect(priceOf('a100-80gb:2')).toMatchObject({ count: 2, usdPerSecond: 0.001388 });
    expect(priceOf('H100!:4').usdPerSecond).toBeCloseTo(0.004388);
  });

  it('is the operator’s own where one is set', () => {
    expect(priceOf('H200', 'H200=0.00126, L4=0.0002')).toEqual({
      gpu: 'H200',
      count: 1,
      usdPerSecond: 0.00126,
    });
  });

  it.each([
    ['H300', '', /no price for H300/],
    ['H100:0', '', /no price/],
    ['H100', 'H100', /not like/],
    ['H100', 'H100=free', /not like/],
    ['H100', 'H100=-1', /not like/],
    ['H100', 'H100=3.95', /"H100=3\.95", which is \$14,220\.00 an hour: a price is in dollars a second/],
  ])('is refused for %s with "%s"', (gpu, own, why) => {
    expect(() => priceOf(gpu, own)).toThrow(why);
  });

  it('is shown in dollars', () => {
    expect(formatUsd(1234.5)).toBe('$1,234.50');
  });
});

describe('what containers cost', () => {
  let clock: VirtualClock;
  let costs: Costs;
  beforeEach(() => {
    clock = new VirtualClock(Date.UTC(2026, 0, 30, 23, 0));
    const store = new SqliteStore(':memory:').warm;
    costs = new Costs({ price: { gpu: 'X', count: 1, usdPerSecond: 0.001 }, budgetUsd: 10, store, clock });
  });

  async function run(containers: number, minutes: number): Promise<void> {
    for (let minute = 0; minute <= minutes; minute += 1) {
      if (minute > 0) await clock.advance(60_000);
      await costs.saw(containers);
    }
  }

  it('is counted from containers seen running, and only from those', async () => {
    await costs.saw(0);
    await clock.advance(10 * 3_600_000);
    await run(2, 30);
    const { month } = await costs.spent();
    // Half a minute each for when they may have come.
    expect(month.containerMs).toBe(2 * 30 * 60_000 + 2 * 30_000);
    expect(month.microUsd).toBe(month.containerMs);
  });

  it('goes on being counted over an hour in which Modal could not be asked', async () => {
    await costs.saw(1);
    await clock.advance(3_600_000);
    await costs.saw(1);
    expect((await costs.spent()).month.containerMs).toBe(3_600_000);
  });

  it('is told apart by day and by month', async () => {
    await run(1, 10);
    await clock.advance(24 * 3_600_000);
    await costs.saw(0);
    await clock.advance(3_600_000);
    await run(1, 10);
    const { today, month } = await costs.spent();
    expect(costs.today).toBe('2026-02-01');
    expect(today).toEqual(month);
  });

  it('says when the budget is nearly used up, and when it is', async () => {
    expect(await costs.budget()).toBe('ok');
    await run(1, 134);
    expect(await costs.budget()).toBe('near');
    await run(1, 33);
    expect(await costs.budget()).toBe('past');
  });
});
