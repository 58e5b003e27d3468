import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Question } from '../../src/bot/ports.ts';
import { OperatorError } from '../../src/errors.ts';
import { SqliteStore } from '../../src/store/sqlite.ts';

function question(message: string, more: Partial<Question> = {}): Question {
  return {
    platform: 'slack',
    workspace: 'T1',
    channel: 'C1',
    message,
    conversation: 'thread-1',
    author: { id: 'U1', roles: [] },
    text: `question ${message}`,
    images: [],
    address: { channel: 'C1' },
    ...more,
  };
}

describe('the store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
  let path: string;
  let store: SqliteStore;
  beforeEach(() => {
    path = join(folder, `${Math.random()}.db`);
    store = new SqliteStore(path);
  });
  afterEach(async () => {
    await store.close();
    rmSync(path, { force: true });
  });

  it('takes a question once, however often it is delivered', async () => {
    expect(await store.accept(question('1'), 5)).toMatchObject({ state: 'queued', askedAt: 5, attempt: 0 });
    expect(await store.accept(question('1'), 6)).toBeNull();
    expect(await store.accept(question('1', { channel: 'C2' }), 6)).not.toBeNull();
  });

  it('keeps what was shown through a restart', async () => {
    const turn = (await store.accept(question('1'), 5))!;
    await store.start(turn.id);
    await store.progress(turn.id, { answer: 'half an ans', messages: ['m1'] });
    await store.progress(turn.id, { answer: 'half an answer', messages: ['m1', 'm2'] });
    await store.close();
    store = new SqliteStore(path);
    expect(await store.unfinished()).toMatchObject([
      {
        id: turn.id,
        state: 'running',
        answer: 'half an answer',
        messages: ['m1', 'm2'],
        question: question('1'),
      },
    ]);
  });

  it('finds the turn that a message shows', async () => {
    const turn = (await store.accept(question('1'), 5))!;
    await store.progress(turn.id, { answer: 'a', messages: ['m1'] });
    const key = { platform: 'slack', workspace: 'T1', channel: 'C1' } as const;
    expect((await store.turnShowing({ ...key, message: 'm1' }))?.id).toBe(turn.id);
    expect(await store.turnShowing({ ...key, message: 'other' })).toBeNull();
  });

  it('gives the earlier turns of the same conversation that were answered, oldest first', async () => {
    const images = [{ url: 'https://files.example/cat.png', mimeType: 'image/png', bytes: 3 }];
    const [first, second, unanswered] = [
      (await store.accept(question('1'), 1))!,
      (await store.accept(question('2', { images }), 2))!,
      (await store.accept(question('3'), 3))!,
    ];
    await store.accept(question('other', { conversation: 'thread-2' }), 4);
    const last = (await store.accept(question('5'), 5))!;
    await store.progress(first.id, { answer: 'one', messages: [] });
    await store.progress(second.id, { answer: 'two', messages: [] });
    await store.end(unanswered.id, 'failed', 6);
    expect(await store.history(last)).toEqual([
      { turn: first.id, question: 'question 1', images: [], answer: 'one' },
      { turn: second.id, question: 'question 2', images, answer: 'two' },
    ]);
    await store.cut(last.conversationId, first.id);
    expect((await store.history(last)).map(({ turn }) => turn)).toEqual([second.id]);
  });

  it('lets an ended turn start over once, in new messages', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn.id, { answer: 'part', messages: ['m1'] });
    expect(await store.again(turn.id, 0, false)).toBeNull();
    await store.end(turn.id, 'failed', 2);
    expect(await store.again(turn.id, 0, false)).toMatchObject({
      attempt: 1,
      answer: '',
      messages: [],
      state: 'queued',
    });
    expect(await store.again(turn.id, 0, false)).toBeNull();
  });

  it('lets an interrupted turn go on in the same messages', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn.id, { answer: 'part', messages: ['m1'] });
    await store.end(turn.id, 'interrupted', 2);
    expect(await store.again(turn.id, 0, true)).toMatchObject({
      attempt: 0,
      answer: 'part',
      messages: ['m1'],
    });
  });

  it('knows the conversations it was part of', async () => {
    await store.accept(question('1'), 1);
    const conversation = { platform: 'slack', workspace: 'T1', conversation: 'thread-1' } as const;
    expect(await store.isKnown(conversation)).toBe(true);
    expect(await store.isKnown({ ...conversation, workspace: 'T2' })).toBe(false);
  });

  it('remembers the last fifty cold starts of a model', async () => {
    for (let ms = 1; ms <= 60; ms++) await store.remember('a', ms);
    await store.remember('b', 7);
    expect(await store.recall('a')).toEqual(Array.from({ length: 50 }, (_, index) => index + 11));
    expect(await store.recall('b')).toEqual([7]);
  });

  it('says plainly when its file cannot be opened', () => {
    expect(() => new SqliteStore('/nonexistent/folder/x.db')).toThrow(OperatorError);
    expect(() => new SqliteStore('/nonexistent/folder/x.db')).toThrow(/DATABASE_URL/);
  });

  it('refuses a file written by a newer version instead of harming it', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const newer = new DatabaseSync(join(folder, 'newer.db'));
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    expect(() => new SqliteStore(join(folder, 'newer.db'))).toThrow(/newer Pilotlight/);
  });
});
