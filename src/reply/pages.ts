/** A model's Markdown as it arrives → pages, each fit for one message. */
import { Blocks } from './markdown/blocks.ts';
import { PageWriter } from './markdown/page-writer.ts';
import type { Dialect } from './surface.ts';

export { neutralise } from './markdown/neutralise.ts';

export interface PageView {
  /** Markdown of the dialect, complete for display: open fences and inline marks are closed. */
  readonly text: string;
  /**
   * How `text` begins, without what may still change: closing marks, and a table being laid out. Only
   * ever grows, up to the whole text once the page is settled.
   */
  readonly source: string;
}

/**
 * Characters (UTF-16) of a page's text. Discord takes 2,000 a message, a footer and its line break
 * included; Slack 12,000 over all `markdown` blocks of a payload (facts of November 2026): what is left is
 * the footer's, and on Slack a margin for the blocks it makes of the text.
 */
export const pageLimits: Readonly<Record<Dialect, number>> = { discord: 1800, slack: 11_000 };

/** Under this there is no room for what a page must repeat of the one before it. */
const SMALLEST = 400;

/**
 * Text comes in by {@link append} and is read only by {@link view}, a character at a time and never again:
 * n characters cost O(n) however they are cut up.
 *
 * A view ends with a whole word (in scripts without spaces: a whole character), and never within a link,
 * an entity, a code span, a formula or a table's row. These are waited for.
 */
export class Pages {
  readonly #writer: PageWriter;
  readonly #blocks: Blocks;
  #unread = '';
  #taken = 0;
  #ended = false;
  #endRead = false;
  #afterReturn = false;

  /** `limit`: characters of a page's text. Throws a RangeError under 400. */
  constructor(dialect: Dialect, { limit = pageLimits[dialect] }: { limit?: number } = {}) {
    if (!(limit >= SMALLEST))
      throw new RangeError(`A page needs at least ${SMALLEST} characters, not ${limit}`);
    this.#writer = new PageWriter(limit);
    this.#blocks = new Blocks(dialect, this.#writer, limit);
  }

  /** Takes in the next piece of the model's text, cut anywhere. */
  append(chunk: string): void {
    if (this.#ended) return;
    this.#unread += chunk;
    this.#taken += chunk.length;
  }

  /** No more text will come: what is waited for is shown as it is. */
  end(): void {
    this.#ended = true;
  }

  /**
   * What should be on screen now; empty while there is no visible text. All pages but the last are
   * settled: they stay the same objects. The array is the same each time (a copy would cost O(n²) in the
   * end) and changes with the next view.
   */
  view(): readonly PageView[] {
    this.#read();
    return this.#writer.view(this.#blocks.draft);
  }

  /** Characters of model text taken in. */
  get length(): number {
    return this.#taken;
  }

  /** Characters of model text that the latest {@link view} shows. */
  get shown(): number {
    return this.#taken - this.#unread.length - this.#blocks.held;
  }

  /**
   * Freezes the last page as the latest {@link view} showed it: what comes later opens a new page, with
   * marks, fences, lists and quotes reopened. False when nothing is shown that could be frozen.
   */
  spill(): boolean {
    this.#blocks.commitDraft();
    return this.#writer.settle();
  }

  #read(): void {
    if (this.#unread !== '') {
      let text = this.#unread;
      this.#unread = '';
      const last = text.charCodeAt(text.length - 1);
      if (!this.#ended && last >= 0xd800 && last <= 0xdbff) {
        this.#unread = text.slice(-1);
        text = text.slice(0, -1);
      }
      if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
      this.#afterReturn = text === '' ? this.#afterReturn : text.endsWith('\r');
      if (/[\r\0]/.test(text)) text = text.replace(/\r\n?/g, '\n').replace(/\0/g, '\ufffd');
      this.#blocks.push(text.toWellFormed());
    }
    if (this.#ended && !this.#endRead) {
      this.#endRead = true;
      this.#blocks.end();
    }
  }
}
