import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/model/model.ts';
import { Bench, modelError } from './support.ts';

let bench: Bench;
afterEach(() => bench.close());

/** A conversation of so many turns, about 200 tokens each way as the stand-in counts them. */
const conversation = (turns: number, last = 'What did I say before?'): ChatMessage[] => [
  { role: 'system', content: 'Be brief.' },
  ...Array.from({ length: turns }, (_, index): ChatMessage[] => [
    { role: 'user', content: `Question ${index}: ${'why so '.repeat(100)}` },
    { role: 'assistant', content: `Answer ${index}: ${'because of that '.repeat(70)}` },
  ]).flat(),
  { role: 'user', content: last },
];

describe('a conversation that outgrows the context', () => {
  it('leaves the oldest turns out, and says how many messages', async () => {
    bench = await Bench.start({ awake: true, maxModelLen: 8_192 }, { maxTokens: 1_024 });
    const cuts: number[] = [];
    const outcome = await bench.answer(conversation(40), { onTrimmed: (messages) => cuts.push(messages) });
    expect(outcome.text).not.toContain('Question 0:');
    expect(outcome.text).toContain('Question 39:');
    expect(cuts).toHaveLength(1);
    expect(cuts[0]! % 2).toBe(0);
    expect(cuts[0]).toBeGreaterThan(20);
    expect(bench.server.chats).toHaveLength(1);
  });

  it('begins the same turn after turn when the cut is kept, so that the prefix cache hits', async () => {
    bench = await Bench.start({ awake: true, maxModelLen: 8_192 }, { maxTokens: 1_024 });
    let cut = 0;
    let history = conversation(40);
    const onTrimmed = (messages: number) => {
      cut = messages;
    };
    await bench.answer(history, { onTrimmed });
    history = [history[0]!, ...history.slice(1 + cut)];
    const prefixes = new Set<string>();
    for (let turn = 0; turn < 4; turn += 1) {
      cut = 0;
      const { text } = await bench.answer(history, { onTrimmed });
      expect(cut).toBe(0);
      prefixes.add(JSON.stringify(history.slice(0, 3)));
      history.push({ role: 'assistant', content: text }, { role: 'user', content: 'And then?' });
    }
    expect(prefixes.size).toBe(1);
  });

  it('keeps turns that its first guess would have left out, once it knows how this model counts', async () => {
    bench = await Bench.start({ awake: true, maxModelLen: 8_192 }, { maxTokens: 1_024 });
    // The stand-in counts long words as a sixth of a token a byte; the first guess is a third.
    const words = 'abcdefghijklmnopqrstuvwx'.repeat(40);
    const cuts: number[] = [];
    const onTrimmed = (messages: number) => cuts.push(messages);
    const turns = Array.from({ length: 10 }, (_, index): ChatMessage[] => [
      { role: 'user', content: `${index}${words}` },
      { role: 'assistant', content: `${index}${words}` },
    ]).flat();
    const question: ChatMessage = { role: 'user', content: 'And now?' };
    await bench.answer([...turns, question], { onTrimmed });
    expect(cuts).toHaveLength(1);
    await bench.answer([...turns, question], { onTrimmed });
    expect(cuts).toHaveLength(1);
  });

  it.each(['vllm', 'llama-server'] as const)(
    'is cut and sent again once when %s says that it is too long',
    async (dialect) => {
      // The estimate is far too low: this text has a token for every byte or two.
      bench = await Bench.start({ awake: true, dialect, maxModelLen: 8_192 }, { maxTokens: 1_024 });
      const dense = (words: string) => `${words} ${'? ! '.repeat(150)}`;
      const messages = Array.from({ length: 20 }, (_, index): ChatMessage[] => [
        { role: 'user', content: dense(`Question ${index}:`) },
        { role: 'assistant', content: dense(`Answer ${index}:`) },
      ]).flat();
      const cuts: number[] = [];
      const outcome = await bench.answer([...messages, { role: 'user', content: 'Repeat after me: ok' }], {
        onTrimmed: (count) => cuts.push(count),
      });
      expect(outcome.error).toBeUndefined();
      expect(outcome.text).toBe('ok');
      expect(cuts.at(-1)).toBeGreaterThan(0);
      expect(bench.server.chats).toHaveLength(2);
    },
  );

  const refusals: { name: string; status: number; body: unknown }[] = JSON.parse(
    readFileSync(new URL('../fixtures/refusals.json', import.meta.url), 'utf8'),
  );
  it.each(refusals.filter(({ name }) => name.includes('too long')))(
    'is cut to what the server says it takes: $name',
    async ({ status, body }) => {
      bench = await Bench.start({ awake: true });
      bench.server.faults.add({ on: 'POST /v1/chat/completions', act: { type: 'answer', status, body } });
      const cuts: number[] = [];
      const outcome = await bench.answer(conversation(40), { onTrimmed: (messages) => cuts.push(messages) });
      expect(outcome.error).toBeUndefined();
      expect(cuts.at(-1)).toBeGreaterThan(40);
      const sent = bench.server.chats.at(-1)!.body as { max_tokens: number };
      expect(sent.max_tokens).toBeLessThanOrEqual(4_096);
    },
  );
});

describe('a question that cannot fit', () => {
  it('is refused with what to do, and does not wake the model when the size is known', async () => {
    bench = await Bench.start({}, { maxModelLen: 4_096 });
    const outcome = await bench.ask('x'.repeat(50_000)).outcome;
    expect(modelError(outcome)).toMatchObject({
      fault: 'too-long',
      message: 'That is too long for this model, which takes about 10,000 characters. Send less at once.',
    });
    expect(bench.server.requests).toEqual([]);
  });

  it('is refused after one try when only the server knows', async () => {
    bench = await Bench.start({ awake: true, dialect: 'llama-server', maxModelLen: 2_048 });
    const outcome = await bench.answer('why '.repeat(5_000));
    expect(modelError(outcome).fault).toBe('too-long');
    expect(bench.server.chats).toHaveLength(1);
  });
});

describe('a small context', () => {
  it('shortens the answer rather than refusing the question', async () => {
    bench = await Bench.start({ awake: true, maxModelLen: 2_048 }, { maxTokens: 4_096 });
    const outcome = await bench.answer('Repeat after me: ok');
    expect(outcome.text).toBe('ok');
    expect((bench.server.chats[0]!.body as { max_tokens: number }).max_tokens).toBeLessThan(2_048);
  });

  it('of a LoRA adapter is its base model’s', async () => {
    const server = { awake: true, maxModelLen: 2_048, loras: ['pirate'] };
    bench = await Bench.start(server, { name: 'pirate', maxTokens: 4_096 });
    expect((await bench.answer('Repeat after me: ok')).text).toBe('ok');
    expect(bench.server.chats).toHaveLength(1);
  });
});
