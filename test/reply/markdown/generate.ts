/** Random Markdown as models write it, random chunkings of it, and noise. */
import fc from 'fast-check';

const word = fc.oneof(
  { weight: 12, arbitrary: fc.stringMatching(/^[a-z]{1,9}$/) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'naïve',
      'Straße',
      '日本語の文章',
      '👨‍👩‍👧',
      '🇩🇪',
      'e\u0301te\u0301',
      'ไทย',
      '5%',
      'snake_case',
      'C++',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '&amp;',
      '&lt;tag&gt;',
      '&#128512;',
      '\\*',
      '\\_',
      'a\\\\b',
      'x,',
      'end.',
      '(aside)',
      '“so”',
      'it’s',
    ),
  },
);
const words = fc.array(word, { minLength: 1, maxLength: 12 }).map((all) => all.join(' '));
const fewWords = fc.array(word, { minLength: 1, maxLength: 4 }).map((all) => all.join(' '));
const url = fc.stringMatching(/^[a-z]{1,8}$/).map((path) => `https://example.com/${path}`);
const code = fc.constantFrom('npm run x', 'a', 'const a = b * c', '*not bold*', '<T>', 'x | y', '[a](b)');

const inline = fc.oneof(
  { weight: 6, arbitrary: words },
  { weight: 1, arbitrary: words.map((text) => `**${text}**`) },
  { weight: 1, arbitrary: words.map((text) => `*${text}*`) },
  { weight: 1, arbitrary: words.map((text) => `_${text}_`) },
  { weight: 1, arbitrary: words.map((text) => `***${text}***`) },
  { weight: 1, arbitrary: words.map((text) => `~~${text}~~`) },
  { weight: 1, arbitrary: fc.tuple(words, words, words).map(([a, b, c]) => `**${a} *${b}* ${c}**`) },
  { weight: 1, arbitrary: fc.tuple(words, words).map(([a, b]) => `**${a}\n${b}**`) },
  { weight: 1, arbitrary: code.map((text) => `\`${text}\``) },
  { weight: 1, arbitrary: code.map((text) => `\`\` ${text} \`x \`\``) },
  { weight: 1, arbitrary: fc.tuple(fewWords, url).map(([text, to]) => `[${text}](${to})`) },
  { weight: 1, arbitrary: fc.tuple(word, url).map(([text, to]) => `[**${text}** (x)](<${to}> "title")`) },
  { weight: 1, arbitrary: url },
  { weight: 1, arbitrary: url.map((to) => `<${to}>`) },
);
const line = fc.array(inline, { minLength: 1, maxLength: 5 }).map((all) => all.join(' '));
const paragraph = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => lines.join('\n'));

const heading = fc
  .tuple(fc.integer({ min: 1, max: 6 }), line)
  .map(([level, text]) => `${'#'.repeat(level)} ${text.replaceAll('\n', ' ')}`);
const codeLine = fc.oneof(
  fc.constantFrom(
    '',
    '  indented',
    '\ttabbed',
    '# not a heading',
    '- not a list',
    '> no quote',
    '**a**',
    '| a | b |',
    '``` x',
    '~~~ x',
    '`',
  ),
  words,
);
const fence = fc
  .tuple(
    fc.constantFrom('````', '~~~', '~~~~~'),
    fc.constantFrom('', 'ts', 'python'),
    fc.array(codeLine, { minLength: 1, maxLength: 12 }),
  )
  .filter(([sign, , lines]) => !lines.some((each) => each.startsWith(sign)))
  .map(([sign, info, lines]) => [sign + info, ...lines, sign].join('\n'));
// With a paragraph after it: micromark takes an ordered list there for an interruption (markdown-it does not).
const indented = fc
  .tuple(fc.array(words, { minLength: 1, maxLength: 5 }), words)
  .map(([lines, after]) => `    ${lines.join('\n\n    ')}\n\n${after}`);
const rule = fc.constantFrom('---', '***', '_ _ _');
const simple = fc.oneof(
  { weight: 5, arbitrary: paragraph },
  { weight: 2, arbitrary: heading },
  { weight: 2, arbitrary: fence },
  rule,
  indented,
);

