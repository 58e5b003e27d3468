/** Markdown as it arrives, character by character → lines and words for the page writer. */
import { joined } from '../growing-text.ts';
import type { Dialect } from '../surface.ts';
import { AlignedTable } from './aligned-table.ts';
import { CodeLine } from './code-line.ts';
import { dialects, type Signs } from './dialects.ts';
import { Inline } from './inline.ts';
import { type Block, type Leaf, type LineStart, readLineStart } from './line-start.ts';
import { NativeTable, readHead } from './native-table.ts';
import type { Boundary, Container, Draft, PageWriter } from './page-writer.ts';
import { readRow, type Table } from './table.ts';

/** Signs at a line's start that wait for each other at most this long (characters). */
const LONGEST_SIGNS = 200;

/** What may begin a block or a table; any other character at the start of a line begins text. */
const SIGN = /[\s#>`~*_=+|\\$\d:-]/;

export class Blocks {
  readonly #writer: PageWriter;
  readonly #signs: Signs;
  readonly #inline: Inline;
  readonly #code: CodeLine;
  readonly #limit: number;
  /** Characters of a word or a link up to which it stays whole. */
  readonly #longest: number;
  /** Characters of a table's row that are waited for. */
  readonly #longestRow: number;
  /** What the current line is. `start`: undecided; `line` and `row` are waited for whole. */
  #mode: 'start' | 'line' | 'row' | 'text' | 'code' = 'start';
  /** The line so far, while it is undecided or waited for. */
  #buffer = '';
  #open: readonly Block[] = [];
  #leaf: Leaf = { kind: 'none' };
  #table: Table | undefined;
  /** Blank lines before the current one. */
  #blanks = 0;
  #afterHeading = false;
  #hardBreak = false;
  /** Around the lines of the open code block. */
  #codeIn: readonly Container[] = [];
  #codeLines = 0;
  #afterBlankCode = false;
  /** A row that is a table's header if a delimiter row follows. */
  #header: string | undefined;
  #rowBoundary: Boundary = 'line';
  /** The latest line of the paragraph, which can be a header too. */
  #lastLine = '';

  constructor(dialect: Dialect, writer: PageWriter, limit: number) {
    this.#writer = writer;
    this.#signs = dialects[dialect];
    this.#limit = limit;
    this.#longest = Math.min(1000, Math.floor(limit * 0.4));
    this.#longestRow = this.#signs.tables ? Math.min(4000, Math.floor(limit / 2)) : 4000;
    this.#inline = new Inline(dialect, this.#longest, (...word) => writer.word(...word));
    this.#code = new CodeLine(this.#signs, this.#longest, (...word) => writer.word(...word));
  }

  /** Characters taken in that no page shows yet. */
  get held(): number {
    return this.#buffer.length + (this.#header?.length ?? 0) + this.#inline.held + this.#code.held;
  }

  /** What is shown after the last page's text: a table that may still be laid out anew. */
  get draft(): Draft | undefined {
    return this.#table?.draft;
  }

  /** Makes the draft a part of the page, as it is. */
  commitDraft(): void {
    this.#table?.commit();
  }

  push(text: string): void {
    for (const char of text) {
      if (char === '\n') this.#endLine();
      else if (this.#mode === 'text') this.#pushText(char);
      else if (this.#mode === 'code') this.#code.push(char);
      else this.#pushSign(char);
    }
    joined(this.#lastLine);
  }

  end(): void {
    this.#endLine();
    if (this.#header !== undefined) this.#headerIsText();
    this.#endLeaf();
  }

  #pushText(char: string): void {
    this.#inline.push(char);
    if (this.#lastLine.length < this.#longest) this.#lastLine += char;
  }

  #pushSign(char: string): void {
    this.#buffer += char;
    const { length } = this.#buffer;
    if (this.#mode === 'start') {
      const plain = length === 1 && this.#open.length === 0 && this.#leaf.kind === 'text' && !SIGN.test(char);
      if (plain && this.#header === undefined) this.#startText('line', char);
      else this.#read(length > LONGEST_SIGNS);
    } else if (this.#mode === 'row') {
      if (length > this.#longestRow) this.#rowIsText();
    } else if (length > this.#longest) this.#read(true);
  }

  #endLine(): void {
    switch (this.#mode) {
      case 'text':
        this.#hardBreak = this.#inline.endLine();
        if (this.#leaf.kind !== 'text') this.#endText();
        break;
      case 'code':
        this.#endCodeLine();
        break;
      case 'row':
        this.#endRow();
        break;
      default:
        this.#read(true);
        if (this.#mode !== 'start') this.#endLine();
    }
    this.#mode = 'start';
  }

  /** Tries to tell what the line in the buffer is. */
  #read(complete: boolean): void {
    const start = readLineStart(this.#buffer, complete, {
      open: this.#open,
      leaf: this.#leaf,
      headed: this.#header !== undefined || (this.#leaf.kind === 'text' && this.#lastLine.includes('|')),
      deepest: Math.min(10, Math.floor(this.#limit / 150)),
      bullet: this.#signs.bullet,
    });
    if (start === 'more') this.#mode = 'start';
    else if (start === 'line') this.#mode = 'line';
    else if (this.#header !== undefined && start.kind !== 'delimiter') {
      const line = this.#buffer;
      this.#headerIsText();
      this.#buffer = line;
      this.#read(complete);
    } else {
      this.#mode = 'start';
      this.#buffer = '';
      this.#begin(start);
    }
  }

  #begin({ kind, matched, opened, rest, size, sign, indent, task }: LineStart): void {
    if (kind === 'blank') {
      this.#blank(matched, opened);
      return;
    }
    const inBlocks = matched === this.#open.length && opened.length === 0;
    /** A line may go on with a paragraph without the signs of the blocks it is in. */
    const lazy = this.#leaf.kind === 'text' && opened.length === 0 && (kind === 'text' || kind === 'row');
    if (!inBlocks && !lazy) {
      this.#endLeaf();
      this.#open = [...this.#open.slice(0, matched), ...opened];
    }
    const boundary = this.#boundary(opened.at(-1)?.kind === 'item' ? 'item' : 'line');
    switch (kind) {
      case 'text':
        if (this.#leaf.kind === 'table') this.#startRow(rest, boundary);
        else this.#startText(boundary, rest, task);
        break;
      case 'row':
        if (inBlocks || !lazy) this.#startRow(rest, boundary);
        else this.#startText(boundary, rest);
        break;
      case 'delimiter':
        this.#startTable(rest);
        break;
      case 'heading':
        this.#startHeading(size, rest);
        break;
      case 'fence':
        this.#startFrame({ kind, sign, length: size, indent }, this.#signs.fence(sign, size, rest));
        break;
      case 'formula':
        this.#startFrame({ kind, close: sign === '$' ? '$$' : '\\]' }, this.#signs.fence('`', 3, 'latex'));
        this.#startCode(rest);
        break;
      case 'indented':
        if (this.#leaf.kind !== kind)
          this.#startFrame({ kind }, this.#signs.indented.frame, this.#signs.indented.indent);
        this.#startCode(rest);
        break;
      case 'code':
        this.#startCode(rest);
        break;
      case 'fence-end':
        if (this.#codeLines === 0) {
          this.#startCode('');
          this.#endCodeLine();
        }
        this.#endLeaf();
        break;
      case 'break':
        this.#endLeaf();
        this.#line(this.#boundary('block'));
        // `- ---` would be one break, not an item with a break in it, should a page begin here.
        this.#writer.sign(this.#signs.rule(this.#open.at(-1)?.first[0] === sign ? '___' : rest));
        break;
      case 'underline':
        this.#endLeaf();
        this.#line('glued');
        this.#writer.sign(this.#signs.rule(rest.slice(0, 3)));
        this.#afterHeading = true;
        break;
    }
  }

  /** The best place to end a page that the start of this line is, or `least`. */
  #boundary(least: Boundary): Boundary {
    if (this.#afterHeading) return 'glued';
    return this.#blanks > 0 && least !== 'section' ? 'block' : least;
  }

  #line(boundary: Boundary, containers: readonly Container[] = this.#open): void {
    this.#writer.line(containers, boundary, Math.min(this.#blanks, 1));
    this.#blanks = 0;
    this.#afterHeading = false;
  }

  #blank(matched: number, opened: readonly Block[]): void {
    const inBlocks = matched === this.#open.length && opened.length === 0;
    if (!inBlocks || this.#leaf.kind !== 'indented') this.#endLeaf();
    if (!inBlocks) this.#open = [...this.#open.slice(0, matched), ...opened];
    if (opened.length === 0) this.#blanks++;
  }

  #endLeaf(): void {
    switch (this.#leaf.kind) {
      case 'text':
        this.#endText();
        break;
      case 'table':
        this.#table?.end();
        this.#table = undefined;
        break;
      case 'fence':
      case 'formula':
      case 'indented':
        this.#writer.close();
        this.#codeLines = 0;
        this.#afterBlankCode = false;
        break;
    }
    this.#leaf = { kind: 'none' };
    this.#lastLine = '';
  }

  // Text

  #startText(boundary: Boundary, rest: string, task = ''): void {
    if (this.#leaf.kind === 'text')
      this.#writer.line(this.#open, boundary, 0, this.#hardBreak ? 'hard' : 'soft');
    else {
      this.#endLeaf();
      this.#leaf = { kind: 'text' };
      this.#line(boundary);
    }
    this.#mode = 'text';
    this.#buffer = '';
    this.#lastLine = '';
    this.#inline.startLine();
    if (task) this.#writer.word('', this.#signs.task(task));
    for (const char of task ? ` ${rest}` : rest) this.#pushText(char);
  }

  #startHeading(level: number, rest: string): void {
    this.#endLeaf();
    const signs = this.#signs.heading(level);
    const prefix = { first: `${signs} `, next: `${signs} ` };
    this.#line(this.#boundary('section'), signs ? [...this.#open, prefix] : this.#open);
    this.#afterHeading = true;
    this.#mode = 'text';
    this.#inline.startLine({ bold: !signs });
    for (const char of rest) this.#inline.push(char);
  }

  #endText(): void {
    this.#inline.endBlock();
    this.#writer.endMarks();
  }

  // Code

  #startFrame(leaf: Leaf, frame: { open: readonly string[]; close?: string }, indent = ''): void {
    this.#endLeaf();
    this.#leaf = leaf;
    this.#codeIn = indent ? [...this.#open, { first: indent, next: indent }] : this.#open;
    this.#writer.open(frame);
  }

  #startCode(rest: string): void {
    const first = this.#codeLines++ === 0;
    if (first) this.#line(this.#boundary('section'), this.#codeIn);
    else {
      const afterBlank = this.#afterBlankCode || this.#blanks > 0;
      this.#writer.line(this.#codeIn, afterBlank ? 'block' : 'line', this.#blanks);
      this.#blanks = 0;
    }
    this.#mode = 'code';
    for (const char of rest) this.#code.push(char);
  }

  #endCodeLine(): void {
    const line = this.#code.end().trim();
    if (line === '') this.#writer.word('', '');
    this.#afterBlankCode = line === '';
    if (this.#leaf.kind === 'formula') {
      const { close } = this.#leaf;
      if (line.endsWith(close) && (this.#codeLines > 1 || line.length > close.length + 1)) this.#endLeaf();
    }
  }

  // Tables

  #startRow(rest: string, boundary: Boundary): void {
    this.#mode = 'row';
    this.#buffer = rest;
    this.#rowBoundary = boundary;
  }

  #endRow(): void {
    const row = this.#buffer;
    this.#buffer = '';
    if (this.#table) this.#table.add(row);
    else this.#header = row;
  }

  /** A row too long to wait for. */
  #rowIsText(): void {
    this.#startText(this.#rowBoundary, this.#buffer);
  }

  #headerIsText(): void {
    const row = this.#header!;
    this.#header = undefined;
    this.#startText(this.#rowBoundary, row);
    this.#endLine();
  }

  #startTable(delimiterRow: string): void {
    const header = this.#header ?? this.#lastLine;
    const head = readHead(header, delimiterRow);
    const fits = !this.#signs.tables || head[0].length + head[1].length < this.#limit / 3;
    if (!fits || readRow(header).length !== readRow(delimiterRow).length) {
      if (this.#header !== undefined) this.#headerIsText();
      this.#startText('line', delimiterRow);
      return;
    }
    const shown = this.#header === undefined;
    this.#header = undefined;
    this.#endLeaf();
    this.#leaf = { kind: 'table' };
    this.#line(shown ? 'glued' : this.#boundary('section'));
    const [writer, open, inline] = [this.#writer, this.#open, this.#inline];
    this.#table = this.#signs.tables
      ? new NativeTable(writer, open, head, { shown, inline, longest: Math.floor(this.#limit / 2) })
      : new AlignedTable(writer, open, { header, delimiterRow }, inline);
  }
}
