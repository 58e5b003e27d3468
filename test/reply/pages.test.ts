import { describe, expect, it } from 'vitest';
import { Pages } from '../../src/reply/pages.ts';
import type { Dialect } from '../../src/reply/surface.ts';
import { parse } from './markdown/oracle.ts';

/** The pages of a whole answer. */
function pagesOf(dialect: Dialect, text: string, limit?: number): string[] {
  const pages = new Pages(dialect, limit === undefined ? {} : { limit });
  pages.append(text);
  pages.end();
  return pages.view().map((page) => page.text);
}

/** The only page of an answer. */
const shown = (dialect: Dialect, text: string) => pagesOf(dialect, text).join('\n=== new page ===\n');

/** What is on screen while an answer has come so far. */
function soFar(dialect: Dialect, text: string): string | undefined {
  const pages = new Pages(dialect);
  pages.append(text);
  return pages.view().at(-1)?.text;
}

const sentences = (count: number) =>
  Array.from({ length: count }, (_, i) => `This is sentence number ${i} of a long answer.`).join(' ');

describe('While an answer comes', () => {
  it('nothing is shown before there is a word', () => {
    expect(soFar('slack', '')).toBeUndefined();
    expect(soFar('slack', '  \n\n')).toBeUndefined();
    expect(soFar('slack', 'Hel')).toBeUndefined();
    expect(soFar('slack', 'Hello, ')).toBe('Hello,');
  });

  it('words are shown whole, and unfinished marks closed', () => {
    expect(soFar('slack', 'This is **very impor')).toBe('This is **very**');
    expect(soFar('slack', 'A ***bold and ita')).toBe('A ***bold and***');
    expect(soFar('slack', '- ~~old ne')).toBe('- ~~old~~');
    expect(soFar('slack', '5 * 3 and snake_case ')).toBe('5 * 3 and snake_case');
  });

  it('in scripts without spaces each character is shown as it comes', () => {
    expect(soFar('slack', '日本語の文')).toBe('日本語の');
    expect(soFar('slack', '終わり。次')).toBe('終わり。');
  });

  it('links, code, entities and formulas are waited for', () => {
    expect(soFar('slack', 'See [the guide](https://exam')).toBe('See');
    expect(soFar('slack', 'Run `npm install --sa')).toBe('Run');
    expect(soFar('slack', 'So \\(x + y')).toBe('So');
    expect(soFar('slack', 'Tom &am')).toBe('Tom');
    expect(soFar('slack', 'See [the guide](https://example.com) ')).toBe(
      'See [the guide](https://example.com)',
    );
  });

  it('a long piece of inline code is shown as it grows', () => {
    const code = 'word '.repeat(60);
    expect(soFar('slack', `Run \`${code}`)).toBe(`Run \`${code.trim()}\``);
  });

  it('open code blocks are closed for display', () => {
    expect(soFar('slack', '```ts\nconst a = 1;\nconst b')).toBe('```ts\nconst a = 1;\nconst\n```');
    expect(soFar('slack', '1. Do:\n   ~~~~\n   ls ')).toBe('1. Do:\n   ~~~~\n   ls\n   ~~~~');
    expect(soFar('slack', '> ```\n> quoted ')).toBe('> ```\n> quoted\n> ```');
  });

  it('`source` leaves the closing marks out, for messages that only grow', () => {
    const pages = new Pages('slack');
    pages.append('```ts\nconst a ');
    expect(pages.view()).toEqual([{ text: '```ts\nconst a\n```', source: '```ts\nconst a' }]);
    pages.append('= 1;\n```\n');
    expect(pages.view()).toEqual([{ text: '```ts\nconst a = 1;\n```', source: '```ts\nconst a = 1;\n```' }]);
  });

  it('tells how much has come in and how much of it is shown', () => {
    const pages = new Pages('slack');
    pages.append('Hello wor');
    pages.view();
    expect([pages.length, pages.shown]).toEqual([9, 5]);
    pages.append('ld');
    pages.end();
    pages.view();
    expect([pages.length, pages.shown]).toEqual([11, 11]);
  });

  it('gives the same pages again when nothing has come', () => {
    const pages = new Pages('slack');
    pages.append('Hello there ');
    const [page] = pages.view();
    expect(pages.view()[0]).toBe(page);
  });

  it('takes no page smaller than what it must repeat', () => {
    expect(() => new Pages('slack', { limit: 100 })).toThrow(RangeError);
  });
});

