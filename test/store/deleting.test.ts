/** Deleting what is old, held to both stores. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { aQuestion } from '../support/chat-double.ts';
import { open, storeKinds } from '../support/stores.ts';

describe.each(storeKinds)('deleting what is old, on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  /** Asks these in one thread; each has ended at its time, or runs. */
  async function asked(...ends: readonly (number | null)[]) {
    const store = await open(await place.database());
    onTestFinished(() => store.close());
    const ids: number[] = [];
    for (const [index, end] of ends.entries()) {
      const turn = (await store.accept(aQuestion(`${index}`, { conversation: 'thread' }), 1))!;
      ids.push(turn.id);
      const ours = await store.start(turn.id);
      await store.progress(ours, { answer: 'An answer.', messages: [`message ${index}`] });
      await store.keepReasoning(ours, 'A thought.');
      if (end !== null) await store.end(ours, 'done', end);
    }
    const kept = async () => {
      const turns = await Promise.all(ids.map((id) => store.turn(id)));
      return turns.flatMap((turn, index) => (turn ? [index] : []));
    };
    return { store, kept, ids };
  }

  it('takes what ended before with its messages, and leaves what runs and what is newer', async () => {
    const { store, kept, ids } = await asked(50, null, 100, 200);
    expect(await store.deleteEnded(100, 10)).toBe(1);
    expect(await kept()).toEqual([1, 2, 3]);
    expect(await store.reasoning(ids[0]!)).toBe('');
    const shown = { platform: 'slack', workspace: 'T1', channel: 'C1' } as const;
    expect(await store.turnShowing({ ...shown, message: 'message 0' })).toBeNull();
    expect(await store.turnShowing({ ...shown, message: 'message 1' })).not.toBeNull();
    expect(await store.deleteEnded(100, 10)).toBe(0);
  });

  it('leaves the conversation as it was: the rest is its history, after its cut', async () => {
    const { store, ids } = await asked(50, 60, 150, 200);
    const next = (await store.accept(aQuestion('next', { conversation: 'thread' }), 300))!;
    await store.cut(next.conversationId, ids[1]!);
    await store.deleteEnded(100, 10);
    expect((await store.history(next)).map(({ question }) => question)).toEqual(['2', '3']);
    expect(await store.isKnown(next.question)).toBe(true);
  });

  it('takes the oldest first, and no more at once than it is told', async () => {
    const { store, kept } = await asked(70, 50, 60, 80, null);
    expect(await store.deleteEnded(100, 2)).toBe(2);
    expect(await kept()).toEqual([0, 3, 4]);
    expect(await store.deleteEnded(100, 2)).toBe(2);
    expect(await kept()).toEqual([4]);
  });

  it('deletes each once where several delete at the same moment', async () => {
    const { store, kept } = await asked(10, 20, 30, 40, 50, 60, null);
    const counts = await Promise.all([1, 2, 3].map(() => store.deleteEnded(100, 10)));
    expect(counts.reduce((sum, count) => sum + count)).toBe(6);
    expect(await kept()).toEqual([6]);
  });

  it('leaves one that was queued again', async () => {
    const { store, kept, ids } = await asked(50, 60, 200);
    await store.again({ id: ids[0]!, run: 1 }, true);
    expect(await store.deleteEnded(100, 10)).toBe(1);
    expect(await kept()).toEqual([0, 2]);
    expect((await store.turn(ids[0]!))?.messages).toEqual(['message 0']);
  });

  it('keeps the newest, whose number would be given again', async () => {
    const { store, kept } = await asked(50, 60);
    await store.deleteEnded(100, 10);
    expect(await kept()).toEqual([1]);
  });
});
