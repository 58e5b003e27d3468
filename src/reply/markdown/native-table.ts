/** A table where the platform has tables: rows as they are, the header again on each page. */
import { type Inline, inlineText } from './inline.ts';
import type { Container, PageWriter } from './page-writer.ts';
import type { Table } from './table.ts';

/** The lines of a header as they are written. */
export function readHead(header: string, delimiterRow: string): readonly [string, string] {
  return [inlineText(header, 'slack'), delimiterRow.trim()];
}

export class NativeTable implements Table {
  readonly draft = undefined;
  readonly #writer: PageWriter;
  readonly #open: readonly Container[];
  readonly #inline: Inline;
  readonly #longest: number;

  /**
   * `shown`: the header's first line stands on the page already. `longest`: characters of a row up to
   * which it stays whole. The line before the table must have been begun.
   */
  constructor(
    writer: PageWriter,
    open: readonly Container[],
    head: readonly [string, string],
    { shown, longest, inline }: { shown: boolean; longest: number; inline: Inline },
  ) {
    this.#writer = writer;
    this.#open = open;
    this.#inline = inline;
    this.#longest = longest;
    if (!shown) {
      if (!writer.fits({ frame: { open: head }, lines: [] })) writer.settle();
      writer.sign(head[0]);
      writer.line(open, 'glued', 0);
    }
    writer.sign(head[1]);
    writer.open({ open: head }, true);
  }

  add(row: string): void {
    this.#writer.line(this.#open, 'line', 0);
    const whole = inlineText(row, 'slack');
    if (whole.length <= this.#longest) this.#writer.word('', whole);
    else this.#inline.line(row);
  }

  commit(): void {}

  end(): void {
    this.#writer.close();
  }
}
