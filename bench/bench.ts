/** What every bench gives; bench/main.ts prints it. */
export interface Goal {
  readonly name: string;
  /** What we hold ourselves to, in words: "at most 1.15 × the best". */
  readonly goal: string;
  /** What this run measured, in the same unit. */
  readonly figure: string;
  readonly ok: boolean;
}

/** A line of a table, by column. */
export type Row = Readonly<Record<string, string | number>>;

export interface Result {
  /** Rows of a table; the first row's keys are the columns. */
  readonly rows: readonly Row[];
  /** A second table, of other columns. */
  readonly more?: readonly Row[];
  readonly goals: readonly Goal[];
  /** Drawings by file name (SVG); `--save` puts them into bench/results/. */
  readonly drawings?: Readonly<Record<string, string>>;
}

/** The value below which the share `p` (0 to 1) of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN;
}
