import type { Budget, SeenLimit } from './surface.ts';

/** Counts the writes of all processes that share budgets, for a pacer that is not alone. */
export interface Ledger {
  /** Asks for one write on all of these budgets. Rejects when the other processes cannot be asked. */
  reserve(budgets: readonly Budget[]): Promise<Slot | Full>;
}

/** The write may start. */
export interface Slot {
  readonly full: false;
  /** What is left of each budget, others' writes counted. */
  readonly seen: readonly SeenLimit[];
  /** The write was answered, or its answer is lost: it counts from now for a whole window. */
  answered(): void;
  /** The write was not sent after all: it does not count. */
  giveBack(): void;
}

/** Others have used up a budget. */
export interface Full {
  readonly full: true;
  readonly budgets: readonly { readonly id: string; readonly retryAfterMs: number }[];
}
