import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neutralise, Pages } from '../../src/reply/pages.ts';
import type { Dialect } from '../../src/reply/surface.ts';
import { chunks, linkNoise, markdown, mentions, noise, sizes, table } from './markdown/generate.ts';
import { masks, parse, type Styled, styled } from './markdown/oracle.ts';

const LIMIT = 800;

// A failure is shrunk for so long at most.
fc.configureGlobal({ interruptAfterTimeLimit: 25_000 });
const dialect = fc.constantFrom<Dialect>('slack', 'discord');

/** The pages of a text that comes in these pieces, looked at after each. */
function pagesOf(dialect: Dialect, pieces: readonly string[], limit = LIMIT): string[] {
  const pages = new Pages(dialect, { limit });
  for (const piece of pieces) {
    pages.append(piece);
    pages.view();
  }
  pages.end();
  return pages.view().map((page) => page.text);
}

/** What Discord has no sign for is expected in another form. */
function onDiscord(char: Styled): Styled[] {
  const [path, shown] = [char.slice(0, char.lastIndexOf(': ')), char.slice(char.lastIndexOf(': ') + 2)];
  if (shown === '---') return Array(12).fill(`${path}: ─`);
  const bold = /^(.*)>h[456](.*)$/.exec(path);
  const styles = bold ? `${bold[1]}>strong${bold[2]!.replace('>strong', '')}` : path;
  return [inOrder(`${styles}: ${shown}`)];
}

/** Bold italics are italic bold, whichever is said to be within the other, and bold in bold is bold. */
const inOrder = (char: Styled): Styled =>
  char.replace('>emphasis>strong', '>strong>emphasis').replace(/(>strong.*)>strong/, '$1');

