import type { Logger } from 'pino';
import type { AskedKey, ConversationKey, MessageKey, PlatformName, Question } from '../../question.ts';
import type { InstallationStore } from '../installation-store.ts';
import type { LimitStore } from '../limit-store.ts';
import {
  COLD_STARTS_KEPT,
  type Exchange,
  LostTurn,
  RECENT_QUESTIONS,
  type Store,
  type Transaction,
  type Turn,
  type TurnEnd,
  type TurnRun,
} from '../store.ts';
import type { WarmStore } from '../warm-store.ts';
import { Database, type Query, type Statements, within } from './database.ts';
import { PostgresInstallationStore } from './installation-store.ts';
import { PostgresLimitStore } from './limit-store.ts';
import { migrate } from './migrations.ts';
import { PostgresWarmStore } from './warm-store.ts';

/** A {@link Turn}, column by column. */
const TURN = `turns.id, turns.run, turns.attempt, conversation_id AS "conversationId", question, state, answer,
  asked_at AS "askedAt", ARRAY(SELECT shown.message FROM messages shown
    WHERE shown.turn_id = turns.id AND shown.attempt = turns.attempt ORDER BY page) AS messages`;

/** The store that several processes share. */
export class PostgresStore implements Store, Transaction {
  readonly database: Database;
  readonly query: Query;
  readonly warm: WarmStore;
  readonly limits: LimitStore;
  readonly installations: InstallationStore;
  /** The last write of each turn that writes now. */
  readonly #writing = new Map<number, Promise<unknown>>();

  constructor(database: Database, statements: Statements = database) {
    this.database = database;
    this.query = statements.query;
    this.warm = new PostgresWarmStore(database);
    this.limits = new PostgresLimitStore(statements);
    this.installations = new PostgresInstallationStore(database);
  }

