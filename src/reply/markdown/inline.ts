/** One line of text → words for the page writer, as it arrives. Links, code and formulas stay whole. */
import type { Dialect } from '../surface.ts';
import { Emphasis } from './emphasis.ts';
import { endOfCode, honesty, readLink } from './links.ts';
import { GAP, neutralise } from './neutralise.ts';
import type { Mark } from './page-writer.ts';
import { cutPoint, wordEndsBetween } from './words.ts';

/** Takes a word, the white space before it, and the marks open after it. */
export type EmitWord = (space: string, word: string, marks: readonly Mark[]) => void;

/** A code span or a formula is waited for this long (characters); a longer code span is shown as it grows. */
const LONGEST_SPAN = 240;
const LONGEST_RUN = 40;
/** White space within a line; more of it shows nothing. */
const LONGEST_SPACE = 100;

export class Inline {
  readonly #dialect: Dialect;
  readonly #longest: number;
  readonly #emit: EmitWord;
  readonly #emphasis = new Emphasis();
  /** Text of this line that is not yet part of a word, or that a decision waits for. */
  #text = '';
  #at = 0;
  /** While waiting: only these signs can end it ('': any), or more text than this. */
  #until = '';
  #patience = 0;
  #space = '';
  #word = '';
  /** The model's characters in #word. */
  #taken = 0;
  /** The backticks that a long code span began with. */
  #code = '';
  /** A bold line, for headings the dialect lacks: its own bold marks would end it. */
  #bold = false;
  /** True until the first `]` of a line that begins with `[`: could be a definition, which shows nothing. */
  #definition = false;
  /** The character before #at, for emphasis. */
  #before = '';

  /** `longest`: characters of a link or a word up to which it stays whole. */
  constructor(dialect: Dialect, longest: number, emit: EmitWord) {
    this.#dialect = dialect;
    this.#longest = longest;
    this.#emit = emit;
  }

  /** Characters taken in and not emitted yet. */
  get held(): number {
    return this.#space.length + this.#taken + this.#text.length - this.#at;
  }

  /** Begins a line; it goes on with the paragraph unless {@link endBlock} came before. */
  startLine({ bold = false } = {}): void {
    this.#before = '';
    this.#definition = true;
    this.#bold = bold;
    if (bold) this.#word = '**';
  }

