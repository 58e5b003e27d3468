/** Puts words on pages: knows limits and how to close and reopen what goes on over a page's end. */
import { joined } from '../growing-text.ts';
import type { PageView } from '../pages.ts';
import { GAP } from './neutralise.ts';

/** A list item, a quote or a heading around a line. */
export interface Container {
  /** Written where it begins on a page: `2. `, `> `, `## `. */
  readonly first: string;
  /** Written before its further lines. */
  readonly next: string;
}

/** A block that has lines of its own around it: fenced code, or a table with its header. */
export interface Frame {
  /** Written before the first line on each page. */
  readonly open: readonly string[];
  /** Written after the last line on each page; a table has none. */
  readonly close?: string;
}

/** A framed block that may still be laid out anew. */
export interface Draft {
  readonly frame: Frame;
  readonly lines: readonly string[];
}

/** An open inline mark as it is written: `**`, `` ` ``. */
export type Mark = string;

/**
 * How good a place the start of a line is to end the page before it. The fuller the page, the smaller a
 * boundary will do; so a page is never made shorter than it was shown.
 */
export type Boundary = 'glued' | 'line' | 'item' | 'block' | 'section';

/** A line that goes on with a paragraph after a soft or a hard break. */
export type GoesOn = 'soft' | 'hard';

/** Characters left on a page under which a line of this kind goes to the next one. */
const wantedRoom: Record<Boundary, number> = { glued: 0, line: 80, item: 120, block: 180, section: 300 };

