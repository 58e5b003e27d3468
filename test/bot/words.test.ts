import { describe, expect, it } from 'vitest';
import { emptyPrompt } from '../../src/bot/words.ts';

describe('what the bot says to a mention without a question', () => {
  it('names the commands that are there: /ask on Discord, none on Slack', () => {
    expect(emptyPrompt('discord')).toContain('`/ask`');
    expect(emptyPrompt('slack')).not.toContain('/ask');
  });
});