  /** @throws OperatorError when the database cannot be used, in words that say what to do. */
  static async open(url: string, log: Logger): Promise<PostgresStore> {
    await migrate(url);
    return new PostgresStore(new Database(url, log));
  }

  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.database.transaction((query) => work(new PostgresStore(this.database, within(query))));
  }

  async accept(question: Question, now: number): Promise<Turn | null> {
    const { platform, workspace, channel, message, conversation } = question;
    // The no-op update locks the conversation, so that its turns' ids grow in the order of being stored.
    return this.#one<Turn>(
      `WITH conversation AS (
         INSERT INTO conversations AS old (platform, workspace, key) VALUES ($1, $2, $3)
         ON CONFLICT (platform, workspace, key) DO UPDATE SET cut = old.cut RETURNING id
       )
       INSERT INTO turns (conversation_id, platform, workspace, channel, message, question, asked_at)
       SELECT id, $1, $2, $4, $5, $6, $7 FROM conversation ON CONFLICT DO NOTHING RETURNING ${TURN}`,
      platform,
      workspace,
      conversation,
      channel,
      message,
      JSON.stringify(question),
      now,
    );
  }

  async isTaken({ platform, workspace, channel, message }: MessageKey): Promise<boolean> {
    const sql =
      'SELECT 1 FROM turns WHERE platform = $1 AND workspace = $2 AND channel = $3 AND message = $4';
    return (await this.#one(sql, platform, workspace, channel, message)) !== null;
  }

  async turn(id: number): Promise<Turn | null> {
    return this.#one<Turn>(`SELECT ${TURN} FROM turns WHERE id = $1`, id);
  }

  async turnShowing({ platform, channel, message }: MessageKey): Promise<Turn | null> {
    return this.#one<Turn>(
      `SELECT ${TURN} FROM messages JOIN turns ON turns.id = messages.turn_id
       WHERE messages.platform = $1 AND messages.channel = $2 AND messages.message = $3`,
      platform,
      channel,
      message,
    );
  }

  async unfinished(): Promise<readonly Turn[]> {
    return this.#all<Turn>(`SELECT ${TURN} FROM turns WHERE state IN ('queued', 'running') ORDER BY id`);
  }

  async waiting(conversationId: number): Promise<readonly number[]> {
    const sql = "SELECT id FROM turns WHERE conversation_id = $1 AND state = 'queued' ORDER BY id";
    return (await this.#all<{ id: number }>(sql, conversationId)).map(({ id }) => id);
  }

  async lastAsked(platform: PlatformName, since: number): Promise<readonly AskedKey[]> {
    return this.#all<AskedKey>(
      `SELECT turns.platform, turns.workspace, channel, message, key AS conversation
       FROM turns JOIN conversations ON conversations.id = conversation_id WHERE turns.id IN (
         SELECT max(id) FROM (
           SELECT * FROM turns ORDER BY id DESC LIMIT ${RECENT_QUESTIONS}
         ) AS recent WHERE platform = $1 AND asked_at >= $2 GROUP BY conversation_id
       ) ORDER BY turns.id DESC`,
      platform,
      since,
    );
  }

  async lastEnded(withinMs: number): Promise<readonly Turn[]> {
    const recent = `(SELECT * FROM turns ORDER BY id DESC LIMIT ${RECENT_QUESTIONS})`;
    return this.#all<Turn>(
      `SELECT ${TURN} FROM ${recent} AS turns
       WHERE ended_at > (SELECT max(ended_at) FROM ${recent} AS recent) - $1::bigint ORDER BY id`,
      withinMs,
    );
  }

  async isKnown({ platform, workspace, conversation }: ConversationKey): Promise<boolean> {
    const sql = 'SELECT 1 FROM conversations WHERE platform = $1 AND workspace = $2 AND key = $3';
    return (await this.#one(sql, platform, workspace, conversation)) !== null;
  }

  async history(turn: Turn): Promise<readonly Exchange[]> {
    const rows = await this.#all<{ id: number; question: Question; answer: string }>(
      `SELECT turns.id, question, answer FROM turns JOIN conversations ON conversations.id = conversation_id
       WHERE conversation_id = $1 AND turns.id < $2 AND turns.id > cut AND answer <> '' ORDER BY turns.id`,
      turn.conversationId,
      turn.id,
    );
    return rows.map(({ id, question: { text, images }, answer }) => {
      return { turn: id, question: text, images, answer };
    });
  }

  async cut(conversationId: number, turn: number): Promise<void> {
    await this.#all('UPDATE conversations SET cut = greatest(cut, $2) WHERE id = $1', conversationId, turn);
  }

  async start(id: number): Promise<TurnRun> {
    const sql = `UPDATE turns SET state = 'running', run = run + 1
                 WHERE id = $1 AND state IN ('queued', 'running') RETURNING id, run`;
    return this.#inOrder(id, () => this.#one<TurnRun>(sql, id));
  }

  async progress(
    { id, run }: TurnRun,
    shown: { answer: string; messages: readonly string[] },
  ): Promise<void> {
    const sql = `WITH turn AS (
         UPDATE turns SET answer = $3 WHERE id = $1 AND run = $2 RETURNING id, attempt, platform, channel
       ), pages AS (
         INSERT INTO messages (turn_id, attempt, page, platform, channel, message)
         SELECT turn.id, attempt, page - 1, platform, channel, shown.message
         FROM turn, unnest($4::text[]) WITH ORDINALITY AS shown (message, page) ON CONFLICT DO NOTHING
       )
       SELECT id FROM turn`;
    await this.#inOrder(id, () => this.#one(sql, id, run, storable(shown.answer), shown.messages));
  }

  async keepReasoning({ id, run }: TurnRun, text: string): Promise<void> {
    const sql = 'UPDATE turns SET reasoning = $3 WHERE id = $1 AND run = $2 RETURNING id';
    await this.#inOrder(id, () => this.#one(sql, id, run, storable(text)));
  }

  async reasoning(id: number): Promise<string> {
    const row = await this.#one<{ reasoning: string }>('SELECT reasoning FROM turns WHERE id = $1', id);
    return row?.reasoning ?? '';
  }

  async end({ id, run }: TurnRun, end: TurnEnd, now: number): Promise<void> {
    const sql = 'UPDATE turns SET state = $3, ended_at = $4 WHERE id = $1 AND run = $2 RETURNING id';
    await this.#inOrder(id, () => this.#one(sql, id, run, end, now));
  }

  async again({ id, run }: TurnRun, keep: boolean): Promise<Turn | null> {
    return this.#one<Turn>(
      `UPDATE turns SET state = 'queued', ended_at = NULL, run = run + 1,
         attempt = CASE WHEN $3 THEN attempt ELSE attempt + 1 END, answer = CASE WHEN $3 THEN answer ELSE '' END
       WHERE id = $1 AND run = $2 AND state NOT IN ('queued', 'running') RETURNING ${TURN}`,
      id,
      run,
      keep,
    );
  }

  async deleteEnded(before: number, most: number): Promise<number> {
    // What another process deletes, or queues again, at this moment is left to it.
    const deleted = await this.#all(
      `WITH old AS (
         SELECT id FROM turns WHERE ended_at < $1 AND id < (SELECT max(id) FROM turns)
         ORDER BY ended_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
       ), shown AS (
         DELETE FROM messages USING old WHERE turn_id = old.id
       )
       DELETE FROM turns USING old WHERE turns.id = old.id RETURNING turns.id`,
      before,
      most,
    );
    return deleted.length;
  }

  async recall(model: string): Promise<readonly number[]> {
    const rows = await this.#all<{ ms: number }>(
      'SELECT ms FROM cold_starts WHERE model = $1 ORDER BY id',
      model,
    );
    return rows.map(({ ms }) => ms);
  }

  async remember(model: string, ms: number): Promise<void> {
    await this.database.transaction(async (query) => {
      await query('INSERT INTO cold_starts (model, ms) VALUES ($1, $2)', [model, Math.round(ms)]);
      await query(
        `DELETE FROM cold_starts WHERE model = $1 AND id NOT IN
           (SELECT id FROM cold_starts WHERE model = $1 ORDER BY id DESC LIMIT ${COLD_STARTS_KEPT})`,
        [model],
      );
    });
  }

  async close(): Promise<void> {
    await this.database.close();
  }

  /** A turn's writes one after the other: on connections of their own, a later one could come first. */
  async #inOrder<Row>(id: number, write: () => Promise<Row | null>): Promise<Row> {
    const writing = (this.#writing.get(id) ?? Promise.resolve()).then(write, write);
    this.#writing.set(id, writing);
    try {
      const row = await writing;
      if (row === null) throw new LostTurn(id);
      return row;
    } finally {
      if (this.#writing.get(id) === writing) this.#writing.delete(id);
    }
  }

  async #one<Row extends object>(sql: string, ...values: unknown[]): Promise<Row | null> {
    return (await this.query<Row>(sql, values))[0] ?? null;
  }

  #all<Row extends object>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return this.query<Row>(sql, values);
  }
}

/** Without the one character that Postgres's text refuses. */
const storable = (text: string): string => text.replaceAll('\u0000', '\ufffd');
