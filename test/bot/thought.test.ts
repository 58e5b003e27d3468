import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Thought, unfolded } from '../../src/bot/thought.ts';
import { Play } from './support.ts';

function thinking(...texts: string[]): Thought {
  const thought = new Thought();
  for (const text of texts) thought.append(text);
  return thought;
}

describe('a thought of the model', () => {
  it('is counted in words, however it is cut', () => {
    expect(thinking('one two ', 'thr', 'ee ', 'four ').words).toBe(4);
  });

  it('is one line of plain text', () => {
    expect(thinking('# So\n\n- `a`\n- **b** [c](d)').latest('slack')).toBe('# So - a - b c(d)');
  });

  it('is shown by its end, from a whole word on', () => {
    const line = thinking('word '.repeat(500), 'the end').latest('discord');
    expect(line).toMatch(/^…word .* word the end$/);
    expect(line.length).toBeLessThanOrEqual(151);
  });

  it('is never cut within a character', () => {
    expect(thinking('🔥'.repeat(80), 'x').latest('slack').isWellFormed()).toBe(true);
    expect(thinking('🔥'.repeat(400), 'x').latest('slack').isWellFormed()).toBe(true);
  });

  it('calls nobody, also when Markdown hides the mention', () => {
    expect(thinking('<*!chan', 'nel>').latest('slack')).not.toContain('<!channel>');
    expect(thinking('@every', '_one_').latest('discord')).not.toContain('@everyone');
  });

  it('is unfolded for one message as plain text, its lines kept, its end where it is too long', () => {
    expect(unfolded('First `a`.\n\n**Then** <!channel>.', 'slack')).toBe(
      'First a.\n\nThen <\u200b!channel>.',
    );
    const long = unfolded(`${'word '.repeat(5_000)}the end`, 'discord');
    expect(long).toMatch(/^…word .* word the end$/);
    expect(long.length).toBeLessThanOrEqual(1_901);
  });

  it('is kept to its end, however long it is', () => {
    const { text } = thinking(...Array<string>(30_000).fill('word '), 'the end');
    expect(text).toMatch(/word the end$/);
    expect(text.length).toBeLessThanOrEqual(20_000);
  });
});

describe('a model that thinks first', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
    play.model.will(async function* () {
      for (let step = 1; step <= 8; step += 1) {
        yield { type: 'reasoning', text: `Step ${step} of **many**, for <!chan` };
        yield { type: 'reasoning', text: 'nel> to see. ' };
        await new Promise<void>((resolve) => play.clock.after(1_000, resolve));
      }
      yield { type: 'text', text: 'Forty-two.' };
      yield { type: 'done', reason: 'stop' };
    });
    play.model.willSay('You are welcome.');
  });
  afterEach(() => play.close());

  it('is said to think, and how much, without what it thinks', async () => {
    await play.ask('What is six times seven?');
    await play.settle(7_500);
    expect(play.chat.shown).toHaveLength(1);
    expect(play.chat.shown[0]).toMatch(/^💭 Thinking · \d+ words so far$/);
  });

  it('has all it thought under a button, where the operator wants that, for whoever presses it', async () => {
    await play.start({ showReasoning: true });
    await play.ask('What is six times seven?');
    await play.settle(60_000);
    expect(play.chat.shown).toEqual(['Forty-two.']);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual(['reasoning']);
    expect(await play.press('reasoning', 'U2')).toMatch(
      /^💭 Step 1 of many, for <\u200b!channel> to see\. .*Step 8 /,
    );
    expect(play.chat.shown).toEqual(['Forty-two.']);
  });

  it('is not folded under a button otherwise', async () => {
    await play.ask('What is six times seven?');
    await play.settle(60_000);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual([]);
    expect(await play.press('reasoning')).toBe('What the model thought is no longer kept.');
  });

  it('ends its answer without that button when the thought cannot be stored', async () => {
    await play.start({ showReasoning: true });
    vi.spyOn(play.store, 'keepReasoning').mockRejectedValueOnce(new Error('disk I/O error'));
    await play.ask('What is six times seven?');
    await play.settle(60_000);
    expect(play.chat.shown).toEqual(['Forty-two.']);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual([]);
  });

  it('shows its latest thought as plain text, where the operator wants that, and then the answer alone', async () => {
    await play.start({ showReasoning: true });
    await play.ask('What is six times seven?', { conversation: 'thread' });
    await play.settle(7_500);
    expect(play.chat.shown).toHaveLength(1);
    expect(play.chat.shown[0]).toMatch(
      /^💭 Thinking · \d+ words so far · ….*Step \d of many, for <\u200b!channel> to see\.$/,
    );
    expect(play.chat.shown[0]!.length).toBeLessThan(200);
    await play.settle();
    expect(play.chat.shown).toEqual(['Forty-two.']);
    await play.ask('Thank you.', { conversation: 'thread' });
    await play.settle();
    expect(play.model.sent(1)).toEqual([
      'user: What is six times seven?',
      'assistant: Forty-two.',
      'user: Thank you.',
    ]);
  });
});
