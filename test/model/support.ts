import { pino } from 'pino';
import { SleepingModel, type SleepingModelOptions } from '../../sandbox/model/sleeping-model.ts';
import { createModel, type ModelOptions, type WakeableModel } from '../../src/model/client.ts';
import {
  type ChatMessage,
  type ChatRequest,
  type Model,
  ModelError,
  type ModelEvent,
} from '../../src/model/model.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** What one question came to. */
export interface Outcome {
  readonly events: readonly ModelEvent[];
  readonly text: string;
  readonly reasoning: string;
  /** What was thrown, if anything. */
  readonly error: unknown;
}

export interface Asked {
  readonly events: ModelEvent[];
  readonly outcome: Promise<Outcome>;
}

/** A client and a fake endpoint on one virtual clock. */
export class Bench {
  readonly clock = new VirtualClock();
  readonly server: SleepingModel;
  readonly model: WakeableModel;

  /** @param client.host the name that the client knows the server's machine by */
  static async start(
    server: SleepingModelOptions = {},
    { host = '127.0.0.1', ...client }: Partial<ModelOptions> & { host?: string } = {},
  ): Promise<Bench> {
    const clock = new VirtualClock();
    const endpoint = await SleepingModel.start({
      clock,
      tokensPerSecond: Number.POSITIVE_INFINITY,
      firstTokenMs: 0,
      ...server,
    });
    const baseUrl = endpoint.baseUrl.replace('127.0.0.1', host);
    return new Bench(clock, endpoint, { baseUrl, ...client });
  }

  private constructor(
    clock: VirtualClock,
    server: SleepingModel,
    client: Partial<ModelOptions> & { baseUrl: string },
  ) {
    this.clock = clock;
    this.server = server;
    this.model = createModel({
      name: 'pilotlight',
      clock,
      log: pino({ level: 'silent' }),
      random: () => 0.5,
      // Token by token, so that a fault after the third comes after the third.
      extra: { stream_interval: 1 },
      ...client,
    });
  }

  /** Asks and goes on; the events fill up as they come. */
  ask(messages: string | readonly ChatMessage[], rest: Partial<ChatRequest> = {}): Asked {
    const events: ModelEvent[] = [];
    const list = typeof messages === 'string' ? [{ role: 'user' as const, content: messages }] : messages;
    const signal = rest.signal ?? new AbortController().signal;
    return { events, outcome: collect(this.model, { ...rest, messages: list, signal }, events) };
  }

  /** Asks and lets time run until the answer has ended. */
  async answer(messages: string | readonly ChatMessage[], rest: Partial<ChatRequest> = {}): Promise<Outcome> {
    return this.until(this.ask(messages, rest).outcome);
  }

  /** Lets time run until the promise settles. */
  async until<T>(promise: Promise<T>, stepMs = 100): Promise<T> {
    let over = false;
    const settled = promise.finally(() => {
      over = true;
    });
    settled.catch(() => {});
    await exchange();
    while (!over) {
      await this.clock.advance(stepMs);
      await exchange();
    }
    return settled;
  }

  /** Lets time run for so long. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    await exchange();
    for (let left = ms; left > 0; left -= stepMs) {
      await this.clock.advance(Math.min(stepMs, left));
      await exchange();
    }
  }

  async close(): Promise<void> {
    await this.model.close();
    await this.server.close();
  }
}

async function collect(model: Model, request: ChatRequest, events: ModelEvent[]): Promise<Outcome> {
  let error: unknown;
  try {
    await model.chat(request, (event) => events.push(event));
  } catch (thrown) {
    error = thrown;
  }
  const join = (type: 'text' | 'reasoning') =>
    events.map((event) => (event.type === type ? event.text : '')).join('');
  return { events, text: join('text'), reasoning: join('reasoning'), error };
}

/** Client and server share this process: a few turns of its loop carry a request there and back. */
export async function exchange(): Promise<void> {
  for (let turn = 0; turn < 25; turn += 1) await new Promise(setImmediate);
}

export function modelError(outcome: Pick<Outcome, 'error'>): ModelError {
  if (outcome.error instanceof ModelError) return outcome.error;
  throw new Error(`expected a ModelError, got ${outcome.error}`);
}

/** The waking events of an outcome. */
export function wakings(events: readonly ModelEvent[]) {
  return events.filter((event) => event.type === 'waking');
}