describe('Pages put together', () => {
  it('show each character of the answer once, in order, in the structure it was written in', () => {
    fc.assert(
      fc.property(markdown, sizes, (text, sizes) => {
        expect(pagesOf('slack', chunks(text, sizes)).flatMap(styled).map(inOrder)).toEqual(
          styled(text).map(inOrder),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('do so on Discord too, but for headings it lacks, which are bold, and breaks, which are drawn', () => {
    fc.assert(
      fc.property(markdown, sizes, (text, sizes) => {
        expect(pagesOf('discord', chunks(text, sizes)).flatMap(styled).map(inOrder)).toEqual(
          styled(text).flatMap(onDiscord),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('do so after spilling at any time', () => {
    fc.assert(
      fc.property(markdown, sizes, fc.array(fc.nat(200), { maxLength: 8 }), (text, sizes, spills) => {
        const pages = new Pages('slack', { limit: LIMIT });
        chunks(text, sizes).forEach((piece, i) => {
          pages.append(piece);
          const before = pages.view().map((page) => page.text);
          if (spills.includes(i) && pages.spill())
            expect(pages.view().map((page) => page.text)).toEqual(before);
        });
        pages.end();
        expect(
          pages
            .view()
            .flatMap((page) => styled(page.text))
            .map(inOrder),
        ).toEqual(styled(text).map(inOrder));
      }),
      { numRuns: 150 },
    );
  });

  it('keep every row of a table, under its header on each page', () => {
    fc.assert(
      fc.property(table, sizes, (text, sizes) => {
        const pages = pagesOf('slack', chunks(text, sizes), 1000).map((page) => parse(page).children);
        expect(pages.every((nodes) => nodes.length === 1 && nodes[0]!.type === 'table')).toBe(true);
        const [head, , ...rows] = text.split('\n').map((row) => row.replace(/\s/g, ''));
        const shown = pagesOf('slack', [text], 1000).map((page) =>
          page.split('\n').map((row) => row.replace(/\s/g, '')),
        );
        expect(shown.every((lines) => lines[0] === head)).toBe(true);
        expect(shown.flatMap((lines) => lines.slice(2))).toEqual(rows);
      }),
    );
  });

  it('keep every cell of a table on Discord', () => {
    fc.assert(
      fc.property(table, sizes, (text, sizes) => {
        const words = (all: string) =>
          all
            .replace(/[*\\|`─:-]|^\s*- |head|second|third|fourth/gm, ' ')
            .split(/\s+/)
            .join(' ')
            .trim();
        expect(words(pagesOf('discord', chunks(text, sizes)).join('\n'))).toBe(words(text));
      }),
    );
  });
});

describe('Any text at all', () => {
  const anything = fc.oneof(markdown, noise, mentions, fc.string({ unit: 'binary', maxLength: 2000 }), table);

  it('gives the same pages however it is cut up', () => {
    fc.assert(
      fc.property(dialect, anything, sizes, (dialect, text, sizes) => {
        const whole = pagesOf(dialect, [text]);
        expect(pagesOf(dialect, chunks(text, sizes))).toEqual(whole);
        expect(pagesOf(dialect, chunks(text, [1]))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('gives pages within the limit at every moment, and shows all of it in the end', () => {
    fc.assert(
      fc.property(dialect, anything, sizes, fc.nat(50), (dialect, text, sizes, spillAt) => {
        const pages = new Pages(dialect, { limit: LIMIT });
        let shown = 0;
        chunks(text, sizes).forEach((piece, i) => {
          pages.append(piece);
          for (const page of pages.view()) expect(page.text.length).toBeLessThanOrEqual(LIMIT);
          if (i === spillAt) pages.spill();
          expect(pages.shown).toBeGreaterThanOrEqual(shown);
          shown = pages.shown;
        });
        pages.end();
        for (const page of pages.view()) expect(page.text.length).toBeLessThanOrEqual(LIMIT);
        expect(pages.shown).toBe(pages.length);
        expect(pages.length).toBe(text.length);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every letter, in order', () => {
    const letters = (text: string) => text.replace(/latex|[^a-z\p{Lo}]/gu, '');
    fc.assert(
      fc.property(noise, sizes, (text, sizes) => {
        // Headers of tables are shown again on each page, and entities are as long as they are.
        fc.pre(!/\|.*-/s.test(text) && !/```|~~~/.test(text));
        expect(letters(pagesOf('slack', chunks(text, sizes)).join('\n'))).toBe(letters(text));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves settled pages as they are, the same objects, and lets the last one only grow', () => {
    fc.assert(
      fc.property(dialect, anything, sizes, (dialect, text, sizes) => {
        const pages = new Pages(dialect, { limit: LIMIT });
        let before = [...pages.view()];
        for (const piece of chunks(text, sizes)) {
          pages.append(piece);
          const now = [...pages.view()];
          expect(now.length).toBeGreaterThanOrEqual(before.length);
          for (let i = 0; i < before.length - 1; i++) expect(now[i]).toBe(before[i]);
          const [was, is] = [before.at(-1), now[before.length - 1]];
          if (was) expect(is!.source.startsWith(was.source)).toBe(true);
          for (const page of now) expect(page.text.startsWith(page.source)).toBe(true);
          before = now;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes out with nothing that calls anybody, at any moment', () => {
    fc.assert(
      fc.property(dialect, fc.oneof(mentions, noise), sizes, (dialect, text, sizes) => {
        const pages = new Pages(dialect, { limit: LIMIT });
        for (const piece of chunks(text, sizes)) {
          pages.append(piece);
          for (const page of pages.view()) expect(page.text).toBe(neutralise(page.text, dialect));
        }
        pages.end();
        for (const page of pages.view()) expect(page.text).toBe(neutralise(page.text, dialect));
      }),
      { numRuns: 1000 },
    );
  });

  it('has no link whose text is another address, to a parser that is not ours', () => {
    fc.assert(
      fc.property(dialect, linkNoise, sizes, (dialect, text, sizes) => {
        expect(pagesOf(dialect, chunks(text, sizes)).flatMap(masks)).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('is never cut inside a character that people see as one', () => {
    const one = ['👨‍👩‍👧', '🇩🇪', 'e\u0301', '각', '👍🏽'];
    fc.assert(
      fc.property(
        dialect,
        fc.array(fc.constantFrom(...one), { minLength: 300, maxLength: 900 }),
        sizes,
        (dialect, all, sizes) => {
          const segments = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
          const split = (text: string) => Array.from(segments.segment(text), ({ segment }) => segment);
          const text = all.join('');
          expect(pagesOf(dialect, chunks(text, sizes)).flatMap(split)).toEqual(split(text));
        },
      ),
    );
  });
});
