import type { DatabaseSync } from 'node:sqlite';
import type { AuditEntry, Usage, WarmState, WarmStore } from '../warm-store.ts';
import { inTransaction } from './transaction.ts';

interface AuditRow {
  at: number;
  origin: string | null;
  action: AuditEntry['action'];
  detail: string;
}

/** Warm mode's tables in the SQLite file. */
export class SqliteWarmStore implements WarmStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async load(): Promise<WarmState | null> {
    return this.#load();
  }

  async change(change: (state: WarmState) => WarmState, entry?: AuditEntry): Promise<WarmState> {
    return inTransaction(this.#db, () => {
      const before = this.#load() ?? {};
      const state = change(before);
      this.#db
        .prepare(
          'INSERT INTO warm_mode (id, state) VALUES (1, ?) ON CONFLICT DO UPDATE SET state = excluded.state',
        )
        .run(JSON.stringify(state));
      if (entry && state !== before) {
        const { at, origin, action, detail } = entry;
        this.#db
          .prepare('INSERT INTO warm_audit (at, origin, action, detail) VALUES (?, ?, ?, ?)')
          .run(at, origin && JSON.stringify(origin), action, detail);
      }
      return state;
    });
  }

  async audit(limit: number): Promise<readonly AuditEntry[]> {
    const rows = this.#db
      .prepare('SELECT at, origin, action, detail FROM warm_audit ORDER BY id DESC LIMIT ?')
      .all(limit) as unknown as AuditRow[];
    return rows.map(({ origin, ...row }) => ({
      ...row,
      origin: origin === null ? null : JSON.parse(origin),
    }));
  }

  async addUsage(day: string, usage: Partial<Usage>): Promise<void> {
    this.#db
      .prepare(
        `INSERT INTO gpu_days (day, container_ms, micro_usd, prewarms, prewarms_of_use) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET container_ms = container_ms + excluded.container_ms,
           micro_usd = micro_usd + excluded.micro_usd, prewarms = prewarms + excluded.prewarms,
           prewarms_of_use = prewarms_of_use + excluded.prewarms_of_use`,
      )
      .run(
        day,
        Math.round(usage.containerMs ?? 0),
        Math.round(usage.microUsd ?? 0),
        usage.prewarms ?? 0,
        usage.prewarmsOfUse ?? 0,
      );
  }

  async usage(prefix: string): Promise<Usage> {
    return this.#db
      .prepare(
        `SELECT coalesce(sum(container_ms), 0) AS containerMs, coalesce(sum(micro_usd), 0) AS microUsd,
           coalesce(sum(prewarms), 0) AS prewarms, coalesce(sum(prewarms_of_use), 0) AS prewarmsOfUse
         FROM gpu_days WHERE substr(day, 1, length(?1)) = ?1`,
      )
      .get(prefix) as unknown as Usage;
  }

  #load(): WarmState | null {
    const row = this.#db.prepare('SELECT state FROM warm_mode').get() as { state: string } | undefined;
    return row ? (JSON.parse(row.state) as WarmState) : null;
  }
}
