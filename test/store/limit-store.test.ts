import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LimitStore, Spender } from '../../src/store/limit-store.ts';
import type { Store } from '../../src/store/store.ts';
import { aQuestion } from '../support/chat-double.ts';
import { open, storeKinds } from '../support/stores.ts';

const one = { platform: 'slack', id: 'U1' } as const;
const minute = { most: 2, windowMs: 60_000 };

describe.each(storeKinds)('what limits keep on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  let store: Store;
  let limits: LimitStore;
  beforeEach(async () => {
    store = await open(await place.database());
    limits = store.limits;
  });
  afterEach(() => store.close());

  it('counts the questions of a person, and no more than may be asked', async () => {
    expect(await limits.count(one, 1_000, minute)).toBeNull();
    expect(await limits.count(one, 31_000, minute)).toBeNull();
    expect(await limits.count(one, 60_999, minute)).toBe(1_000);
    // What was refused is not counted.
    expect(await limits.count(one, 61_000, minute)).toBeNull();
    expect(await limits.count(one, 61_001, minute)).toBe(31_000);
  });

  it('counts each person alone', async () => {
    const few = { ...minute, most: 1 };
    expect(await limits.count(one, 0, few)).toBeNull();
    expect(await limits.count({ ...one, id: 'U2' }, 0, few)).toBeNull();
    expect(await limits.count({ ...one, platform: 'discord' }, 0, few)).toBeNull();
    expect(await limits.count(one, 0, few)).toBe(0);
  });

  it('counts one after the other what is asked at once', async () => {
    const asked = Array.from({ length: 10 }, () => limits.count(one, 5, { ...minute, most: 3 }));
    expect((await Promise.all(asked)).filter((oldest) => oldest === null)).toHaveLength(3);
  });

  it('counts again when the clock was set back, not only when it is there again', async () => {
    const few = { ...minute, most: 1 };
    expect(await limits.count(one, 3_600_000, few)).toBeNull();
    expect(await limits.count(one, 0, few)).toBeNull();
    expect(await limits.count(one, 59_000, few)).toBe(0);
  });

  it('adds up what a person and a workspace used on a day', async () => {
    const spender = (id: string, workspace: string): Spender => ({ person: { ...one, id }, workspace });
    await limits.spend('2026-01-31', spender('U1', 'T1'), 100.4);
    await limits.spend('2026-01-31', spender('U1', 'T1'), 100);
    await limits.spend('2026-01-31', spender('U1', 'T2'), 7);
    await limits.spend('2026-01-31', spender('U2', 'T1'), 30);
    await limits.spend('2026-02-01', spender('U1', 'T1'), 5_000);
    expect(await limits.spent('2026-01-31', spender('U1', 'T1'))).toEqual({
      byPerson: 207,
      inWorkspace: 230,
    });
    expect(await limits.spent('2026-01-31', spender('U3', 'T3'))).toEqual({ byPerson: 0, inWorkspace: 0 });
  });

  it('keeps what people used for today and yesterday, and no longer', async () => {
    const spender = { person: one, workspace: 'T1' };
    for (const day of ['2026-02-27', '2026-02-28', '2026-03-01']) await limits.spend(day, spender, 5);
    expect(await limits.spent('2026-02-27', spender)).toEqual({ byPerson: 0, inWorkspace: 0 });
    expect(await limits.spent('2026-02-28', spender)).toEqual({ byPerson: 5, inWorkspace: 5 });
  });

  it('counts what has not ended, in all and in a conversation', async () => {
    const first = (await store.accept(aQuestion('a', { conversation: 'x' }), 0))!;
    await store.accept(aQuestion('b', { conversation: 'x' }), 0);
    const other = (await store.accept(aQuestion('c', { conversation: 'y' }), 0))!;
    expect(await limits.waiting(first.conversationId)).toEqual({ here: 2, all: 3 });
    await store.end(first, 'done', 1);
    expect(await limits.waiting(first.conversationId)).toEqual({ here: 1, all: 2 });
    expect(await limits.waiting(other.conversationId)).toEqual({ here: 1, all: 2 });
  });
});