  push(char: string): void {
    this.#text += char;
    if (this.#until.includes(char) || this.#until === '' || this.#text.length > this.#patience)
      this.#scan(false);
  }

  /** True when the line ends with Markdown's hard break, two spaces. */
  endLine(): boolean {
    this.#scan(true);
    if (this.#code) this.#endCode();
    if (this.#bold) this.#endBold();
    this.#flush();
    const hard = this.#space.endsWith('  ');
    this.#space = '';
    this.#text = '';
    this.#at = 0;
    this.#taken = 0;
    return hard;
  }

  /** Writes a whole line that is a block by itself. */
  line(text: string): void {
    this.startLine();
    for (const char of text) this.push(char);
    this.endLine();
    this.endBlock();
  }

  endBlock(): void {
    this.#emphasis.clear();
  }

  #scan(complete: boolean): void {
    this.#until = '';
    while (this.#at < this.#text.length && this.#step(complete)) {}
    if (this.#at > 0) {
      this.#text = this.#text.slice(this.#at);
      this.#at = 0;
    }
  }

  /** Takes one piece. False when it takes more text to tell what it is. */
  #step(complete: boolean): boolean {
    const text = this.#text;
    const char = text[this.#at]!;
    if (this.#code) return this.#stepCode(complete);
    if (char === ' ' || char === '\t') return this.#takeSpace(char);
    switch (char) {
      case '\\':
        return this.#escape(complete);
      case '`':
        return this.#codeSpan(complete);
      case '[':
        return this.#link(this.#at, complete);
      case '!':
        if (text[this.#at + 1] === '[') return this.#link(this.#at + 1, complete);
        return this.#more(1, complete) && this.#take(1);
      case ']':
        return this.#bracket(complete);
      case '<':
        return this.#angle(complete);
      case '$':
        return this.#dollar(complete);
      case '*':
      case '_':
      case '~':
        return this.#delimiters(char, complete);
      default:
        return this.#plain(char);
    }
  }

  /** How often `char` stands here in a row; nobody means anything by a longer run than counted. */
  #run(char: string): number {
    let length = 1;
    while (length < LONGEST_RUN && this.#text[this.#at + length] === char) length++;
    return length;
  }

  /** True when `count` more characters follow the current one, or none will ever. */
  #more(count: number, complete: boolean): boolean {
    return complete || count === LONGEST_RUN || this.#at + count < this.#text.length;
  }

  /** Moves the next `length` characters into the word, written as `as`. */
  #take(length: number, as = this.#text.slice(this.#at, this.#at + length)): true {
    this.#word += as;
    this.#taken += length;
    this.#at += length;
    this.#before = this.#text[this.#at - 1]!;
    if (this.#word.length > this.#longest) this.#cut();
    return true;
  }

  #takeSpace(char: string): true {
    this.#flush();
    if (this.#space.length < LONGEST_SPACE) this.#space += char;
    this.#before = char;
    this.#at++;
    return true;
  }

  /** Waits for one of these signs, for at most so many characters. */
  #wait(until: string, patience: number): false {
    this.#until = until;
    this.#patience = patience;
    return false;
  }

  #plain(char: string): true {
    // What `<` began may be a masked link of Slack's until a space comes.
    if (wordEndsBetween(this.#word.at(-1), char) && !/[<&]/.test(this.#word)) this.#flush();
    return this.#take(1);
  }

  #escape(complete: boolean): boolean {
    if (!this.#more(1, complete)) return false;
    const next = this.#text[this.#at + 1];
    if (next === '(' || next === '[')
      return this.#formula(`\\${next}`, next === '(' ? '\\)' : '\\]', complete);
    return this.#take(next === undefined || /[\p{L}\p{N}\s]/u.test(next) ? 1 : 2);
  }

  #dollar(complete: boolean): boolean {
    if (!this.#more(1, complete)) return false;
    const next = this.#text[this.#at + 1];
    if (next === '$') return this.#formula('$$', '$$', complete);
    if (next === undefined || /[\s\d]/.test(next) || /[\p{L}\p{N}\\]/u.test(this.#before))
      return this.#take(1);
    return this.#formula('$', '$', complete);
  }

  /** A formula is written as code, so that its `_`, `*` and `\` stay readable. */
  #formula(open: string, close: string, complete: boolean): boolean {
    const from = this.#at + open.length;
    const found = this.#text.indexOf(close, from + 1);
    if (found < 0) {
      if (complete || this.#text.length - this.#at > LONGEST_SPAN) return this.#take(open.length);
      return this.#wait(close.at(-1)!, LONGEST_SPAN);
    }
    const content = this.#text.slice(from, found);
    const end = found + close.length;
    if (!isFormula(open, content)) return this.#take(open.length);
    return this.#take(end - this.#at, `\`${this.#text.slice(this.#at, end)}\``);
  }

  #codeSpan(complete: boolean): boolean {
    const ticks = this.#run('`');
    if (!this.#more(ticks, complete)) return false;
    const end = endOfCode(this.#text, this.#at);
    // A run at the very end may still grow, and then it is another run.
    if (end > 0 && (complete || end < this.#text.length)) return this.#take(end - this.#at);
    if (complete) return this.#take(ticks, '\\`'.repeat(ticks));
    if (end < 0 && this.#text.length - this.#at > LONGEST_SPAN) {
      this.#code = '`'.repeat(ticks);
      return this.#take(ticks);
    }
    return end < 0 && this.#wait('`', LONGEST_SPAN);
  }

  /** Inside a code span too long to wait for. */
  #stepCode(complete: boolean): boolean {
    const char = this.#text[this.#at]!;
    if (char === ' ' || char === '\t') return this.#takeSpace(char);
    if (char !== '`') return this.#take(1);
    const ticks = this.#run('`');
    if (!this.#more(ticks, complete)) return false;
    if (ticks === this.#code.length) this.#code = '';
    return this.#take(ticks);
  }

  #endBold(): void {
    this.#bold = false;
    if (/^#+$/.test(this.#word)) this.#word = '';
    if (this.#word === '') this.#space = '';
    this.#word = this.#word === '**' ? '' : `${this.#word}**`;
  }

  #endCode(): void {
    this.#word += (this.#word.endsWith('`') ? ' ' : '') + this.#code;
    this.#code = '';
  }

  #link(bracket: number, complete: boolean): boolean {
    const over = complete || this.#text.length - this.#at > this.#longest;
    const link = readLink(this.#text, bracket, over);
    if (link === undefined) return !this.#text.endsWith(']') && this.#wait('])', this.#longest);
    const image = bracket > this.#at;
    if (link === null) return this.#take(image ? 2 : 1);
    const { text, address, end } = link;
    const claim = honesty(link);
    const length = end - this.#at;
    this.#definition = false;
    if (claim === 'other') return this.#take(length, `${text} (${address})`);
    if (claim === 'same' || text.trim() === '') return this.#take(length, address);
    return this.#take(
      length,
      this.#text.slice(image && this.#dialect === 'discord' ? bracket : this.#at, end),
    );
  }

  /** A bracket outside a link must not make one, nor a definition, which would vanish from sight. */
  #bracket(complete: boolean): boolean {
    if (!this.#more(1, complete)) return false;
    const next = this.#text[this.#at + 1];
    const breaks = next === '(' || (next === ':' && this.#definition);
    this.#definition = false;
    return this.#take(1, breaks ? `]${GAP}` : ']');
  }

  #angle(complete: boolean): boolean {
    const end = this.#text.slice(this.#at + 1).search(/[\s<>]/);
    if (end < 0 && !complete && this.#text.length - this.#at <= this.#longest)
      return this.#wait(' \t<>', this.#longest);
    const closed = end >= 0 && this.#text[this.#at + 1 + end] === '>';
    return this.#take(closed ? end + 2 : 1);
  }

  #delimiters(char: string, complete: boolean): boolean {
    const length = this.#run(char);
    if (!this.#more(length, complete)) return false;
    const written = this.#bold && char !== '~' ? length % 2 : length;
    if (written > 0) this.#emphasis.run(char, written, this.#before, this.#text[this.#at + length] ?? '');
    return this.#take(length, char.repeat(written));
  }

  #marks(): readonly Mark[] {
    const marks = this.#bold ? ['**', ...this.#emphasis.marks] : this.#emphasis.marks;
    return this.#code ? [...marks, this.#code] : marks;
  }

  #flush(): void {
    if (this.#word === '') return;
    this.#emit(this.#space, neutralise(this.#word, this.#dialect), this.#marks());
    this.#space = '';
    this.#word = '';
    this.#taken = 0;
  }

  /** Emits the front of a word without end. */
  #cut(): void {
    const border = cutPoint(this.#word);
    // What is too long to be told from a masked link of Slack's is not left to become one.
    const front = this.#word.slice(0, border).replace(/<(?=[a-z][a-z0-9+.-]*:[^\s<>|]*$)/i, `<${GAP}`);
    const rest = this.#word.slice(border);
    this.#word = front;
    this.#flush();
    this.#word = rest;
    this.#taken = rest.length;
  }
}

/** Prices and escaped brackets are none. */
function isFormula(open: string, content: string): boolean {
  if (content.includes('`')) return false;
  if (open === '$') return /\S$/.test(content) && /[\\^_{*]/.test(content);
  return open !== '\\[' || /[\\^_{}=+<>]/.test(content);
}

/** A whole line's text as its words would be written. */
export function inlineText(text: string, dialect: Dialect): string {
  let written = '';
  const inline = new Inline(dialect, Number.POSITIVE_INFINITY, (space, word) => {
    written += space + word;
  });
  inline.line(text);
  return written;
}
