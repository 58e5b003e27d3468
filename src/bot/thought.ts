import { neutralise } from '../reply/pages.ts';
import type { Dialect } from '../reply/surface.ts';

/** How much of the latest thought stands in a line that people read while it changes, characters. */
const SHOWN = 150;
/** Looked at for that line, so that marks and spaces that are left out do not shorten it, characters. */
const LOOKED_AT = 4 * SHOWN;
/** Kept of the thought for who asks to see it, characters. */
const KEPT = 20_000;
/** A message that only one person sees: Discord takes 2,000 characters; longer ones are hard to read in Slack, too. */
const UNFOLDED = 1_900;

/** What the model thinks before it answers: counted, and kept. It is never part of the answer. */
export class Thought {
  #words = 0;
  #text = '';

  append(text: string): void {
    this.#words += text.split(/\s+/).length - 1;
    this.#text += text;
    if (this.#text.length > 2 * KEPT) this.#text = this.#text.slice(-KEPT);
  }

  get words(): number {
    return this.#words;
  }

  /** The newest 20,000 characters of it. */
  get text(): string {
    return this.#text.slice(-KEPT).trim();
  }

  /** The end of the thought as one line of plain text: no Markdown, no mentions, beginning with a whole word. */
  latest(dialect: Dialect): string {
    const line = this.#text
      .slice(-LOOKED_AT)
      .toWellFormed()
      .replace(/[*_~`|\\[\]]+/g, '')
      .replace(/\s+/g, ' ')
      .trim();
    if (line.length <= SHOWN) return neutralise(line, dialect);
    const end = line.slice(-SHOWN).replace(/^(\S{0,40}\s|[\udc00-\udfff])/, '');
    return `…${neutralise(end, dialect)}`;
  }
}

/** A thought as plain text for one message: no Markdown, no mentions; its end where it is too long. */
export function unfolded(thought: string, dialect: Dialect): string {
  const text = neutralise(thought.toWellFormed().replace(/[*_~`|\\[\]]+/g, ''), dialect).trim();
  if (text.length <= UNFOLDED) return text;
  return `…${text.slice(-UNFOLDED).replace(/^(\S{0,40}\s|[\udc00-\udfff])/, '')}`;
}
