import type { DatabaseSync } from 'node:sqlite';
import type { LimitStore, Person, Spender } from '../limit-store.ts';

/** The limits' tables in the SQLite file. One process writes it, so nobody comes between two statements. */
export class SqliteLimitStore implements LimitStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  async count(
    { platform, id }: Person,
    now: number,
    { most, windowMs }: { most: number; windowMs: number },
  ): Promise<number | null> {
    this.#db.prepare('DELETE FROM asked WHERE at <= ? OR at > ?').run(now - windowMs, now + windowMs);
    const recent = this.#db
      .prepare('SELECT at FROM asked WHERE platform = ? AND person = ? ORDER BY at DESC LIMIT ?')
      .all(platform, id, most) as { at: number }[];
    if (recent.length === most) return recent.at(-1)!.at;
    this.#db.prepare('INSERT INTO asked (platform, person, at) VALUES (?, ?, ?)').run(platform, id, now);
    return null;
  }

  async spend(day: string, { person, workspace }: Spender, microUsd: number): Promise<void> {
    this.#db
      .prepare(
        `INSERT INTO spent (day, platform, workspace, person, micro_usd) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd`,
      )
      .run(day, person.platform, workspace, person.id, Math.round(microUsd));
    this.#db.prepare("DELETE FROM spent WHERE day < date(?, '-1 day')").run(day);
  }

  async spent(day: string, { person, workspace }: Spender) {
    return this.#db
      .prepare(
        `SELECT coalesce(sum(micro_usd) FILTER (WHERE person = ?), 0) AS byPerson,
           coalesce(sum(micro_usd) FILTER (WHERE workspace = ?), 0) AS inWorkspace
         FROM spent WHERE day = ? AND platform = ?`,
      )
      .get(person.id, workspace, day, person.platform) as { byPerson: number; inWorkspace: number };
  }

  async waiting(conversationId: number) {
    return this.#db
      .prepare(
        `SELECT count(*) AS "all", count(*) FILTER (WHERE conversation_id = ?) AS here
         FROM turns WHERE state IN ('queued', 'running')`,
      )
      .get(conversationId) as { here: number; all: number };
  }
}
