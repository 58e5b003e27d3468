/**
 * A table where the platform has none: columns aligned in a code block, or, when that would be too wide
 * or would swallow links, a list of records. The part on the last page is a draft until it is complete,
 * for each row may still move the columns.
 */
import { dialects } from './dialects.ts';
import type { Inline } from './inline.ts';
import type { Container, Draft, PageWriter } from './page-writer.ts';
import { type Cells, readRow, type Table } from './table.ts';
import { width } from './width.ts';

/** Columns that a code block of Discord shows on a desktop without wrapping, with some room. */
const WIDEST = 64;
const BETWEEN = '  ';

const frame = { open: ['```'], close: '```' };

export class AlignedTable implements Table {
  readonly #writer: PageWriter;
  readonly #open: readonly Container[];
  readonly #inline: Inline;
  readonly #header: Cells;
  readonly #sides: readonly Side[];
  /** The header as it stands in a code block; `null`: the table is a list of records. */
  #plainHeader: Cells | null;
  #widths: readonly number[];
  /** The rows of the draft, as they came and as they are laid out. */
  #rows: { readonly cells: Cells; readonly plain: Cells }[] = [];
  #lines: string[] = [];
  #draft: Draft | undefined;

  /** The line before the table must have been begun. */
  constructor(
    writer: PageWriter,
    open: readonly Container[],
    { header, delimiterRow }: { header: string; delimiterRow: string },
    inline: Inline,
  ) {
    this.#writer = writer;
    this.#open = open;
    this.#inline = inline;
    this.#header = readRow(header);
    this.#sides = readRow(delimiterRow).map(side);
    this.#plainHeader = plainCells(this.#header);
    this.#widths = (this.#plainHeader ?? []).map(width);
    if (total(this.#widths) > WIDEST) this.#plainHeader = null;
    this.#layOut();
  }

  get draft(): Draft | undefined {
    return this.#draft;
  }

  add(row: string): void {
    const columns = this.#header.length;
    const read = readRow(row);
    const cells = this.#header.map((_, i) => (i < columns - 1 ? read[i] : read.slice(i).join(' | ')) ?? '');
    const plain = this.#plainHeader && plainCells(cells);
    const widths = plain && this.#widths.map((most, i) => Math.max(most, width(plain[i]!)));
    if (!plain || !widths || total(widths) > WIDEST) {
      this.#toRecords();
      this.#writeRecord(cells);
      return;
    }
    this.#append({ cells, plain }, widths);
    if (this.#writer.fits(this.#draft!)) return;
    // The part without this row is complete; this row begins the next page.
    this.#rows.pop();
    const before = this.#rows.length;
    this.#layOut();
    if (before > 0) this.commit();
    this.#writer.settle();
    this.#append({ cells, plain }, widths);
    if (this.#writer.fits(this.#draft!)) return;
    this.#toRecords();
  }

  commit(): void {
    if (!this.#draft) return;
    this.#writer.open(frame);
    for (const line of this.#draft.lines) {
      this.#writer.word('', line);
      this.#writer.line(this.#open, 'glued', 0);
    }
    this.#writer.close();
    this.#rows = [];
    this.#lines = [];
    this.#draft = undefined;
  }

  end(): void {
    this.commit();
  }

  #append(row: { cells: Cells; plain: Cells }, widths: readonly number[]): void {
    this.#rows.push(row);
    const moved = widths.some((each, i) => each !== this.#widths[i]);
    this.#widths = widths;
    if (moved || this.#lines.length === 0) this.#layOut();
    else {
      this.#lines.push(this.#line(row.plain));
      this.#draft = { frame, lines: this.#lines };
    }
  }

  #layOut(): void {
    if (!this.#plainHeader) return;
    const rule = this.#widths.map((each) => '─'.repeat(each)).join(BETWEEN);
    this.#lines = [this.#line(this.#plainHeader), rule, ...this.#rows.map(({ plain }) => this.#line(plain))];
    this.#draft = { frame, lines: this.#lines };
  }

  #line(cells: Cells): string {
    return cells
      .map((cell, i) => {
        const room = this.#widths[i]! - width(cell);
        const left = { left: 0, right: room, center: Math.floor(room / 2) }[this.#sides[i] ?? 'left'];
        return ' '.repeat(left) + cell + ' '.repeat(room - left);
      })
      .join(BETWEEN)
      .trimEnd();
  }

  #toRecords(): void {
    const rows = this.#rows;
    this.#rows = [];
    this.#draft = undefined;
    this.#plainHeader = null;
    for (const { cells } of rows) this.#writeRecord(cells);
  }

  /** A row as a list item, each cell on a line with its column's name. */
  #writeRecord(cells: Cells): void {
    const item = { first: '- ', next: '  ' };
    cells.forEach((cell, i) => {
      const name = (plainCells([this.#header[i]!])?.[0] ?? this.#header[i]!).replace(/\*/g, '');
      const text = cell.replace(/<br ?\/?>/gi, ' ').replace(/\\\|/g, '|');
      if (text === '') return;
      this.#writer.line([...this.#open, item], i === 0 ? 'item' : 'line', 0);
      this.#inline.line(name === '' ? text : `**${name}:** ${text}`);
      this.#writer.endMarks();
    });
  }
}

type Side = 'left' | 'right' | 'center';

function side(cell: string): Side {
  if (!cell.endsWith(':')) return 'left';
  return cell.startsWith(':') ? 'center' : 'right';
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each + BETWEEN.length, -BETWEEN.length);
}

/** Cells without their inline marks, which a code block would show; `null` when they hold links. */
function plainCells(cells: Cells): Cells | null {
  if (cells.some((cell) => /\]\(|https?:\/\//.test(cell))) return null;
  return cells.map((cell) =>
    dialects.discord.code(
      cell
        .replace(/<br ?\/?>/gi, ' ')
        .replace(/(\*\*|__|~~)(?=\S)(.*?\S)\1/g, '$2')
        .replace(/(?<![\w*\\])([*_])(?=[^\s*_])([^*_]*[^\s*_])\1(?![\w*])/g, '$2')
        .replace(/`+/g, '')
        .replace(/\\([\\|*_~<>[\]#-])/g, '$1'),
      '',
    ),
  );
}