describe('At the end', () => {
  it('what was waited for is shown as it is', () => {
    expect(shown('slack', 'See [the guide](https://exam')).toBe('See [the guide]\u200b(https://exam');
    expect(shown('slack', 'Use **bold')).toBe('Use **bold');
    expect(shown('slack', '| a | b |')).toBe('| a | b |');
  });

  it('a backtick without a partner stays one', () => {
    expect(shown('slack', 'the ` key')).toBe('the \\` key');
  });

  it('a code block that was left open is closed', () => {
    expect(shown('slack', '```\nls')).toBe('```\nls\n```');
  });

  it('hard breaks stay', () => {
    expect(shown('slack', 'one  \ntwo')).toBe('one  \ntwo');
  });
});

describe('A long answer', () => {
  it.each([
    ['slack', 15_668, 2],
    ['discord', 30_000, 18],
  ] as const)('arrives whole on %s', (dialect, length, most) => {
    const text = `${sentences(700).slice(0, length - 1)}.`;
    const pages = pagesOf(dialect, text);
    expect(pages.join(' ')).toBe(text);
    expect(pages.length).toBeLessThanOrEqual(most);
  });

  it('has pages with room for a footer under the platform’s limit', () => {
    for (const page of pagesOf('discord', sentences(700))) expect(page.length).toBeLessThanOrEqual(1800);
    for (const page of pagesOf('slack', sentences(700))) expect(page.length).toBeLessThanOrEqual(11_000);
  });

  it('is split between blocks where one ends near the end of a page', () => {
    const [first, second] = pagesOf('discord', `${sentences(38)}\n\n${sentences(5)}`);
    expect(first).toBe(sentences(38));
    expect(second).toBe(sentences(5));
  });

  it('starts a new page for a heading or a code block rather than just before the end of one', () => {
    const [first, second] = pagesOf('discord', `${sentences(36)}\n\n## Next\n\nText`);
    expect(first).toBe(sentences(36));
    expect(second).toBe('## Next\n\nText');
  });

  it('goes on with its code block, under the same language', () => {
    const code = Array.from({ length: 80 }, (_, i) => `  const value${i} = compute(${i});`);
    const pages = pagesOf('discord', `\`\`\`ts\n${code.join('\n')}\n\`\`\`\n`);
    expect(pages.length).toBe(2);
    const blocks = pages.map((page) => parse(page).children);
    expect(blocks.flat()).toMatchObject([
      { type: 'code', lang: 'ts' },
      { type: 'code', lang: 'ts' },
    ]);
    expect(
      blocks
        .flat()
        .map((block) => 'value' in block && block.value)
        .join('\n'),
    ).toBe(code.join('\n'));
  });

  it('keeps the numbers of a list and the marks of a quote', () => {
    const list = Array.from(
      { length: 60 },
      (_, i) => `${i + 1}. Step with quite some text in it, number ${i + 1}`,
    );
    const [, second] = pagesOf('discord', list.join('\n'));
    expect(second).toMatch(/^(\d+)\. Step with quite some text in it, number \1\n/);
    const quote = pagesOf('discord', `> ${sentences(60)}`);
    expect(quote.every((page) => page.startsWith('> '))).toBe(true);
  });

  it('goes on in the nested item, bold text or heading it was in', () => {
    const [, nested] = pagesOf('slack', `1. One\n2. Two\n   - **${sentences(15)}**`, 400);
    expect(nested).toMatch(/^2\. - \*\*\w/);
    const [, heading] = pagesOf('slack', `## ${sentences(15)}`, 400);
    expect(heading).toMatch(/^## \w/);
  });

  it('does not make a list or a heading of a word that a page begins with', () => {
    const pages = pagesOf('slack', 'word - '.repeat(300), 400);
    for (const page of pages) expect(parse(page).children).toMatchObject([{ type: 'paragraph' }]);
    expect(pages.length).toBeGreaterThan(4);
  });

  it('is split within a word only when the word is too long for a page', () => {
    const pages = pagesOf('discord', `${sentences(10)} ${'x'.repeat(5000)}`);
    expect(pages.join('').replaceAll(' ', '')).toBe(
      `${sentences(10)}${'x'.repeat(5000)}`.replaceAll(' ', ''),
    );
  });
});

describe('Spilling', () => {
  it('freezes the page as it was last looked at; the rest goes to a new one', () => {
    const pages = new Pages('discord');
    pages.append('> Some **bold words and ');
    const [before] = pages.view();
    pages.append('more** of them.');
    expect(pages.spill()).toBe(true);
    pages.end();
    expect(pages.view().map((page) => page.text)).toEqual([
      '> Some **bold words and**',
      '> **more** of them.',
    ]);
    expect(pages.view()[0]!.text).toBe(before!.text);
  });

  it('goes on with an open code block', () => {
    const pages = new Pages('slack');
    pages.append('```py\na = 1\nb = ');
    pages.view();
    pages.spill();
    pages.append('2\n```\nDone.');
    pages.end();
    expect(pages.view().map((page) => page.text)).toEqual([
      '```py\na = 1\nb =\n```',
      '```py\n 2\n```\nDone.',
    ]);
  });

  it('goes on with a table under its header', () => {
    const pages = new Pages('discord');
    pages.append('| a | b |\n|---|---|\n| 1 | 2 |\n| 3');
    const [before] = pages.view();
    expect(pages.spill()).toBe(true);
    pages.append(' | 4 |\n');
    pages.end();
    expect(pages.view().map((page) => page.text)).toEqual([before!.text, '```\na  b\n─  ─\n3  4\n```']);
  });

  it('cannot be done while nothing is shown', () => {
    const pages = new Pages('slack');
    expect(pages.spill()).toBe(false);
    pages.append('Hello there ');
    pages.view();
    expect(pages.spill()).toBe(true);
    expect(pages.spill()).toBe(false);
    expect(pages.view().length).toBe(1);
  });
});

describe('On Slack', () => {
  it('standard Markdown is passed on', () => {
    const text =
      '#### Heading\n\n- [ ] open\n- [x] done\n\n---\n\n![image](https://example.com/a.png)\n\n| a | b |\n|---|--:|\n| **1** | 2 |\n\n~~~py\nx\n~~~';
    expect(shown('slack', text)).toBe(text);
  });

  it('underlined headings and tables without outer pipes are passed on, in lists too', () => {
    const text =
      '- Heading\n  ---\n\n  a | b\n  --|--\n  1 | 2\n\nHeading\n===\n\na | b\n--|--\n1 | 2\n\nText';
    expect(shown('slack', text)).toBe(text);
  });

  it('a table that goes on over a page has its header again', () => {
    const rows = Array.from({ length: 40 }, (_, i) => `| ${i} | some text in the cell |`);
    const pages = pagesOf('slack', ['| n | text |', '|---|---|', ...rows].join('\n'), 600);
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(page.startsWith('| n | text |\n|---|---|\n| ')).toBe(true);
    expect(pages.flatMap((page) => page.split('\n').slice(2))).toEqual(rows);
  });

  it("Slack's own link syntax does not make a link", () => {
    expect(shown('slack', 'Go to <https://evil.example|https://bank.example>.')).toBe(
      'Go to <\u200bhttps://evil.example|https://bank.example>.',
    );
  });
});

describe('On Discord', () => {
  it('headings it lacks are bold lines', () => {
    expect(shown('discord', '### Three\n#### Four **and** a half ##\nText')).toBe(
      '### Three\n**Four and a half**\nText',
    );
  });

  it('breaks are drawn, task lists have boxes, images are links', () => {
    expect(
      shown('discord', 'a\n\n---\n\n- [ ] open\n- [x] done\n\n![image](https://example.com/a.png)'),
    ).toBe('a\n\n────────────\n\n- ☐ open\n- ☑ done\n\n[image](https://example.com/a.png)');
  });

  it('every fence is one of three backticks, which nothing in it can end', () => {
    expect(shown('discord', '~~~~js title="a.js"\n```\nx\n```\n~~~~')).toBe(
      '```js\n``\u200b`\nx\n``\u200b`\n```',
    );
  });

  it('code without fences gets some', () => {
    expect(shown('discord', 'Text\n\n    a *b* c\n\n    d\n\nText')).toBe(
      'Text\n\n```\na *b* c\n\nd\n```\n\nText',
    );
  });

  it('quotes have their mark on each line', () => {
    expect(shown('discord', '>one\ntwo\n>\n>>> three')).toBe('> one\n> two\n>\n> > > three');
  });

  it('a table is an aligned code block, whatever the width of its characters', () => {
    expect(
      shown('discord', '| Model | Size | `ok` |\n|:--|--:|:-:|\n| **Qwen** | 8 | 👍 |\n| 日本語 | 70 | no |'),
    ).toBe('```\nModel   Size  ok\n──────  ────  ──\nQwen       8  👍\n日本語    70  no\n```');
  });

  it('a table is laid out anew with each row while it comes', () => {
    const pages = new Pages('discord');
    pages.append('Look:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n');
    expect(pages.view()).toEqual([{ text: 'Look:\n\n```\na  b\n─  ─\n1  2\n```', source: 'Look:' }]);
    pages.append('| longer | 4 |\n\nText ');
    expect(pages.view()[0]!.text).toBe(
      'Look:\n\n```\na       b\n──────  ─\n1       2\nlonger  4\n```\n\nText',
    );
  });

  it('a wide table, or one with links, is a list of records', () => {
    const long = 'a rather long text that makes the table wide';
    expect(
      shown(
        'discord',
        `| Name | Notes | Link |\n|--|--|--|\n| x | ${long} | [y](https://example.com) |\n| z | | |`,
      ),
    ).toBe(`- **Name:** x\n  **Notes:** ${long}\n  **Link:** [y](https://example.com)\n- **Name:** z`);
  });

  it('a table without outer pipes, whose first line was shown as text, is laid out under it', () => {
    expect(shown('discord', 'a | b\n--|--\n1 | 2')).toBe('a | b\n```\na  b\n─  ─\n1  2\n```');
  });

  it('a table within a list stays in it', () => {
    expect(shown('discord', '1. Prices:\n\n   | a | b |\n   |---|---|\n   | 1 | 2 |\n\n2. Next')).toBe(
      '1. Prices:\n\n   ```\n   a  b\n   ─  ─\n   1  2\n   ```\n\n2. Next',
    );
  });
});

describe.each(['slack', 'discord'] as const)('On %s', (dialect) => {
  it('formulas stay readable, and prices are none', () => {
    expect(shown(dialect, 'So \\(x_1 * y_1\\), $a_i^2$ and $5 or $6.')).toBe(
      'So `\\(x_1 * y_1\\)`, `$a_i^2$` and $5 or $6.',
    );
    expect(shown(dialect, '\\[\n\\frac{a}{b}\n\\]\nText')).toBe(
      '```latex\n\\[\n\\frac{a}{b}\n\\]\n```\nText',
    );
    expect(shown(dialect, '$$ e = mc^2 $$')).toBe('```latex\n$$ e = mc^2 $$\n```');
  });

  it('a link whose text is another address shows the real one', () => {
    expect(shown(dialect, '[https://bank.example](https://evil.example/x)')).toBe(
      'https://bank.example (https://evil.example/x)',
    );
    expect(shown(dialect, '[**bank.example/login**](https://evil.example)')).toBe(
      '**bank.example/login** (https://evil.example)',
    );
    expect(shown(dialect, '[bank&period;example](https://evil.example)')).toBe(
      'bank&period;example (https://evil.example)',
    );
    expect(shown(dialect, '[a [https://bank.example](https://evil.example) b](https://c.example)')).toContain(
      'https://bank.example (https://evil.example)',
    );
  });

  it('a link with words around its address loses none', () => {
    expect(shown(dialect, '[Docs at https://example.com](https://example.com)')).toBe(
      'Docs at https://example.com (https://example.com)',
    );
  });

  it('a link whose text is its own address, or none, stays', () => {
    expect(shown(dialect, '[https://example.com](https://example.com/)')).toBe('https://example.com/');
    expect(shown(dialect, '[Node.js](https://nodejs.org) [main.rs](https://example.com/main.rs)')).toBe(
      '[Node.js](https://nodejs.org) [main.rs](https://example.com/main.rs)',
    );
  });

  it('a definition, which would not be seen, is text', () => {
    expect(shown(dialect, '[1]: https://example.com')).toBe('[1]\u200b: https://example.com');
  });

  it('mentions call nobody, wherever they stand and however they come', () => {
    const text =
      'Hi <!channel> @everyone `<@U123>` [@here](https://example.com/@here)\n\n```\n<@&123> @everyone\n```';
    const pages = new Pages(dialect);
    for (const char of text) pages.append(char);
    pages.end();
    expect(pages.view()[0]!.text).toBe(
      'Hi <\u200b!channel> @\u200beveryone `<\u200b@U123>` [@\u200bhere](https://example.com/@\u200bhere)\n\n```\n<\u200b@&123> @\u200beveryone\n```',
    );
  });

  it('code in a list that forgot its indent stays in its block', () => {
    expect(shown(dialect, '1. Run:\n   ```sh\nnpm start\n```\n2. Look')).toBe(
      '1. Run:\n   ```sh\n   npm start\n   ```\n2. Look',
    );
  });
});
