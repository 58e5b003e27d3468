import { neutralise } from '../reply/pages.ts';
import type { Dialect } from '../reply/surface.ts';

/** How much of the latest thought stands in a line that people read while it changes, characters. */
const SHOWN = 150;
/** Kept of the thought, so that marks and spaces that are left out do not shorten the line, characters. */
const KEPT = 4 * SHOWN;

/** What the model thinks before it answers: counted, and its end kept. It is never part of the answer. */
export class Thought {
  #words = 0;
  #end = '';

  append(text: string): void {
    this.#words += text.split(/\s+/).length - 1;
    this.#end = (this.#end + text).slice(-KEPT);
  }

  get words(): number {
    return this.#words;
  }

  /** The end of the thought as one line of plain text: no Markdown, no mentions, beginning with a whole word. */
  latest(dialect: Dialect): string {
    const line = this.#end
      .toWellFormed()
      .replace(/[*_~`|\\[\]]+/g, '')
      .replace(/\s+/g, ' ')
      .trim();
    if (line.length <= SHOWN) return neutralise(line, dialect);
    const end = line.slice(-SHOWN).replace(/^(\S{0,40}\s|[\udc00-\udfff])/, '');
    return `…${neutralise(end, dialect)}`;
  }
}
