import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { marginMs } from '../reply/budget.ts';
import type { Full, Ledger, Slot } from '../reply/ledger.ts';
import type { Budget } from '../reply/surface.ts';
import type { Database } from '../store/postgres/database.ts';

/** A write without an answer counts this much longer than its window: its process may have died with it; ms. */
const UNANSWERED = 5_000;
/** Writes between two searches for what is left of budgets that nobody uses any more: each `/ask` has one of its own. */
const TIDY_EVERY = 1_000;

interface Row {
  readonly budget: string;
  readonly used: number;
  /** Null while there is room. */
  readonly wait: number | null;
}

/**
 * Edit budgets that several processes use together, kept strictly in Postgres and by its clock: a slot counts
 * from being taken until a whole window after the write was answered, as in a BudgetWindow. One round trip a
 * write (the function `take_slots` in the migrations), and one more behind it.
 */
export class PostgresBudgets implements Ledger {
  readonly #database: Database;
  readonly #log: Logger;
  #writes = 0;

  constructor({ database, log }: { database: Database; log: Logger }) {
    this.#database = database;
    this.#log = log;
  }

  async reserve(budgets: readonly Budget[]): Promise<Slot | Full> {
    const windows = budgets.map(strictly).sort((a, b) => (a.id < b.id ? -1 : 1));
    const ids = windows.map(({ id }) => id);
    const keeps = windows.map(({ keepMs }) => keepMs);
    const slot = randomUUID();
    this.#writes += 1;
    if (this.#writes % TIDY_EVERY === 0) this.#tidy();
    const rows = await this.#database.query<Row>('SELECT * FROM take_slots($1, $2, $3, $4, $5)', [
      slot,
      ids,
      windows.map(({ limit }) => limit),
      keeps,
      UNANSWERED,
    ]);
    const full = rows.filter(({ wait }) => wait !== null);
    if (full.length > 0) {
      return { full: true, budgets: full.map(({ budget, wait }) => ({ id: budget, retryAfterMs: wait! })) };
    }
    return {
      full: false,
      seen: rows.map(({ budget, used }, at) => ({
        budget,
        remaining: windows[at]!.limit - used,
        resetAfterMs: windows[at]!.keepMs,
      })),
      answered: () =>
        this.#later(
          `INSERT INTO slots (budget, id, until)
           SELECT kept.budget, $1, clock_timestamp() + kept.ms * interval '1 ms'
           FROM unnest($2::text[], $3::int[]) AS kept (budget, ms)
           ON CONFLICT (budget, id) DO UPDATE SET until = excluded.until`,
          [slot, ids, keeps],
        ),
      giveBack: () => this.#later('DELETE FROM slots WHERE budget = ANY ($2) AND id = $1', [slot, ids]),
    };
  }

  /** Waits for nobody who has some of them in hand. */
  #tidy(): void {
    this.#later(
      `DELETE FROM slots USING (
         SELECT budget, id FROM slots WHERE until <= clock_timestamp() FOR UPDATE SKIP LOCKED
       ) AS over WHERE slots.budget = over.budget AND slots.id = over.id`,
      [],
    );
  }

  /** Should it fail, a slot counts for longer than it must, or stays a bit longer. */
  #later(sql: string, values: readonly unknown[]): void {
    this.#database.query(sql, values).catch((error) => {
      this.#log.debug({ err: error }, 'cannot tidy up after a write');
    });
  }
}

/** A budget with a burst, read as at most that burst in any part of its window that refills it. */
function strictly({ id, limit, windowMs, burst = limit }: Budget): {
  id: string;
  limit: number;
  keepMs: number;
} {
  const window = (windowMs * Math.min(burst, limit)) / limit;
  return { id, limit: Math.min(burst, limit), keepMs: Math.ceil(window + marginMs(window)) };
}
