import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import type { Origin, WarmStore } from '../../src/store/warm-store.ts';
import { open, storeKinds } from '../support/stores.ts';

const by: Origin = { platform: 'slack', channel: 'C1', user: 'U1', name: 'admin' };

describe.each(storeKinds)('what warm mode keeps on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  let url: string;
  let whole: Store;
  let store: WarmStore;
  beforeEach(async () => {
    url = await place.database();
    whole = await open(url);
    store = whole.warm;
  });
  afterEach(() => whole.close());

  it('is nothing before the first change, and then what was changed last', async () => {
    expect(await store.load()).toBeNull();
    const target = { app: 'app', server: 'Server' };
    const manual = { containers: 2, since: 0, until: 9, by };
    await store.change(() => ({ budgetTold: 'a' }));
    await store.change((state) => ({ ...state, targets: { a: { target, manual } } }));
    expect(await store.load()).toEqual({ budgetTold: 'a', targets: { a: { target, manual } } });
  });

  it('outlives the process, with the audit', async () => {
    await store.change(() => ({ budgetTold: 'b' }), { at: 1, origin: by, action: 'cold', detail: '' });
    await whole.close();
    whole = await open(url);
    expect(await whole.warm.load()).toEqual({ budgetTold: 'b' });
    expect(await whole.warm.audit(10)).toEqual([{ at: 1, origin: by, action: 'cold', detail: '' }]);
  });

  it('stays as it was when a change fails, and notes none that changed nothing', async () => {
    await store.change(() => ({ budgetTold: 'a' }));
    const entry = { at: 1, origin: null, action: 'ended', detail: '' } as const;
    const broken = () => {
      throw new Error('no');
    };
    await expect(store.change(broken, entry)).rejects.toThrow('no');
    await store.change((state) => state, entry);
    expect(await store.load()).toEqual({ budgetTold: 'a' });
    expect(await store.audit(10)).toEqual([]);
  });

  it('loses no change when several come at the same moment', async () => {
    const add = () => store.change(({ budgetTold = '' }) => ({ budgetTold: `${budgetTold}x` }));
    await Promise.all(Array.from({ length: 20 }, add));
    expect((await store.load())?.budgetTold).toBe('x'.repeat(20));
  });

  it('shows the newest changes first, and so many', async () => {
    for (const at of [1, 2, 3])
      await store.change(() => ({}), { at, origin: null, action: 'budget', detail: '' });
    expect((await store.audit(2)).map(({ at }) => at)).toEqual([3, 2]);
  });

  it('sums up days and months', async () => {
    await store.addUsage('2026-01-30', { containerMs: 1, microUsd: 10 });
    await store.addUsage('2026-01-31', { containerMs: 2, prewarms: 1 });
    await store.addUsage('2026-01-31', { containerMs: 3, prewarmsOfUse: 1 });
    await store.addUsage('2026-02-01', { containerMs: 100 });
    expect(await store.usage('2026-01-31')).toEqual({
      containerMs: 5,
      microUsd: 0,
      prewarms: 1,
      prewarmsOfUse: 1,
    });
    expect(await store.usage('2026-01')).toMatchObject({ containerMs: 6, microUsd: 10 });
    expect(await store.usage('2025')).toMatchObject({ containerMs: 0 });
  });
});
