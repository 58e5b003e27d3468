import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { OperatorError } from '../../errors.ts';
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
  type TurnState,
} from '../store.ts';
import type { WarmStore } from '../warm-store.ts';
import { SqliteInstallationStore } from './installation-store.ts';
import { SqliteLimitStore } from './limit-store.ts';
import { lockFile } from './lock.ts';
import { migrations } from './migrations.ts';
import { inTransaction } from './transaction.ts';
import { SqliteWarmStore } from './warm-store.ts';

interface TurnRow {
  id: number;
  run: number;
  attempt: number;
  conversation_id: number;
  question: string;
  state: TurnState;
  answer: string;
  asked_at: number;
}

/** The default store: one file (or ':memory:'), for one process. */
export class SqliteStore implements Store {
  readonly warm: WarmStore;
  readonly limits: LimitStore;
  readonly installations: InstallationStore;
  readonly #db: DatabaseSync;
  #unlock = () => {};
  readonly #prepared = new Map<string, StatementSync>();

  /** @throws OperatorError when the file cannot be opened, is in use or belongs to a newer Pilotlight. */
  constructor(path: string) {
    try {
      this.#db = new DatabaseSync(path);
      // WAL with synchronous=NORMAL: a crash of the process loses nothing, 25 µs an insert.
      this.#db.exec(
        'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000',
      );
      if (path !== ':memory:') this.#unlock = lockFile(path);
      this.#migrate();
      this.warm = new SqliteWarmStore(this.#db);
      this.limits = new SqliteLimitStore(this.#db);
      this.installations = new SqliteInstallationStore(this.#db);
    } catch (error) {
      this.#unlock();
      if (error instanceof OperatorError) throw error;
      throw new OperatorError(
        `DATABASE_URL: cannot open the SQLite file ${path}: ${(error as Error).message}.`,
      );
    }
  }

  #migrate(): void {
    const version = Number(this.#one<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0);
    if (version > migrations.length) {
      throw new OperatorError(
        'DATABASE_URL: this database was written by a newer Pilotlight; update, or use another file.',
      );
    }
    for (const [index, sql] of migrations.entries()) {
      if (index >= version)
        this.#transaction(() => this.#db.exec(`${sql}; PRAGMA user_version = ${index + 1}`));
    }
  }

  /** Nothing to hold together: a process that is alone puts what it stored in line when it starts. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return work(this);
  }

  async accept(question: Question, now: number): Promise<Turn | null> {
    const { platform, workspace, channel, message, conversation } = question;
    return this.#transaction(() => {
      this.#run(
        'INSERT INTO conversations (platform, workspace, key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
        platform,
        workspace,
        conversation,
      );
      const inserted = this.#one<TurnRow>(
        `INSERT INTO turns (conversation_id, platform, workspace, channel, message, question, asked_at)
         SELECT id, ?, ?, ?, ?, ?, ? FROM conversations WHERE platform = ? AND workspace = ? AND key = ?
         ON CONFLICT DO NOTHING RETURNING *`,
        platform,
        workspace,
        channel,
        message,
        JSON.stringify(question),
        now,
        platform,
        workspace,
        conversation,
      );
      return inserted ? this.#toTurn(inserted) : null;
    });
  }

  async isTaken({ platform, workspace, channel, message }: MessageKey): Promise<boolean> {
    const sql = 'SELECT 1 FROM turns WHERE platform = ? AND workspace = ? AND channel = ? AND message = ?';
    return this.#one(sql, platform, workspace, channel, message) !== undefined;
  }

  async turn(id: number): Promise<Turn | null> {
    const row = this.#one<TurnRow>('SELECT * FROM turns WHERE id = ?', id);
    return row ? this.#toTurn(row) : null;
  }

  async turnShowing({ platform, channel, message }: MessageKey): Promise<Turn | null> {
    const row = this.#one<TurnRow>(
      `SELECT turns.* FROM messages JOIN turns ON turns.id = messages.turn_id
       WHERE messages.platform = ? AND messages.channel = ? AND messages.message = ?`,
      platform,
      channel,
      message,
    );
    return row ? this.#toTurn(row) : null;
  }

  async unfinished(): Promise<readonly Turn[]> {
    return this.#all<TurnRow>("SELECT * FROM turns WHERE state IN ('queued', 'running') ORDER BY id").map(
      (row) => this.#toTurn(row),
    );
  }

  async waiting(conversationId: number): Promise<readonly number[]> {
    const sql = "SELECT id FROM turns WHERE conversation_id = ? AND state = 'queued' ORDER BY id";
    return this.#all<{ id: number }>(sql, conversationId).map(({ id }) => id);
  }

  async lastAsked(platform: PlatformName, since: number): Promise<readonly AskedKey[]> {
    return this.#all<AskedKey>(
      `SELECT turns.platform, turns.workspace, channel, message, key AS conversation
       FROM turns JOIN conversations ON conversations.id = conversation_id WHERE turns.id IN (
         SELECT max(id) FROM (
           SELECT * FROM turns ORDER BY id DESC LIMIT ${RECENT_QUESTIONS}
         ) WHERE platform = ? AND asked_at >= ? GROUP BY conversation_id
       ) ORDER BY turns.id DESC`,
      platform,
      since,
    );
  }

  async lastEnded(withinMs: number): Promise<readonly Turn[]> {
    const recent = `(SELECT * FROM turns ORDER BY id DESC LIMIT ${RECENT_QUESTIONS})`;
    return this.#all<TurnRow>(
      `SELECT * FROM ${recent} WHERE ended_at > (SELECT max(ended_at) FROM ${recent}) - ? ORDER BY id`,
      withinMs,
    ).map((row) => this.#toTurn(row));
  }

  async isKnown({ platform, workspace, conversation }: ConversationKey): Promise<boolean> {
    const sql = 'SELECT 1 FROM conversations WHERE platform = ? AND workspace = ? AND key = ?';
    return this.#one(sql, platform, workspace, conversation) !== undefined;
  }

  async history(turn: Turn): Promise<readonly Exchange[]> {
    return this.#all<{ id: number; question: string; answer: string }>(
      `SELECT turns.id, question, answer FROM turns JOIN conversations ON conversations.id = conversation_id
       WHERE conversation_id = ? AND turns.id < ? AND turns.id > cut AND answer <> '' ORDER BY turns.id`,
      turn.conversationId,
      turn.id,
    ).map(({ id, question, answer }) => {
      const { text, images } = JSON.parse(question) as Question;
      return { turn: id, question: text, images, answer };
    });
  }

  async cut(conversationId: number, turn: number): Promise<void> {
    this.#run('UPDATE conversations SET cut = max(cut, ?) WHERE id = ?', turn, conversationId);
  }

  async start(id: number): Promise<TurnRun> {
    const run = this.#one<TurnRun>(
      `UPDATE turns SET state = 'running', run = run + 1
       WHERE id = ? AND state IN ('queued', 'running') RETURNING id, run`,
      id,
    );
    if (!run) throw new LostTurn(id);
    return run;
  }

  async progress(
    { id, run }: TurnRun,
    shown: { answer: string; messages: readonly string[] },
  ): Promise<void> {
    this.#transaction(() => {
      const sql = 'UPDATE turns SET answer = ? WHERE id = ? AND run = ? RETURNING id';
      if (!this.#one(sql, shown.answer, id, run)) throw new LostTurn(id);
      for (const [page, message] of shown.messages.entries()) {
        this.#run(
          `INSERT INTO messages (turn_id, attempt, page, platform, channel, message)
           SELECT id, attempt, ?, platform, channel, ? FROM turns WHERE id = ? ON CONFLICT DO NOTHING`,
          page,
          message,
          id,
        );
      }
    });
  }

  async keepReasoning({ id, run }: TurnRun, text: string): Promise<void> {
    const sql = 'UPDATE turns SET reasoning = ? WHERE id = ? AND run = ? RETURNING id';
    if (!this.#one(sql, text, id, run)) throw new LostTurn(id);
  }

  async reasoning(id: number): Promise<string> {
    return this.#one<{ reasoning: string }>('SELECT reasoning FROM turns WHERE id = ?', id)?.reasoning ?? '';
  }

  async end({ id, run }: TurnRun, end: TurnEnd, now: number): Promise<void> {
    const sql = 'UPDATE turns SET state = ?, ended_at = ? WHERE id = ? AND run = ? RETURNING id';
    if (!this.#one(sql, end, now, id, run)) throw new LostTurn(id);
  }

  async again({ id, run }: TurnRun, keep: boolean): Promise<Turn | null> {
    const row = this.#one<TurnRow>(
      `UPDATE turns SET state = 'queued', ended_at = NULL, run = run + 1,
         attempt = attempt + ?, answer = CASE WHEN ? THEN answer ELSE '' END
       WHERE id = ? AND run = ? AND state NOT IN ('queued', 'running') RETURNING *`,
      keep ? 0 : 1,
      keep ? 1 : 0,
      id,
      run,
    );
    return row ? this.#toTurn(row) : null;
  }

  async deleteEnded(before: number, most: number): Promise<number> {
    const old = `SELECT id FROM turns WHERE ended_at < ? AND id < (SELECT max(id) FROM turns)
                 ORDER BY ended_at, id LIMIT ?`;
    return this.#transaction(() => {
      this.#run(`DELETE FROM messages WHERE turn_id IN (${old})`, before, most);
      return this.#all(`DELETE FROM turns WHERE id IN (${old}) RETURNING id`, before, most).length;
    });
  }

  async recall(model: string): Promise<readonly number[]> {
    return this.#all<{ ms: number }>('SELECT ms FROM cold_starts WHERE model = ? ORDER BY id', model).map(
      ({ ms }) => ms,
    );
  }

  async remember(model: string, ms: number): Promise<void> {
    this.#transaction(() => {
      this.#run('INSERT INTO cold_starts (model, ms) VALUES (?, ?)', model, Math.round(ms));
      this.#run(
        `DELETE FROM cold_starts WHERE model = ?1 AND id NOT IN
           (SELECT id FROM cold_starts WHERE model = ?1 ORDER BY id DESC LIMIT ${COLD_STARTS_KEPT})`,
        model,
      );
    });
  }

  async close(): Promise<void> {
    this.#prepared.clear();
    this.#db.close();
    this.#unlock();
  }

  #toTurn(row: TurnRow): Turn {
    const messages = this.#all<{ message: string }>(
      'SELECT message FROM messages WHERE turn_id = ? AND attempt = ? ORDER BY page',
      row.id,
      row.attempt,
    );
    return {
      id: row.id,
      run: row.run,
      attempt: row.attempt,
      conversationId: row.conversation_id,
      question: JSON.parse(row.question) as Question,
      state: row.state,
      answer: row.answer,
      messages: messages.map(({ message }) => message),
      askedAt: row.asked_at,
    };
  }

  #transaction<T>(work: () => T): T {
    return inTransaction(this.#db, work);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  #one<T>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }

  #all<T>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }
}