/** What would start a block if a page break put it at the start of a line. */
const startsBlock = /^(?:#{1,6}$|[-+*]$|\d{1,9}[.)]$|>|\||`{3}|~{3}|[-=]+$|[*_]{3,}$|:?-+:?$|-#$)/;

export class PageWriter {
  readonly #limit: number;
  /** The settled pages, and the last one as it was viewed. */
  readonly #pages: PageView[] = [];
  #settled = 0;
  /** The last page so far, without what closes it. */
  #out = '';
  #containers: readonly Container[] = [];
  /** Those that have been begun on the last page. */
  #begun = new Set<Container>();
  #frame: Frame | undefined;
  #framed = false;
  #marks: readonly Mark[] = [];
  /** Set between a line's start and its first word. */
  #line:
    | { boundary: Boundary; blanks: number; within: readonly Container[]; goesOn: GoesOn | undefined }
    | undefined;
  /** True while the last page is as it was viewed, with this draft. */
  #viewed = false;
  #draft: Draft | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The pages settled so far and the last one, completed by `draft`. The same array each time. */
  view(draft?: Draft): readonly PageView[] {
    if (this.#viewed && this.#draft === draft) return this.#pages;
    this.#viewed = true;
    this.#draft = draft;
    this.#pages.length = this.#settled;
    const source = joined(this.#out);
    if (source === '' && !draft) return this.#pages;
    const text = source + (draft ? this.#framedText(draft) : this.#closing());
    this.#pages.push(Object.freeze({ text, source }));
    return this.#pages;
  }

  /** Begins a line within these containers; it is written with its first word. */
  line(containers: readonly Container[], boundary: Boundary, blanks: number, goesOn?: GoesOn): void {
    const before = this.#line?.within ?? this.#containers;
    const within = before.slice(0, before.findIndex((container, i) => container !== containers[i]) >>> 0);
    this.#containers = containers;
    this.#line = { boundary, blanks: blanks + (this.#line?.blanks ?? 0), within, goesOn };
  }

  /** Writes a word of text or code after `space`; `marks` are those open after it. */
  word(space: string, text: string, marks: readonly Mark[] = this.#marks): void {
    const withinText = this.#frame === undefined && (!this.#line || this.#line.goesOn !== undefined);
    this.#write(space, text, marks, withinText && startsBlock.test(text));
  }

  /** Writes what is a block by itself: a thematic break, an underline. */
  sign(text: string): void {
    this.#write('', text, [], false);
  }

  #write(space: string, text: string, marks: readonly Mark[], guarded: boolean): void {
    let lead = this.#lead(space, text, guarded);
    if (this.#out !== '') {
      const closing = this.#closing(marks, this.#frame, text).length;
      const room = this.#limit - this.#out.length - lead.length;
      if (room < Math.max(text.length + closing, this.#wanted())) {
        this.settle();
        lead = this.#lead(space, text, guarded);
      }
    }
    this.#out += lead + text;
    this.#marks = marks;
    this.#framed = this.#frame !== undefined;
    for (const container of this.#containers) this.#begun.add(container);
    this.#line = undefined;
    this.#viewed = false;
  }

  #wanted(): number {
    return this.#line ? Math.min(wantedRoom[this.#line.boundary], this.#limit / 6) : 0;
  }

  /** Puts what follows in a frame; `begun` when its opening lines stand on the page already. */
  open(frame: Frame, begun = false): void {
    this.#frame = frame;
    this.#framed = begun;
    this.endMarks();
  }

  /** Ends the frame. */
  close(): void {
    if (this.#framed) this.#out += this.#closing();
    this.#frame = undefined;
    this.#framed = false;
    this.#viewed = false;
  }

  /** Forgets open marks: those still open at a block's end were none. */
  endMarks(): void {
    if (this.#marks.length > 0) this.#viewed = false;
    this.#marks = [];
  }

  /** Whether a whole framed block has room on the last page, at the line begun. */
  fits(draft: Draft): boolean {
    const wanted = this.#out === '' ? 0 : this.#wanted();
    return this.#out.length + Math.max(this.#framedText(draft).length, wanted) <= this.#limit;
  }

  /** Freezes the last page; what comes goes to a new one. False when the last page is empty. */
  settle(): boolean {
    if (this.#out === '') return false;
    const text = joined(this.#out + this.#closing());
    this.#pages[this.#settled++] = Object.freeze({ text, source: text });
    this.#viewed = false;
    this.#out = '';
    this.#begun = new Set();
    this.#framed = false;
    return true;
  }

  /** What has to stand before the next word. */
  #lead(space: string, text: string, guarded: boolean): string {
    const fresh = this.#out === '';
    const frame = this.#frame && !this.#framed ? this.#frame.open : [];
    if (!fresh && !this.#line) return space;
    const next = this.#containers.map((container) => container.next).join('');
    let prefix = this.#prefix();
    let lead = fresh ? '' : this.#separator();
    for (const line of frame) {
      lead += `${prefix}${line}\n`;
      prefix = next;
    }
    if (!fresh) return lead + prefix + (this.#frame ? space : '');
    if (this.#frame) return lead + prefix + space;
    const marks = this.#marks.join('');
    const glued = this.#marks.at(-1)?.startsWith('`') && text.startsWith('`') ? ' ' : '';
    return lead + prefix + marks + glued + (guarded && marks === '' ? GAP : '');
  }

  #prefix(): string {
    return this.#containers.map((each) => (this.#begun.has(each) ? each.next : each.first)).join('');
  }

  #separator(): string {
    const { blanks, within, goesOn } = this.#line!;
    const blank = `\n${within
      .map((container) => container.next)
      .join('')
      .trimEnd()}`;
    return `${goesOn === 'hard' ? '  ' : ''}${blank.repeat(blanks)}\n`;
  }

  #closing(
    marks: readonly Mark[] = this.#marks,
    frame = this.#framed ? this.#frame : undefined,
    after = this.#out,
  ): string {
    if (frame?.close) return `\n${this.#containers.map((each) => each.next).join('')}${frame.close}`;
    if (frame || marks.length === 0) return '';
    const closing = marks.toReversed().join('');
    return closing.startsWith('`') && after.endsWith('`') ? ` ${closing}` : closing;
  }

  #framedText({ frame, lines }: Draft): string {
    const next = this.#containers.map((container) => container.next).join('');
    const all = frame.close ? [...frame.open, ...lines, frame.close] : [...frame.open, ...lines];
    const lead = this.#out === '' ? '' : this.#separator();
    return lead + this.#prefix() + all.join(`\n${next}`);
  }
}
