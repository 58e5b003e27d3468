import type { PilotlightBot } from '../../src/bot/bot.ts';
import type { ButtonKind, Pressed } from '../../src/bot/ports.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aBot } from '../support/a-bot.ts';
import { aQuestion, ChatDouble } from '../support/chat-double.ts';
import { ModelDouble } from '../support/model-double.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** The bot with a time, a chat, a model and a store of its own. */
export class Play {
  readonly clock = new VirtualClock();
  readonly chat = new ChatDouble();
  readonly model = new ModelDouble();
  readonly store = new SqliteStore(':memory:');
  /** What the next questions are refused with. */
  refusals: string[] = [];
  bot!: PilotlightBot;

  static async start(): Promise<Play> {
    const play = new Play();
    await play.start();
    return play;
  }

  /** Again: with other settings, or after a crash. */
  start(settings: { showReasoning?: boolean; takesImages?: boolean } = {}): Promise<void> {
    const { clock, chat, model, store } = this;
    const limits = { refusal: async () => this.refusals.shift() ?? null };
    this.bot = aBot({ clock, chat, model, store, limits, ...settings });
    return this.bot.start();
  }

  close(): void {
    this.store.close();
  }

  ask(...question: Parameters<typeof aQuestion>): Promise<'accepted' | 'seen'> {
    return this.bot.ask(aQuestion(...question));
  }

  /** @param turn the id of the turn and its attempt */
  async press(button: ButtonKind, user = 'U1', turn = '1.0'): Promise<string | null> {
    return (await this.pressed(button, user, turn)).answer;
  }

  pressed(button: ButtonKind, user = 'U1', turn = '1.0'): Promise<Pressed> {
    const who = { id: user, roles: [], name: `name of ${user}` };
    return this.bot.press({ button, turn, platform: 'slack', workspace: 'T1', channel: 'C1', user: who });
  }

  /** Lets time run. */
  settle(ms = 30_000): Promise<void> {
    return this.clock.advance(ms);
  }
}
