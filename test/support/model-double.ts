import type { ChatMessage, ChatRequest, Hear, Model, ModelEvent } from '../../src/model/model.ts';

type Script = (request: ChatRequest) => AsyncGenerator<ModelEvent>;

/** A model that plays scripts, one a request, and keeps what it was asked. */
export class ModelDouble implements Model {
  readonly requests: ChatRequest[] = [];
  readonly #scripts: Script[] = [];

  /** Plays this for the next request that has none yet. */
  will(script: Script): this {
    this.#scripts.push(script);
    return this;
  }

  willSay(text: string): this {
    return this.will(async function* () {
      yield { type: 'text', text };
      yield { type: 'done', reason: 'stop' };
    });
  }

  async chat(request: ChatRequest, hear: Hear): Promise<void> {
    this.requests.push(request);
    const script = this.#scripts.shift();
    if (!script) throw new Error('the test has no script for this request');
    for await (const event of script(request)) hear(event);
  }

  async close(): Promise<void> {}

  /** The conversation as the n-th request sent it, without the system prompt. */
  sent(index: number): string[] {
    const said = ({ role, content }: ChatMessage) => `${role}: ${content}`;
    return (this.requests[index]?.messages ?? []).slice(1).map(said);
  }
}

/** Waits like a slow model does: until the request is aborted. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
