import { pino } from 'pino';
import type { ButtonKind } from '../../src/bot/ports.ts';
import type { ChatRequest, Hear, Model, ModelEvent } from '../../src/model/model.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aBot } from '../support/a-bot.ts';
import { aQuestion, ChatDouble } from '../support/chat-double.ts';
import type { Bench, Outcome } from './support.ts';

/** What came of a question, for the person and behind the scenes. */
export interface InChat extends Pick<Outcome, 'events' | 'error'> {
  /** Each message as it is read: its text, and the line under it after a bar. */
  readonly shown: readonly string[];
  /** All that stood in the last message, one after the other. */
  readonly seen: readonly string[];
  /** Under the last message. */
  readonly buttons: readonly ButtonKind[];
  /** Until the model's part was over, ms. */
  readonly ms: number;
  /** All that was logged. */
  readonly log: string;
}

/**
 * Asks the bench's model through the bot, and lets time run until the answer stands in the chat. Before that,
 * the earlier questions of the same conversation.
 */
export async function askInChat(
  bench: Bench,
  text: string,
  earlier: readonly string[] = [],
): Promise<InChat> {
  const { clock } = bench;
  const chat = new ChatDouble();
  const store = new SqliteStore(':memory:');
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => lines.push(line) });
  const watched = new WatchedModel(bench);
  const bot = aBot({ store, clock, chat, model: watched, log });
  await bot.start();
  let seen: string[] = [];
  for (const question of [...earlier, text]) {
    await bot.ask(aQuestion(question, { conversation: 'thread' }));
    seen = [];
    for (let left = true; left; left = (await store.unfinished()).length > 0) {
      await bench.pass(100);
      const last = chat.shown.at(-1);
      if (last !== undefined && last !== seen.at(-1)) seen.push(last);
    }
  }
  store.close();
  const { events, error, ms } = watched;
  const buttons = [...chat.messages.values()].at(-1)?.buttons ?? [];
  return { shown: chat.shown, seen, buttons, events, error, ms, log: lines.join('') };
}

class WatchedModel implements Model {
  readonly #bench: Bench;
  readonly events: ModelEvent[] = [];
  error: unknown;
  ms = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async chat(request: ChatRequest, hear: Hear): Promise<void> {
    const { clock, model } = this.#bench;
    const since = clock.monotonic();
    try {
      await model.chat(request, (event) => {
        this.events.push(event);
        hear(event);
      });
    } catch (error) {
      this.error = error;
      throw error;
    } finally {
      this.ms = clock.monotonic() - since;
    }
  }

  async close(): Promise<void> {}
}
