import type { Draft } from './page-writer.ts';

/** A table being written, row by row. */
export interface Table {
  /** The part that is shown but may still be laid out anew. */
  readonly draft: Draft | undefined;
  add(row: string): void;
  /** Makes the draft a part of the page. */
  commit(): void;
  end(): void;
}

export type Cells = readonly string[];

/** Splits a row at its pipes, except escaped ones. */
export function readRow(row: string): Cells {
  const inner = row
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim());
}
