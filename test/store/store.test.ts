import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Question } from '../../src/bot/ports.ts';
import { LostTurn, type Store } from '../../src/store/store.ts';
import { open, storeKinds } from '../support/stores.ts';

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

describe.each(storeKinds)('the store on $name', ({ setUp }) => {
  let place: Awaited<ReturnType<typeof setUp>>;
  beforeAll(async () => {
    place = await setUp();
  });
  afterAll(() => place?.tearDown());

  let url: string;
  let store: Store;
  beforeEach(async () => {
    url = await place.database();
    store = await open(url);
  });
  afterEach(() => store.close());

  it('tells the newest question of each conversation, newest first', async () => {
    const asked = [
      ['1', 'thread-1', 5],
      ['2', 'thread-2', 6],
      ['3', 'thread-1', 7],
      ['4', 'thread-3', 8],
    ] as const;
    for (const [message, conversation, now] of asked)
      await store.accept(question(message, { conversation }), now);
    await store.accept(question('5', { platform: 'discord' }), 9);
    const at = (conversation: string, message: string) => ({
      platform: 'slack',
      workspace: 'T1',
      channel: 'C1',
      message,
      conversation,
    });
    const [third, fourth] = [at('thread-1', '3'), at('thread-3', '4')];
    expect(await store.lastAsked('slack', 0)).toEqual([fourth, third, at('thread-2', '2')]);
    expect(await store.lastAsked('slack', 7)).toEqual([fourth, third]);
  });

  it('tells which turns ended last', async () => {
    expect(await store.lastEnded(30)).toEqual([]);
    const ends = [100, 120, 131, 150, null] as const;
    for (const [i, end] of ends.entries()) {
      const { id } = (await store.accept(question(`${i}`), 1))!;
      if (end !== null) await store.end(await store.start(id), 'done', end);
    }
    const found = await store.lastEnded(30);
    expect(found.map(({ question: { message } }) => message)).toEqual(['2', '3']);
  });

  it('tells which turns of a conversation wait', async () => {
    const [first, second, third] = [
      (await store.accept(question('1'), 5))!,
      (await store.accept(question('2'), 6))!,
      (await store.accept(question('3'), 7))!,
    ];
    await store.accept(question('4', { conversation: 'thread-2' }), 8);
    await store.start(first.id);
    expect(await store.waiting(first.conversationId)).toEqual([second.id, third.id]);
  });

  it('keeps what the model thought, for the run that has the turn', async () => {
    const turn = (await store.accept(question('1'), 5))!;
    expect(await store.reasoning(turn.id)).toBe('');
    const run = await store.start(turn.id);
    await store.keepReasoning(run, 'Let me see.\0');
    expect(await store.reasoning(turn.id)).toMatch(/^Let me see\./);
    await store.start(turn.id);
    await expect(store.keepReasoning(run, 'Too late.')).rejects.toThrow(LostTurn);
    expect(await store.reasoning(turn.id)).toMatch(/^Let me see\./);
  });

  it('takes a question once, however often it is delivered', async () => {
    expect(await store.accept(question('1'), 5)).toMatchObject({ state: 'queued', askedAt: 5, attempt: 0 });
    expect(await store.accept(question('1'), 6)).toBeNull();
    expect(await store.isTaken(question('1', { channel: 'C2' }))).toBe(false);
    expect(await store.accept(question('1', { channel: 'C2' }), 6)).not.toBeNull();
    expect(await store.isTaken(question('1', { channel: 'C2' }))).toBe(true);
  });

  it('keeps what was shown through a restart', async () => {
    const turn = (await store.accept(question('1'), 5))!;
    const run = await store.start(turn.id);
    await store.progress(run, { answer: 'half an ans', messages: ['m1'] });
    await store.progress(run, { answer: 'half an answer', messages: ['m1', 'm2'] });
    await store.close();
    store = await open(url);
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
    await store.progress(turn, { answer: 'a', messages: ['m1'] });
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
    await store.progress(first, { answer: 'one', messages: [] });
    await store.progress(second, { answer: 'two', messages: [] });
    await store.end(unanswered, 'failed', 6);
    expect(await store.history(last)).toEqual([
      { turn: first.id, question: 'question 1', images: [], answer: 'one' },
      { turn: second.id, question: 'question 2', images, answer: 'two' },
    ]);
    await store.cut(last.conversationId, first.id);
    expect((await store.history(last)).map(({ turn }) => turn)).toEqual([second.id]);
    const next = (await store.accept({ ...last.question, message: 'next' }, 9))!;
    expect((await store.history(next)).map(({ turn }) => turn)).toEqual([second.id]);
  });

  it('lets an ended turn start over once, in new messages', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn, { answer: 'part', messages: ['m1'] });
    expect(await store.again(turn, false)).toBeNull();
    await store.end(turn, 'failed', 2);
    expect(await store.again(turn, false)).toMatchObject({
      attempt: 1,
      answer: '',
      messages: [],
      state: 'queued',
    });
    expect(await store.again(turn, false)).toBeNull();
  });

  it('lets an interrupted turn go on in the same messages', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn, { answer: 'part', messages: ['m1'] });
    await store.end(turn, 'interrupted', 2);
    expect(await store.again(turn, true)).toMatchObject({
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

  it('lets only who started a turn last write to it, and nobody start it once it has ended', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn, { answer: '', messages: ['notice'] });
    const first = await store.start(turn.id);
    await expect(store.progress(turn, { answer: 'stale', messages: ['m0'] })).rejects.toThrow(LostTurn);
    await store.progress(first, { answer: 'one', messages: ['notice'] });
    const second = await store.start(turn.id);
    await expect(store.progress(first, { answer: 'stale', messages: ['m0'] })).rejects.toThrow(LostTurn);
    await expect(store.end(first, 'failed', 2)).rejects.toThrow(LostTurn);
    expect(await store.turn(turn.id)).toMatchObject({
      state: 'running',
      answer: 'one',
      messages: ['notice'],
    });
    await store.end(second, 'interrupted', 3);
    await expect(store.start(turn.id)).rejects.toThrow(LostTurn);
    const again = (await store.again(second, true))!;
    await expect(store.progress(second, { answer: 'stale', messages: [] })).rejects.toThrow(LostTurn);
    await store.progress(again, { answer: 'one and more', messages: ['notice'] });
    expect(await store.turn(turn.id)).toMatchObject({ state: 'queued', answer: 'one and more' });
  });

  it('writes in the order of the calls, also when they are not awaited', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    const waiting = store.progress(turn, { answer: '', messages: ['notice'] });
    const run = await store.start(turn.id);
    const messages = ['notice', 'm1'];
    const writes = Array.from({ length: 40 }, (_, n) => store.progress(run, { answer: `${n}`, messages }));
    const end = store.end(run, 'done', 2);
    await Promise.all([waiting, ...writes, end]);
    expect(await store.turn(turn.id)).toMatchObject({ state: 'done', answer: '39', messages });
  });

  it('takes many at once: each question once, and those of a conversation in the order of their ids', async () => {
    const all = Array.from({ length: 40 }, (_, n) =>
      question(`${n % 20}`, { conversation: `thread-${n % 2}` }),
    );
    const taken = (await Promise.all(all.map((one) => store.accept(one, 1)))).filter((turn) => turn !== null);
    expect(taken.map(({ question }) => question.message).sort()).toEqual(
      Array.from({ length: 20 }, (_, n) => `${n}`).sort(),
    );
    expect(new Set(taken.map(({ conversationId }) => conversationId)).size).toBe(2);
    expect((await store.unfinished()).map(({ id }) => id)).toEqual(
      taken.map(({ id }) => id).sort((a, b) => a - b),
    );
  });

  it('does not go on once more for who asked before it went on', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.progress(turn, { answer: 'part', messages: ['m1'] });
    await store.end(turn, 'interrupted', 2);
    await store.again(turn, true);
    await store.end(await store.start(turn.id), 'done', 3);
    expect(await store.again(turn, true)).toBeNull();
    expect(await store.turn(turn.id)).toMatchObject({ state: 'done' });
  });

  it('lets an ended turn start over once when several ask at the same moment', async () => {
    const turn = (await store.accept(question('1'), 1))!;
    await store.end(turn, 'failed', 2);
    const answers = await Promise.all([1, 2, 3, 4].map(() => store.again(turn, false)));
    expect(answers.filter((again) => again !== null)).toHaveLength(1);
  });

  it('takes any text there is', async () => {
    const text = 'NUL \u0000, half a pair \ud83d, a flame \u{1f525}, \\u0000, "quotes", $1, %s, \r\n';
    const turn = (await store.accept(question('1', { text, address: { text } }), 1))!;
    expect((await store.turn(turn.id))?.question).toMatchObject({ text, address: { text } });
    await store.progress(turn, { answer: text, messages: ['m1'] });
    const next = (await store.accept(question('2'), 2))!;
    expect(await store.history(next)).toMatchObject([{ turn: turn.id, question: text }]);
    expect((await store.turn(turn.id))?.answer).toContain(
      'a flame \u{1f525}, \\u0000, "quotes", $1, %s, \r\n',
    );
  });
});
