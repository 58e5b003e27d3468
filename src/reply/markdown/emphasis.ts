/** Which `*`, `_` and `~~` are open, by CommonMark's rules for delimiter runs. */
import type { Mark } from './page-writer.ts';

interface Opener {
  readonly char: string;
  /** Signs of the run that are still open. */
  readonly open: number;
  readonly length: number;
  readonly closes: boolean;
}

/** More than anybody writes; keeps what must be closed at a page's end short. */
const DEEPEST = 12;

const isSpace = (char: string) => char === '' || /\s/.test(char);
const isPunctuation = (char: string) => /[\p{P}\p{S}]/u.test(char);

export class Emphasis {
  #openers: readonly Opener[] = [];
  #marks: readonly Mark[] = [];

  /** Open marks as written, outermost first. */
  get marks(): readonly Mark[] {
    return this.#marks;
  }

  clear(): void {
    this.#set([]);
  }

  /** A run of `length` equal signs between two characters ('' at a line's border). */
  run(char: string, length: number, before: string, after: string): void {
    const left = !isSpace(after) && (!isPunctuation(after) || isSpace(before) || isPunctuation(before));
    const right = !isSpace(before) && (!isPunctuation(before) || isSpace(after) || isPunctuation(after));
    const within = char === '_' && left && right;
    const opens = left && (!within || isPunctuation(before));
    const closes = right && (!within || isPunctuation(after));
    if (char === '~' && length !== 2) return;

    let openers = this.#openers;
    let rest = length;
    while (closes && rest > 0) {
      const at = openers.findLastIndex(
        (opener) =>
          opener.char === char &&
          !((opener.closes || opens) && (opener.length + length) % 3 === 0 && length % 3 !== 0),
      );
      const opener = openers[at];
      if (!opener) break;
      const used = Math.min(2, rest, opener.open);
      rest -= used;
      openers = openers.slice(0, at);
      if (opener.open > used) openers = [...openers, { ...opener, open: opener.open - used }];
    }
    if (opens && rest > 0 && openers.length < DEEPEST && rest <= 3) {
      openers = [...openers, { char, open: rest, length, closes }];
    }
    this.#set(openers);
  }

  #set(openers: readonly Opener[]): void {
    if (openers === this.#openers) return;
    this.#openers = openers;
    this.#marks = openers.map(({ char, open }) => char.repeat(open));
  }
}