const indent = (text: string, columns: number) => text.replace(/\n(?=.)/g, `\n${' '.repeat(columns)}`);

const { block } = fc.letrec<{ block: string; list: string; quote: string }>((tie) => ({
  list: fc
    .tuple(
      fc.constantFrom('-', '*', '+', '1.', '9.', '3)'),
      fc.array(fc.tuple(paragraph, fc.array(tie('block') as fc.Arbitrary<string>, { maxLength: 2 })), {
        minLength: 1,
        maxLength: 5,
      }),
    )
    .map(([marker, items]) =>
      items
        .map(([first, rest], i) => {
          const sign = marker.length > 1 ? `${Number.parseInt(marker, 10) + i}${marker.at(-1)}` : marker;
          return `${sign} ${indent([first, ...rest].join('\n\n'), sign.length + 1)}`;
        })
        .join('\n'),
    ),
  quote: fc
    .array(tie('block') as fc.Arbitrary<string>, { minLength: 1, maxLength: 3 })
    .map((blocks) => `> ${blocks.join('\n\n').replaceAll('\n', '\n> ')}`),
  block: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 6, arbitrary: simple },
    tie('list'),
    tie('quote'),
  ) as fc.Arbitrary<string>,
}));

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const cell = fc.oneof(words, fc.constantFrom('', '**x**', '1,000', 'a \\| b', '日本', '👍'));
export const table = fc
  .tuple(
    fc.integer({ min: 2, max: 4 }),
    fc.array(fc.array(cell, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 30 }),
  )
  .map(([columns, rows]) =>
    [
      row(['head', 'second', 'third', 'fourth'].slice(0, columns)),
      row(Array(columns).fill('---')),
      ...rows.map((each) => row(each.slice(0, columns))),
    ].join('\n'),
  );

/** Markdown of every kind but tables. */
export const markdown = fc
  .array(block, { minLength: 1, maxLength: 12 })
  .map((blocks) => `${blocks.join('\n\n')}\n`);

const mentionParts = [
  '<',
  '@',
  '!',
  '#',
  '&',
  'everyone',
  'here',
  'channel',
  '<!',
  '<@',
  '<#',
  'U123>',
  '1>',
  '>',
  'subteam^S1',
  'date^1^x|y',
  '&lt;',
  '&#60;',
  '&amp;lt;',
  '&commat;',
  '\\',
  '\u2060',
  '\u200b',
  '\uffa0',
  '\u00ad',
  '<https://a.b',
  '|label>',
  '</x:1>',
  '<id:browse>',
  '日',
];

/** Mentions, and what is nearly one, in pieces. */
export const mentions = fc
  .array(fc.constantFrom(...mentionParts), { maxLength: 30 })
  .map((parts) => parts.join(''));

/** Links, and what is nearly one, in pieces. */
export const linkNoise = fc
  .array(
    fc.constantFrom(
      ...[
        '[',
        ']',
        '(',
        ')',
        '](',
        '![',
        '<',
        '>',
        '`',
        '``',
        '\\',
        '*',
        '**',
        '_',
        ' ',
        '\n',
        '\n\n',
        '|',
        '$',
        '\\(',
        '\\)',
        '"',
        "'",
        ']:',
        '- ',
        '> ',
        'word',
      ],
      ...['https://bank.example', 'https://evil.example', 'https://evil.example', '](https://evil.example)'],
    ),
    { minLength: 3, maxLength: 60 },
  )
  .map((parts) => parts.join(''));

/** What no writer means: signs in any order. */
export const noise = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...'`*_~[]()<>!@#&|\\$-+=.:;"\'/ \n\t\r'.split(''),
        '```',
        '~~~',
        '\n\n',
        '](',
        '![',
        '&lt;',
        '> ',
        '- ',
        '1. ',
        '    ',
        '| a | b |\n|--|--|\n',
        '\u200b',
        '\ud83d',
        '\u0000',
        'https://a.b/',
        'e\u0301',
        '日本',
      ),
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.constantFrom(...mentionParts),
    ),
    { maxLength: 400 },
  )
  .map((parts) => parts.join(''));

/** Cuts a text into random pieces, also inside a surrogate pair. */
export function chunks(text: string, sizes: readonly number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length] ?? text.length;
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}
export const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
