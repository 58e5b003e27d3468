import { describe, expect, it } from 'vitest';
import { type Asked, answersTo } from './asked.ts';
import { faultsOf, stateOf } from './judge.ts';
import { FakeChatDouble, messageOf } from './screen-double.ts';
import { Watch } from './watch.ts';

const words = (from: number, to: number, name = 'q0') =>
  Array.from({ length: to - from + 1 }, (_, i) => `${name}w${String(from + i).padStart(3, '0')}`).join(' ');

describe('the verdict on an answer', () => {
  const cases = [
    { what: 'all of it', messages: [{ text: words(1, 6) }], state: 'complete', faults: [] },
    {
      what: 'two pages',
      messages: [{ text: words(1, 4) }, { text: words(5, 6) }],
      state: 'complete',
      faults: [],
    },
    {
      what: 'a line that the answer overtook',
      messages: [{ text: 'The answer is below.' }, { text: words(1, 6) }],
      state: 'complete',
      faults: [],
    },
    {
      what: 'a part, the reason and a way on',
      messages: [{ text: `${words(1, 3)} q0w0\n⚠️ Interrupted.`, buttons: ['Continue', 'Retry'] }],
      state: 'broken',
      faults: [],
    },
    {
      what: 'a reason alone',
      messages: [{ text: '⏹ Stopped by asker.', buttons: ['Retry'] }],
      state: 'broken',
      faults: [],
    },
    { what: 'nothing', messages: [], state: 'unfinished', faults: ['shows nothing'] },
    {
      what: 'a part without a word',
      messages: [{ text: words(1, 3) }],
      state: 'unfinished',
      faults: ['has no end'],
    },
    {
      what: 'a reason without a way on',
      messages: [{ text: `${words(1, 3)} ⚠️ Interrupted.` }],
      state: 'unfinished',
      faults: ['has no end'],
    },
    {
      what: 'an answer that looks as if it went on',
      messages: [{ text: words(1, 6), buttons: ['Stop'] }],
      state: 'unfinished',
      faults: ['has no end'],
    },
    {
      what: 'an open “thinking…”',
      messages: [{ text: 'pilotlight is thinking…', pending: true }],
      state: 'unfinished',
      faults: ['has no end'],
    },
    {
      what: 'an answer twice',
      messages: [{ text: words(1, 6) }, { text: words(1, 6) }],
      state: 'complete',
      faults: [expect.stringContaining('there twice'), 'its answer is too long'],
    },
    {
      what: 'a hole in its midst',
      messages: [{ text: `${words(1, 2)} ${words(4, 7)}` }],
      state: 'complete',
      faults: [expect.stringContaining('some of it is missing')],
    },
    {
      what: 'a waiting line beside the answer',
      messages: [{ text: words(1, 6) }, { text: '⏳ Waiting for the answer before this one' }],
      state: 'complete',
      faults: [expect.stringContaining('messages beside its answer')],
    },
  ];

  it.each(cases)('finds that it is $state with $what', ({ messages, state, faults }) => {
    const one = asked('q0', 6);
    const shown = messages.map((message, i) => messageOf({ id: `m${i}`, ...message }));
    expect(stateOf(one, shown)).toBe(state);
    expect(faultsOf(one, shown)).toEqual(faults);
  });
});

describe('whose answer a message is', () => {
  it('is told by its words, and else by whose turn it was', () => {
    const chat = new FakeChatDouble([
      messageOf({ id: '1', thread: 'T', text: words(1, 3, 'q1') }),
      messageOf({ id: '2', thread: 'T', text: '⚠️ Interrupted.' }),
      messageOf({ id: '3', thread: 'other', text: words(1, 3, 'q0') }),
    ]);
    const first = { ...asked('q0', 3), fake: chat };
    const second = { ...asked('q1', 3), fake: chat };
    const answers = answersTo([first, second]);
    expect(answers.get(second)!.map(({ id }) => id)).toEqual(['1']);
    expect(answers.get(first)!.map(({ id }) => id)).toEqual(['2']);
  });
});

describe('the watch on what was shown', () => {
  const watching = () => {
    const messages: ReturnType<typeof messageOf>[] = [];
    const chat = new FakeChatDouble(messages);
    const watch = new Watch([{ ...asked('q0', 9), fake: chat }], [chat]);
    const show = (shown: number) => {
      messages[0] = messageOf({ id: 'm', thread: 'T', text: words(1, shown), buttons: ['Stop'] });
      chat.emit('change');
    };
    return { watch, show };
  };

  it('finds that words went away', () => {
    const { watch, show } = watching();
    for (const shown of [2, 5, 3, 5]) show(shown);
    expect([...watch.faults]).toEqual(['q0: 2 words that were shown went away']);
  });

  it('forgives it once, where a process was killed that could not store them', () => {
    const { watch, show } = watching();
    show(5);
    watch.forgive();
    for (const shown of [1, 6]) show(shown);
    expect([...watch.faults]).toEqual([]);
    show(4);
    expect([...watch.faults]).toEqual(['q0: 2 words that were shown went away']);
  });
});

function asked(name: string, count: number): Asked {
  const question = { name, words: count, at: 0, duplicate: false, reordered: false } as const;
  const place = { channel: 'C', id: 'T', thread: 'T', conversation: 'T' };
  return { question: { ...question, place: 'slack-dm' }, fake: new FakeChatDouble([]), seen: true, ...place };
}
