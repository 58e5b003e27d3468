import type { LimitStore, Person, Spender } from '../limit-store.ts';
import type { Statements } from './database.ts';

/** The limits' tables in Postgres. */
export class PostgresLimitStore implements LimitStore {
  readonly #database: Statements;

  constructor(database: Statements) {
    this.#database = database;
  }

  async count(
    { platform, id }: Person,
    now: number,
    { most, windowMs }: { most: number; windowMs: number },
  ): Promise<number | null> {
    return this.#database.transaction(async (query) => {
      // Two processes that count the same person do so one after the other.
      await query('SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))', [`asked ${platform}`, id]);
      // Of everybody, a few at a time; what another process counts or deletes at this moment is left to it.
      await query(
        `DELETE FROM asked WHERE id IN (
           SELECT id FROM asked WHERE at <= $1 ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED
         )`,
        [now - windowMs],
      );
      const recent = await query<{ at: number }>(
        `SELECT at FROM asked WHERE platform = $1 AND person = $2 AND at > $3 AND at <= $4
         ORDER BY at DESC LIMIT $5`,
        [platform, id, now - windowMs, now + windowMs, most],
      );
      if (recent.length === most) return recent.at(-1)!.at;
      await query('INSERT INTO asked (platform, person, at) VALUES ($1, $2, $3)', [platform, id, now]);
      return null;
    });
  }

  async spend(day: string, { person, workspace }: Spender, microUsd: number): Promise<void> {
    await this.#database.query(
      `INSERT INTO spent AS old (day, platform, workspace, person, micro_usd) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (day, platform, workspace, person)
       DO UPDATE SET micro_usd = old.micro_usd + excluded.micro_usd`,
      [day, person.platform, workspace, person.id, Math.round(microUsd)],
    );
    await this.#database.query('DELETE FROM spent WHERE day < ($1::date - 1)::text', [day]);
  }

  async spent(day: string, { person, workspace }: Spender) {
    const [sums] = await this.#database.query<{ byPerson: number; inWorkspace: number }>(
      `SELECT coalesce(sum(micro_usd) FILTER (WHERE person = $3), 0)::bigint AS "byPerson",
         coalesce(sum(micro_usd) FILTER (WHERE workspace = $4), 0)::bigint AS "inWorkspace"
       FROM spent WHERE day = $1 AND platform = $2`,
      [day, person.platform, person.id, workspace],
    );
    return sums!;
  }

  async waiting(conversationId: number) {
    const [counts] = await this.#database.query<{ here: number; all: number }>(
      `SELECT count(*) AS "all", count(*) FILTER (WHERE conversation_id = $1) AS here
       FROM turns WHERE state IN ('queued', 'running')`,
      [conversationId],
    );
    return counts!;
  }
}
