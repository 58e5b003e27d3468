/** One line of code → words for the page writer, as it arrives. White space stays as it is. */
import type { Signs } from './dialects.ts';
import { cutPoint } from './words.ts';

/** White space longer than this is written at once, so that it can be split over pages. */
const LONGEST_SPACE = 200;

export class CodeLine {
  readonly #signs: Signs;
  readonly #longest: number;
  readonly #emit: (space: string, word: string) => void;
  #space = '';
  #word = '';
  /** The last character emitted, when the word that comes joins it. */
  #before = '';
  /** The line so far, for those who look for its end. */
  #line = '';

  constructor(signs: Signs, longest: number, emit: (space: string, word: string) => void) {
    this.#signs = signs;
    this.#longest = longest;
    this.#emit = emit;
  }

  get held(): number {
    return this.#space.length + this.#word.length;
  }

  push(char: string): void {
    if (this.#line.length < this.#longest) this.#line += char;
    if (char === ' ' || char === '\t') {
      this.#flush();
      this.#before = '';
      this.#space += char;
      if (this.#space.length > LONGEST_SPACE) this.#write('');
    } else {
      this.#word += char;
      if (this.#word.length >= this.#longest) this.#cut();
    }
  }

  /** Ends the line and tells what it was, up to the longest word's length. */
  end(): string {
    this.#flush();
    const line = this.#line;
    this.#line = this.#space = this.#before = '';
    return line;
  }

  #flush(): void {
    if (this.#word === '') return;
    const word = this.#word;
    this.#word = '';
    this.#write(word);
  }

  #write(word: string): void {
    this.#emit(this.#space, this.#signs.code(word, this.#before));
    this.#before = word.at(-1) ?? '';
    this.#space = '';
  }

  #cut(): void {
    const border = cutPoint(this.#word);
    const rest = this.#word.slice(border);
    this.#word = this.#word.slice(0, border);
    this.#flush();
    this.#word = rest;
  }
}
