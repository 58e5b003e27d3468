/** The lines of docs/database.md that delete what is old, held to both stores. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { aQuestion } from '../support/chat-double.ts';
import { open, storeKinds } from '../support/stores.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/database.md'), 'utf8');
const [lines = ''] = /^ {4}BEGIN;\n[\s\S]*?COMMIT;$/m.exec(page) ?? [];

async function run(url: string, sql: string): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    database.exec(`PRAGMA foreign_keys = ON; ${sql}`);
    return database.close();
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

describe.each(storeKinds)('what docs/database.md says of deleting what is old, on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  /** Asks these, one ended at each time, and deletes what ended before 100. */
  async function left(...ends: readonly (number | null)[]) {
    const url = await place.database();
    const store = await open(url);
    onTestFinished(() => store.close());
    const ids: number[] = [];
    for (const [index, end] of ends.entries()) {
      const turn = (await store.accept(aQuestion(`${index}`, { conversation: 'thread' }), 1))!;
      ids.push(turn.id);
      const ours = await store.start(turn.id);
      await store.progress(ours, { answer: 'An answer.', messages: [`message ${index}`] });
      if (end !== null) await store.end(ours, 'done', end);
    }
    await run(url, lines.replaceAll('1767225600000', '100'));
    const turns = await Promise.all(ids.map((id) => store.turn(id)));
    return { store, kept: turns.flatMap((turn, index) => (turn ? [index] : [])) };
  }

  it('is true while the store is open: what ended before goes with its messages, what runs and what is newer stays', async () => {
    const { store, kept } = await left(50, null, 150, 200);
    expect(kept).toEqual([1, 2, 3]);
    const next = (await store.accept(aQuestion('next', { conversation: 'thread' }), 300))!;
    expect((await store.history(next)).map(({ question }) => question)).toEqual(['1', '2', '3']);
  });

  it('keeps the newest, whose number would be given again', async () => {
    expect((await left(50, 60)).kept).toEqual([1]);
  });
});
