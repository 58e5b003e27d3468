import { describe, expect, it } from 'vitest';
import { body } from '../../adapters/discord/model-command.ts';
import { announcementBody, onceFor, pageBody } from '../../adapters/discord/payload.ts';
import type { Page } from '../../src/bot/ports.ts';

const page = (text: string, rest: Partial<Page> = {}): Page => ({ text, source: text, buttons: [], ...rest });

describe('a page as a Discord message', () => {
  it('shows each line of the footer small, under the text', () => {
    const { content } = pageBody(page('Hello', { footer: 'first\nsecond' }), '7.0', null);
    expect(content).toBe('Hello\n-# first\n-# second');
  });

  it('shows a footer by itself while there is no text', () => {
    expect(pageBody(page('', { footer: 'waking' }), '7.0', null).content).toBe('-# waking');
  });

  it('is never empty, which Discord would refuse', () => {
    for (const text of ['', ' ', '\n', '\u00a0'])
      expect(pageBody(page(text), '7.0', null).content.trim()).not.toBe('');
  });

  it('pings nobody, not even the person it replies to, and unfolds no links', () => {
    const body = pageBody(page('@everyone <@100000000000000001>'), '7.0', null);
    expect(body.allowed_mentions).toEqual({ parse: [], replied_user: false });
    expect(body.flags & 4).toBe(4);
  });

  it('has one row with a button for each action, and takes the row away when there is none', () => {
    const [row] = pageBody(page('x', { buttons: ['continue', 'retry'] }), '7.0', null).components;
    expect(row?.components.map(({ label, custom_id }) => [label, custom_id])).toEqual([
      ['Continue', 'pilotlight:continue:7.0'],
      ['Retry', 'pilotlight:retry:7.0'],
    ]);
    expect(pageBody(page('x'), '7.0', null).components).toEqual([]);
  });

  it('repeats what was asked on one line above the answer', () => {
    expect(pageBody(page('42'), '7.0', 'What is\n the answer?').content).toBe('> What is the answer?\n42');
  });

  it('shortens what was asked rather than exceed the limit of 2,000 characters', () => {
    for (const length of [0, 1, 500, 1800, 1850, 1900]) {
      const footer = 'f'.repeat(90);
      const { content } = pageBody(page('x'.repeat(length), { footer }), '7.0', '👋 why? '.repeat(40));
      expect(content.length).toBeLessThanOrEqual(2000);
      expect(content.endsWith(`\n-# ${footer}`) || length === 0).toBe(true);
      expect(content).toMatch(/^> .+…\n/);
      expect(content.isWellFormed()).toBe(true);
    }
  });

  it('leaves out what was asked when there is no room at all', () => {
    expect(pageBody(page('x'.repeat(2000)), '7.0', 'why?').content).toBe('x'.repeat(2000));
  });
});

describe('an announcement', () => {
  it('pings the person who asked and nobody else, whatever it says', () => {
    const body = announcementBody('your answer is ready, @everyone', '100000000000000001');
    expect(body.content).toBe('<@100000000000000001> your answer is ready, @everyone');
    expect(body.allowed_mentions).toEqual({ parse: [], users: ['100000000000000001'], replied_user: false });
  });
});

describe('the nonce of a post', () => {
  it('is the same for the same key only, enforced, and short enough for Discord', () => {
    expect(onceFor('turn 7, page 1')).toEqual(onceFor('turn 7, page 1'));
    expect(onceFor('turn 7, page 1')).not.toEqual(onceFor('turn 7, page 2'));
    const { nonce, enforce_nonce } = onceFor('k'.repeat(500));
    expect(nonce.length).toBeLessThanOrEqual(25);
    expect(enforce_nonce).toBe(true);
  });
});

describe('the answer to a command', () => {
  const content = (text: string) => body({ text, buttons: [] }).content;

  it('that is longer than 2,000 characters ends with a whole line: in one that is cut, a time would be its code', () => {
    const line = `• ⟦1767614400000⟧ ${'x'.repeat(70)}`;
    const shown = content(Array.from({ length: 40 }, () => line).join('\n'));
    expect(shown.length).toBeLessThanOrEqual(2_000);
    expect(new Set(shown.split('\n'))).toEqual(new Set([`• <t:1767614400:f> ${'x'.repeat(70)}`, '…']));
  });

  it('is cut where there is no line to end with', () => {
    expect(content('y'.repeat(3_000))).toBe(`${'y'.repeat(1_999)}…`);
  });
});
