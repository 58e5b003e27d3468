import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { open, storeKinds } from '../support/stores.ts';

describe.each(storeKinds)('installations on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  let store: Store;
  let url: string;
  beforeEach(async () => {
    url = await place.database();
    store = await open(url);
  });
  afterEach(() => store.close());

  it('are kept by key, the latest of each, also over a restart', async () => {
    const { installations } = store;
    expect(await installations.get('T1')).toBeNull();
    await installations.put('T1', 'first', 1_000);
    await installations.put('T2', 'other', 1_000);
    await installations.put('T1', 'second', 2_000);
    await store.close();
    store = await open(url);
    expect(await store.installations.get('T1')).toBe('second');
    expect(await store.installations.all()).toEqual([
      { key: 'T1', sealed: 'second' },
      { key: 'T2', sealed: 'other' },
    ]);
  });

  it('are deleted by an uninstall, but not by one that was before the installation', async () => {
    const { installations } = store;
    await installations.put('T1', 'first', 1_000);
    await installations.put('T2', 'other', 1_000);
    await installations.delete('T1', 999);
    expect(await installations.get('T1')).toBe('first');
    await installations.delete('T1', 1_000);
    expect(await installations.get('T1')).toBeNull();
    expect(await installations.get('T2')).toBe('other');
  });

  it('are sealed anew, unless a newer one was put meanwhile', async () => {
    const { installations } = store;
    await installations.put('T1', 'old key', 1_000);
    await installations.reseal('T1', 'old key', 'new key');
    expect(await installations.get('T1')).toBe('new key');
    await installations.reseal('T1', 'old key', 'too late');
    expect(await installations.get('T1')).toBe('new key');
  });
});
