/** How a line of Markdown begins: which quotes and lists it is in, and what block it starts or goes on with. */
import type { Container } from './page-writer.ts';

/** An open quote or list item. */
export interface Block extends Container {
  readonly kind: 'quote' | 'item';
  /** Columns by which the lines of an item are indented. */
  readonly indent: number;
}

/** The open block that has lines but no blocks in it. */
export type Leaf =
  | { readonly kind: 'none' | 'text' | 'table' | 'indented' }
  | { readonly kind: 'fence'; readonly sign: string; readonly length: number; readonly indent: number }
  /** A displayed formula, up to the line that ends with `close`. */
  | { readonly kind: 'formula'; readonly close: string };

export type LineKind =
  | 'blank'
  | 'text'
  | 'heading'
  | 'fence'
  | 'fence-end'
  | 'code'
  | 'indented'
  | 'formula'
  | 'break'
  | 'underline'
  | 'row'
  | 'delimiter';

export interface LineStart {
  readonly kind: LineKind;
  /** How many of the open blocks the line is in. */
  readonly matched: number;
  /** The blocks that begin on it. */
  readonly opened: readonly Block[];
  /** What follows, without the signs of `kind`; for a fence its info string. */
  readonly rest: string;
  /** Heading level, or fence length. */
  readonly size: number;
  /** The first sign of `kind`; for a fence what it is made of. */
  readonly sign: string;
  /** Columns before `rest`. */
  readonly indent: number;
  /** `[ ]` or `[x]` at the start of an item. */
  readonly task: string;
}

/** Signs in a fence, at most: longer ones are text. */
const LONGEST_FENCE = 20;

/** It takes one more character, or the rest of the line, to tell. */
export type Undecided = 'more' | 'line';

export interface Situation {
  readonly open: readonly Block[];
  readonly leaf: Leaf;
  /** True when the line before could be a table's header. */
  readonly headed: boolean;
  /** Quotes and items that may stand in each other; deeper ones are text. */
  readonly deepest: number;
  /** How an item's marker is written; see dialects. */
  readonly bullet: (marker: string) => string;
}

/** Reads as much of a line as has come; `complete` when it has come whole. */
export function readLineStart(
  line: string,
  complete: boolean,
  { open, leaf, headed, deepest, bullet }: Situation,
): LineStart | Undecided {
  const cursor = new Cursor(line);
  const opened: Block[] = [];
  const found = (kind: LineKind, rest = cursor.rest(), more: Partial<LineStart> = {}): LineStart => ({
    kind,
    matched,
    opened,
    rest,
    size: 0,
    sign: '',
    indent: 0,
    task: '',
    ...more,
  });

  let matched = 0;
  for (; matched < open.length; matched++) {
    const block = open[matched]!;
    const { width, at } = cursor.indent();
    if (at === line.length && !complete) return 'more';
    if (block.kind === 'quote') {
      if (width > 3 || line[at] !== '>') break;
      if (at + 1 === line.length && !complete) return 'more';
      cursor.moveTo(at + 1);
      cursor.skip(1);
    } else {
      const inFence = leaf.kind === 'fence' && !open.slice(matched).some((each) => each.kind === 'quote');
      if (width < block.indent && at < line.length && !inFence) break;
      cursor.skip(block.indent);
    }
  }

  if (leaf.kind === 'fence' && matched === open.length) {
    const { width, at } = cursor.indent();
    const rest = line.slice(at);
    const run = runOf(rest, leaf.sign);
    const blankAfter = /^[ \t]*$/.test(rest.slice(run));
    if (width < 4 && blankAfter && !complete) return 'more';
    if (width < 4 && blankAfter && run >= leaf.length) return found('fence-end');
    cursor.skip(Math.min(width, leaf.indent));
    return found('code');
  }
  if (leaf.kind === 'formula' && matched === open.length) {
    const { at } = cursor.indent();
    if (at === line.length) return complete ? found('blank') : 'more';
    return found('code');
  }

  for (;;) {
    const { width, at } = cursor.indent();
    if (at === line.length) return complete ? found('blank') : 'more';
    /** The line may go on with the paragraph, and does so if nothing else begins here. */
    const continues = leaf.kind === 'text' && opened.length === 0;
    const rest = line.slice(at);
    if (width >= 4) {
      if (continues) return found('text', rest);
      cursor.skip(4);
      return found('indented');
    }
    const direct = continues && matched === open.length;
    const nests = matched + opened.length < deepest;
    if (nests && rest[0] === '>') {
      if (rest.length === 1 && !complete) return 'more';
      cursor.moveTo(at + 1);
      cursor.skip(1);
      opened.push({ kind: 'quote', first: '> ', next: '> ', indent: 0 });
      continue;
    }
    const item = nests && readItem(rest, complete, direct);
    if (item === 'more') return 'more';
    if (item) {
      cursor.moveTo(at + item.marker.length);
      cursor.skip(item.spaces);
      const first = bullet(item.marker) + ' '.repeat(Math.max(1, item.spaces));
      const indent = width + item.marker.length + Math.max(1, item.spaces);
      opened.push({ kind: 'item', first, next: ' '.repeat(first.length), indent });
      continue;
    }
    const leafStart = readLeaf(rest, complete, direct, headed && opened.length === 0);
    if (typeof leafStart === 'string') return leafStart;
    const [kind, size, text] = leafStart;
    if (kind === 'text' && opened.at(-1)?.kind === 'item') {
      if (!complete && /^\[(?:[ xX](?:\](?:[ \t])?)?)?$/.test(text)) return 'more';
      const task = /^(\[[ xX]\])[ \t]+(?=\S|$)/.exec(text);
      if (task) return found('text', text.slice(task[0].length), { task: task[1]! });
    }
    return found(kind, text, { size, indent: width, sign: rest[0]! });
  }
}

