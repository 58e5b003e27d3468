import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neutralise } from '../../../src/reply/markdown/neutralise.ts';
import type { Dialect } from '../../../src/reply/surface.ts';
import { mentions } from './generate.ts';

const dialects: readonly Dialect[] = ['slack', 'discord'];

/** Read plainly, as no platform does: any of these would be a mention, were nothing in between. */
const calls = /<(?:!(?:channel|here|everyone|subteam|date)|[@#][a-z0-9]|@[!&]\d)|@(?:everyone|here|channel)/i;

describe.each(dialects)('Neutralised for %s', (dialect) => {
  it.each([
    '<!channel>',
    '<!here>',
    '<!everyone>',
    '<!subteam^S0123>',
    '<!date^1392734382^{date}|now>',
    '<@U0123ABC>',
    '<#C0123ABC|general>',
    '@everyone',
    '@here',
    '<@123>',
    '<@!123>',
    '<@&123>',
    '<#123>',
    '<!CHANNEL>',
    '`<@123>`',
    '[@everyone](https://example.com)',
  ])('%s is plain text that reads the same', (mention) => {
    const plain = neutralise(`Ask ${mention} now`, dialect);
    expect(plain).not.toMatch(calls);
    expect(plain.replaceAll('\u200b', '')).toBe(`Ask ${mention} now`);
  });

  it.each([
    ['an entity', '&lt;!channel&gt;'],
    ['a numeric entity', '&#60;@U1&#62;'],
    ['a hexadecimal one', '&#x3C;!here>'],
    ['one without its end', '&lt!here>'],
    ['an escaped entity', '&amp;lt;!channel>'],
    ['an escape', '<\\!channel>'],
    ['a zero-width character', '<\u2060!channel>'],
    ['one inside a name', '@every\u200done'],
    ['an entity for the second sign', '<&#33;channel>'],
  ])('%s does not hide a mention', (_, hidden) => {
    const seen = (text: string) =>
      text
        .replace(/(?:<|&(?:amp;)*(?:lt|#60|#x3c);?)/gi, '<')
        .replace(/&#33;/g, '!')
        .replace(/[\\\u2060\u200d]/g, '');
    expect(seen(hidden)).toMatch(calls);
    expect(seen(neutralise(hidden, dialect))).not.toMatch(calls);
  });

  it.each([
    '<!DOCTYPE html>',
    '<!-- note -->',
    '<![CDATA[x]]>',
    'Array<A|B>',
    'a < b',
    'user@example.com',
    '<br>',
    '</div>',
    '# here',
    '@Component',
    '<https://example.com>',
    'R&D',
  ])('%s is left alone', (text) => {
    expect(neutralise(text, dialect)).toBe(text);
  });

  it('is total and idempotent', () => {
    fc.assert(
      fc.property(fc.oneof(mentions, fc.string({ unit: 'binary' })), (text) => {
        const once = neutralise(text, dialect);
        expect(neutralise(once, dialect)).toBe(once);
        expect(once.replaceAll('\u200b', '')).toBe(text.replaceAll('\u200b', ''));
        expect(once).not.toMatch(calls);
      }),
      { numRuns: 2000 },
    );
  });
});

it("Slack's own masked link cannot pose as another address", () => {
  expect(neutralise('<https://evil.example|https://bank.example>', 'slack')).toBe(
    '<\u200bhttps://evil.example|https://bank.example>',
  );
});

it('Discord commands and guides cannot be linked', () => {
  expect(neutralise('</ban:123> <id:customize>', 'discord')).toBe('<\u200b/ban:123> <\u200bid:customize>');
});
