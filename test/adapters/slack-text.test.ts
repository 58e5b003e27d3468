import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText, escapeUpTo, toMarkdown } from '../../adapters/slack/text.ts';

const read = (text: string) => toMarkdown(text, 'UBOT');

describe('what a person wrote in Slack reaches the model as Markdown', () => {
  it.each([
    ['<@UBOT> how are you?', 'how are you?'],
    ['<@UBOT>: how are you?', 'how are you?'],
    ['<@UBOT|pilotlight>, hello', 'hello'],
    ['and you, <@UBOT>, what now?', 'and you, what now?'],
    ['thanks <@UBOT>', 'thanks'],
    ['<@UBOT>', ''],
  ])('without our own mention: %s', (said, expected) => expect(read(said)).toBe(expected));

  it.each([
    ['ask <@U123> or <@U456|alex>', 'ask @U123 or @alex'],
    ['see <#C1|general> and <#C2>', 'see #general and #C2'],
    ['<!here> <!subteam^S1|@ops> <!subteam^S2>', '@here @ops @subteam'],
    ['on <!date^1392734382^{date}|Feb 18>', 'on Feb 18'],
    ['<https://example.com/a?b=1&amp;c=2>', 'https://example.com/a?b=1&c=2'],
    ['<https://example.com/x|the page>', '[the page](https://example.com/x)'],
    ['<http://example.com|example.com>', 'http://example.com'],
    ['<mailto:a@example.com|a@example.com>', 'a@example.com'],
  ])('with references resolved: %s', (said, expected) => expect(read(said)).toBe(expected));

  it.each([
    ['*bold* and _slanted_ and ~struck~', '**bold** and _slanted_ and ~~struck~~'],
    ['2 * 3 * 4 and a*b*c', '2 * 3 * 4 and a*b*c'],
    ['• one\n    • two', '- one\n    - two'],
    ['&gt; quoted', '> quoted'],
  ])('with marks translated: %s', (said, expected) => expect(read(said)).toBe(expected));

  it('with escapes undone once', () =>
    expect(read('a &lt; b &amp;&amp; c &amp;lt; d')).toBe('a < b && c &lt; d'));

  it('with code untouched but for the escapes', () => {
    expect(read('run `a &lt; *b*` now')).toBe('run `a < *b*` now');
    expect(read('see ```if (a &amp;&amp; *b*) {}``` please')).toBe(
      'see \n```\nif (a && *b*) {}\n```\n please',
    );
    expect(read('`curl <https://example.com/x|example.com/x>`')).toBe('`curl example.com/x`');
  });

  it('whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => typeof read(text) === 'string'));
  });
});

describe('text that we send as mrkdwn', () => {
  it('cannot mention, link or format by what is in it', () => {
    expect(escapeText('<!channel> & <@U1>')).toBe('&lt;!channel&gt; &amp; &lt;@U1&gt;');
    expect(escapeUpTo(100, '<!here>')).toBe('&lt;!here&gt;');
  });

  it('is cut within its limit, never in half an entity or half a character', () => {
    const texts = fc.array(fc.constantFrom('a', '<', '&', '>', '🔥', 'é')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (text, max) => {
        const cut = escapeUpTo(max, text);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(cut.replace(/&(amp|lt|gt);/g, '')).not.toContain('&');
        expect(cut.isWellFormed()).toBe(true);
        if (escapeText(text).length <= max) expect(cut).toBe(escapeText(text));
      }),
    );
  });
});
