import type { Overflow } from './failures.ts';
import { type ChatMessage, ModelError } from './model.ts';
import { type Plan, plan, roomInCharacters, TokenMeter } from './tokens.ts';

/** How much fits into one model, as far as it is known; learned from what the server says and counts. */
export class Context {
  readonly #meter = new TokenMeter();
  readonly #maxTokens: number;
  #window: number | undefined;

  /** `maxTokens` for an answer; `window` for prompt and answer together. */
  constructor(maxTokens: number, window: number | undefined) {
    this.#maxTokens = maxTokens;
    this.#window = window;
  }

  /** The server's model list said so. */
  learnWindow(window: number): void {
    this.#window = window;
  }

  /** What to send. @throws ModelError 'too-long' when even the last turn does not fit */
  fit(messages: readonly ChatMessage[]): Plan {
    const fitting = plan(messages, this.#meter, this.#window, this.#maxTokens);
    if (!fitting) throw this.tooLong();
    return fitting;
  }

  /** How many tokens what was sent had. */
  counted({ messages }: Plan, promptTokens: number): void {
    this.#meter.learn(messages, promptTokens);
  }

  /** The server refused a plan. @throws ModelError 'too-long' when there is nothing to leave out */
  refit(messages: readonly ChatMessage[], refused: Plan, overflow: Overflow): Plan {
    this.#window = overflow.window ?? this.#window ?? refused.promptTokens + refused.maxTokens;
    if (overflow.promptTokens !== undefined) this.#meter.learn(refused.messages, overflow.promptTokens);
    else this.#meter.learnAtLeast(refused.messages, this.#window - refused.maxTokens);
    const fitting = this.fit(messages);
    const same = fitting.dropped === refused.dropped && fitting.maxTokens >= refused.maxTokens;
    if (same) throw this.tooLong();
    return fitting;
  }

  tooLong(): ModelError {
    const room = roomInCharacters(this.#meter, this.#window ?? 0);
    const takes = room > 1_000 ? `, which takes about ${Math.floor(room / 1_000)},000 characters` : '';
    return new ModelError('too-long', `That is too long for this model${takes}. Send less at once.`, {
      window: this.#window,
    });
  }
}
