/** A table where the platform has tables: rows as they are, the header again on each page. */
import { inlineText } from './inline.ts';
import type { Container, PageWriter } from './page-writer.ts';
import type { Table } from './table.ts';

export class NativeTable implements Table {
  readonly draft = undefined;
  readonly #writer: PageWriter;
  readonly #open: readonly Container[];

  /** `shown`: the header stands on the page already. The line before the table must have been begun. */
  constructor(
    writer: PageWriter,
    open: readonly Container[],
    { header, delimiterRow, shown }: { header: string; delimiterRow: string; shown: boolean },
    limit: number,
  ) {
    this.#writer = writer;
    this.#open = open;
    const head = [inlineText(header, 'slack'), delimiterRow.trim()];
    if (!shown) {
      if (!writer.fits({ frame: { open: head }, lines: [] })) writer.settle();
      writer.sign(head[0]!);
      writer.line(open, 'glued', 0);
    }
    writer.sign(head[1]!);
    writer.open({ open: head.join('\n').length < limit / 3 ? head : [] }, true);
  }

  add(row: string): void {
    this.#writer.line(this.#open, 'line', 0);
    this.#writer.word('', inlineText(row, 'slack'));
  }

  commit(): void {}

  end(): void {
    this.#writer.close();
  }
}