function readItem(
  rest: string,
  complete: boolean,
  direct: boolean,
): { marker: string; spaces: number } | 'more' | null {
  const marker = /^(?:[-+*]|\d{1,9}[.)])/.exec(rest)?.[0];
  if (!marker) return !complete && /^\d{1,9}$/.test(rest) ? 'more' : null;
  const after = rest.slice(marker.length);
  if (after === '' && !complete) return 'more';
  if (after !== '' && !/^[ \t]/.test(after)) return null;
  if (/^([-*])[ \t]*(?:\1[ \t]*)*$/.test(rest)) {
    if (!complete) return 'more';
    if (isBreak(rest)) return null;
  }
  const empty = /^[ \t]*$/.test(after);
  if (empty && !complete) return 'more';
  if (direct && (empty || (marker.length > 1 && Number.parseInt(marker, 10) !== 1))) return null;
  if (empty) return { marker, spaces: 0 };
  const spaces = new Cursor(rest, marker.length).indent().width;
  return { marker, spaces: spaces > 4 ? 1 : spaces };
}

function readLeaf(
  rest: string,
  complete: boolean,
  direct: boolean,
  headed: boolean,
): [kind: LineKind, size: number, text: string] | Undecided {
  if (headed && /^[|:\- \t]+$/.test(rest)) {
    if (!complete) return 'more';
    if (isDelimiterRow(rest)) return ['delimiter', 0, rest];
  }
  const sign = rest[0]!;
  const run = runOf(rest, sign);
  switch (sign) {
    case '#': {
      if (run === rest.length && !complete) return run > 6 ? ['text', 0, rest] : 'more';
      if (run > 6 || !/^(?:[ \t]|$)/.test(rest.slice(run))) return ['text', 0, rest];
      return ['heading', run, rest.slice(run).trimStart()];
    }
    case '`':
    case '~': {
      if (run === rest.length && !complete) return 'more';
      const info = rest.slice(run);
      if (run < 3 || run > LONGEST_FENCE || (sign === '`' && info.includes('`'))) return ['text', 0, rest];
      return complete ? ['fence', run, info.trim()] : 'line';
    }
    case '=':
    case '-':
    case '*':
    case '_': {
      if (direct && /^(?:=+|-+)[ \t]*$/.test(rest)) return complete ? ['underline', 0, rest] : 'more';
      if (!/^([-*_])[ \t]*(?:\1[ \t]*)*$/.test(rest)) return ['text', 0, rest];
      if (!complete) return 'more';
      return isBreak(rest) ? ['break', 0, rest.trim()] : ['text', 0, rest];
    }
    case '|':
      return ['row', 0, rest];
    case '\\':
    case '$': {
      if (rest.length === 1 && !complete) return 'more';
      const close = rest.startsWith('\\[') ? '\\]' : rest.startsWith('$$') ? '$$' : undefined;
      if (!close) return ['text', 0, rest];
      if (!complete) return 'line';
      const end = rest.indexOf(close, 2);
      return end < 0 || end + 2 === rest.trimEnd().length ? ['formula', 0, rest] : ['text', 0, rest];
    }
    default:
      return ['text', 0, rest];
  }
}

function runOf(text: string, sign: string): number {
  let length = 0;
  while (text[length] === sign) length++;
  return length;
}

function isBreak(rest: string): boolean {
  return /^(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/.test(rest);
}

function isDelimiterRow(row: string): boolean {
  return row.includes('|') && /^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/.test(row);
}

/** Walks over white space by columns: a tab reaches to the next multiple of four. */
class Cursor {
  readonly #line: string;
  #at: number;
  #column: number;
  /** Columns left of a tab that was stepped into. */
  #spare = 0;

  constructor(line: string, at = 0) {
    this.#line = line;
    this.#at = at;
    this.#column = at;
  }

  /** The white space ahead: its columns, and the index after it. */
  indent(): { width: number; at: number } {
    let at = this.#at;
    let column = this.#column + this.#spare;
    for (; ; at++) {
      if (this.#line[at] === ' ') column++;
      else if (this.#line[at] === '\t') column += 4 - (column % 4);
      else break;
    }
    return { width: column - this.#column, at };
  }

  /** Goes to an index, which must be after white space or signs. */
  moveTo(at: number): void {
    const { at: after, width } = this.indent();
    this.#column += width + (at - after);
    this.#at = at;
    this.#spare = 0;
  }

  /** Steps over up to so many columns of white space. */
  skip(columns: number): void {
    for (let left = columns; left > 0; left--) {
      if (this.#spare > 0) this.#spare--;
      else if (this.#line[this.#at] === ' ') this.#at++;
      else if (this.#line[this.#at] === '\t') {
        this.#at++;
        this.#spare = 3 - (this.#column % 4);
      } else return;
      this.#column++;
    }
  }

  rest(): string {
    return ' '.repeat(this.#spare) + this.#line.slice(this.#at);
  }
}
