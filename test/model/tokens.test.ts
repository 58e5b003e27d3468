import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../src/model/model.ts';
import { plan, roomInCharacters, TokenMeter } from '../../src/model/tokens.ts';

const system: ChatMessage = { role: 'system', content: 'Be brief.' };
const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

/** So many turns of 1,000 bytes each way. */
const turns = (count: number): ChatMessage[] =>
  Array.from({ length: count }, (_, index) => [
    user(`${index} `.padEnd(1_000, 'q')),
    assistant(`${index} `.padEnd(1_000, 'a')),
  ]).flat();

describe('estimating tokens', () => {
  it('guesses a third of a byte, a little for each message and a tenth more, before anything was counted', () => {
    expect(new TokenMeter().estimate([user('x'.repeat(3_000))])).toBeCloseTo(1_108);
  });

  it('counts bytes, so that other scripts than Latin are not underestimated', () => {
    const meter = new TokenMeter();
    expect(meter.estimate([user('日本語'.repeat(100))])).toBeGreaterThan(
      meter.estimate([user('abc'.repeat(100))]) * 2,
    );
  });

  it('learns this model’s rate from the counted usage', () => {
    const meter = new TokenMeter();
    meter.learn([user('x'.repeat(4_000))], 1_008);
    expect(meter.estimate([user('y'.repeat(400))])).toBeCloseTo(108);
    meter.learn([user('z'.repeat(4_000))], 2_008);
    expect(meter.rate).toBeCloseTo(0.3);
  });

  it('does not learn from a few words, nor from images', () => {
    const meter = new TokenMeter();
    const { rate } = meter;
    meter.learn([user('hi')], 500);
    meter.learn([{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }], 5_000);
    expect(meter.rate).toBe(rate);
  });

  it('knows exactly what was counted before, and estimates only what is new', () => {
    const meter = new TokenMeter();
    const earlier = [system, user('x'.repeat(10_000))];
    meter.learn(earlier, 7_777);
    expect(meter.estimate(earlier)).toBe(7_777);
    const next = [...earlier, assistant('ok')];
    expect(meter.estimate(next)).toBeCloseTo(7_777 + 8 + 2 * meter.rate);
  });
});

describe('estimating a prompt with pictures', () => {
  const shown = (url: string): ChatMessage[] => [
    { role: 'user', content: [{ type: 'image_url', image_url: { url } }] },
  ];
  const photograph = `data:image/jpeg;base64,${'A'.repeat(4_000)}`;

  it('knows one that was counted before, and takes no other for it', () => {
    const meter = new TokenMeter();
    meter.learn(shown(photograph), 777);
    expect(meter.estimate(shown(photograph))).toBe(777);
    for (const other of [`${photograph}A`, `${photograph.slice(0, -1)}B`])
      expect(meter.estimate(shown(other))).toBe(1_008);
  });
});

describe('fitting a conversation into the context', () => {
  it('leaves it alone while nothing is known of the context, and while it fits', () => {
    const messages = [system, ...turns(3), user('And now?')];
    const meter = new TokenMeter();
    expect(plan(messages, meter, undefined, 4_096)).toMatchObject({ messages, dropped: 0, maxTokens: 4_096 });
    expect(plan(messages, meter, 32_768, 4_096)).toMatchObject({ messages, dropped: 0, maxTokens: 4_096 });
  });

  it('drops the oldest whole turns past 90 % of the budget, down to about 60 %', () => {
    const meter = new TokenMeter();
    const messages = [system, ...turns(20), user('And now?')];
    const budget = 16_384 - 4_096 - 64;
    const fitted = plan(messages, meter, 16_384, 4_096)!;
    expect(fitted.dropped % 2).toBe(0);
    expect(fitted.messages[0]).toBe(system);
    expect(fitted.messages[1]!.role).toBe('user');
    expect(fitted.messages.at(-1)).toEqual(user('And now?'));
    expect(fitted.promptTokens).toBeLessThanOrEqual(budget * 0.6);
    expect(fitted.promptTokens).toBeGreaterThan(budget * 0.5);
  });

  it.each([
    [0.85, false],
    [0.95, true],
  ])('at %d of the budget: cut is %s', (share, cut) => {
    const meter = new TokenMeter();
    const budget = 16_384 - 4_096 - 64;
    const bytes = (share * budget - 21 * 8) / meter.rate;
    const messages = Array.from({ length: 21 }, (_, index) => {
      const text = 'x'.repeat(Math.floor(bytes / 21));
      return index % 2 ? assistant(text) : user(text);
    });
    expect(plan(messages, meter, 16_384, 4_096)!.dropped > 0).toBe(cut);
  });

  it('keeps the cut for several turns, so that the prefix cache hits', () => {
    const meter = new TokenMeter();
    const all = [...turns(20)];
    const cut = plan([system, ...all, user('And now?')], meter, 16_384, 4_096)!.dropped;
    const kept = all.slice(cut);
    for (let more = 1; more <= 3; more += 1) {
      const next = [system, ...kept, ...turns(more), user('And now?')];
      expect(plan(next, meter, 16_384, 4_096)!.dropped).toBe(0);
    }
  });

  it('never drops the question, and gives the answer what room is left', () => {
    const messages = [system, ...turns(3), user('x'.repeat(9_000))];
    const fitted = plan(messages, new TokenMeter(), 4_096, 4_096)!;
    expect(fitted.dropped).toBe(6);
    expect(fitted.messages).toHaveLength(2);
    expect(fitted.maxTokens).toBe(4_096 - 64 - fitted.promptTokens);
  });

  it('says so when the question alone is too long', () => {
    const meter = new TokenMeter();
    expect(plan([system, user('x'.repeat(20_000))], meter, 4_096, 4_096)).toBeNull();
    expect(roomInCharacters(meter, 4_096)).toBe(10_298);
  });

  it('fits more when told that the estimate was too low', () => {
    const meter = new TokenMeter();
    const messages = [system, ...turns(10), user('And now?')];
    expect(plan(messages, meter, 16_384, 4_096)!.dropped).toBe(0);
    meter.learnAtLeast(messages, 14_000);
    expect(plan(messages, meter, 16_384, 4_096)!.dropped).toBeGreaterThan(0);
  });
});
