import { describe, expect, it } from 'vitest';
import { Thought, unfolded } from '../../src/bot/thought.ts';

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
