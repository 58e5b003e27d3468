import type { AuditEntry, Usage, WarmState, WarmStore } from '../warm-store.ts';
import type { Database } from './database.ts';

/** Warm mode's tables in Postgres. */
export class PostgresWarmStore implements WarmStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async load(): Promise<WarmState | null> {
    const [row] = await this.#database.query<{ state: WarmState }>('SELECT state FROM warm_mode');
    return row?.state ?? null;
  }

  async change(change: (state: WarmState) => WarmState, entry?: AuditEntry): Promise<WarmState> {
    return this.#database.transaction(async (query) => {
      // A row to lock, also the first time.
      await query("INSERT INTO warm_mode (id, state) VALUES (1, '{}') ON CONFLICT DO NOTHING");
      const [row] = await query<{ state: WarmState }>('SELECT state FROM warm_mode FOR UPDATE');
      const before = row?.state ?? {};
      const state = change(before);
      await query('UPDATE warm_mode SET state = $1', [JSON.stringify(state)]);
      if (entry && state !== before) {
        const { at, origin, action, detail } = entry;
        await query('INSERT INTO warm_audit (at, origin, action, detail) VALUES ($1, $2, $3, $4)', [
          at,
          origin && JSON.stringify(origin),
          action,
          detail,
        ]);
      }
      return state;
    });
  }

  async audit(limit: number): Promise<readonly AuditEntry[]> {
    const sql = 'SELECT at, origin, action, detail FROM warm_audit ORDER BY id DESC LIMIT $1';
    return this.#database.query<AuditEntry>(sql, [limit]);
  }

  async addUsage(day: string, usage: Partial<Usage>): Promise<void> {
    await this.#database.query(
      `INSERT INTO gpu_days AS old (day, container_ms, micro_usd, prewarms, prewarms_of_use) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (day) DO UPDATE SET container_ms = old.container_ms + excluded.container_ms,
         micro_usd = old.micro_usd + excluded.micro_usd, prewarms = old.prewarms + excluded.prewarms,
         prewarms_of_use = old.prewarms_of_use + excluded.prewarms_of_use`,
      [
        day,
        Math.round(usage.containerMs ?? 0),
        Math.round(usage.microUsd ?? 0),
        usage.prewarms ?? 0,
        usage.prewarmsOfUse ?? 0,
      ],
    );
  }

  async usage(prefix: string): Promise<Usage> {
    const [sums] = await this.#database.query<Usage>(
      `SELECT coalesce(sum(container_ms), 0)::bigint AS "containerMs", coalesce(sum(micro_usd), 0)::bigint AS "microUsd",
         coalesce(sum(prewarms), 0)::bigint AS prewarms, coalesce(sum(prewarms_of_use), 0)::bigint AS "prewarmsOfUse"
       FROM gpu_days WHERE starts_with(day, $1)`,
      [prefix],
    );
    return sums!;
  }
}
