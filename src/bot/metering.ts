import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { ChatRequest, Hear, Model } from '../model/model.ts';
import type { Choice, Models } from '../model/models.ts';
import type { LimitStore } from '../store/limit-store.ts';
import { spenderOf, utcDay } from './limits.ts';
import type { Question } from './ports.ts';

export interface MeteringParts {
  readonly models: Pick<Models, 'for'>;
  readonly store: Pick<LimitStore, 'spend'>;
  /** Dollars of one container with all its GPUs, as Modal's `gpu=` names them; undefined where nobody says. */
  readonly usdPerSecond: (gpu: string | undefined) => number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Estimates what each question costs: the time from asking the model to its end, waking included, and of the
 * times in which several of this process's questions are with the same model, an even share each. So it takes
 * one container to serve them all, and leaves out the idle time after the last one, CPU and memory.
 */
export class Metering implements Pick<Models, 'for'> {
  readonly #parts: MeteringParts;
  readonly #meters = new WeakMap<Model, Meter>();

  constructor(parts: MeteringParts) {
    this.#parts = parts;
  }

  for(question: Question): Choice {
    const choice = this.#parts.models.for(question);
    const { model } = choice;
    const chat = (request: ChatRequest, hear: Hear) => this.#metered(question, choice, request, hear);
    return { ...choice, model: { chat, close: () => model.close() } };
  }

  async #metered(
    question: Question,
    { model, modal }: Choice,
    request: ChatRequest,
    hear: Hear,
  ): Promise<void> {
    const meter = this.#meters.get(model) ?? new Meter(this.#parts.clock);
    this.#meters.set(model, meter);
    const share = meter.share();
    try {
      await model.chat(request, (event) => {
        // Waiting for others to be done keeps no GPU busy.
        if (event.type === 'queued' && event.place > 0) share.pause();
        else share.resume();
        hear(event);
      });
    } finally {
      share.pause();
      this.#spend(question, share.ms * this.#parts.usdPerSecond(modal?.gpu) * 1_000);
    }
  }

  #spend(question: Question, microUsd: number): void {
    const { store, clock, log } = this.#parts;
    store.spend(utcDay(clock.now()), spenderOf(question), microUsd).catch((error) => {
      log.error({ platform: question.platform, err: error }, 'cannot store what a question cost');
    });
  }
}

/** Shares time evenly among what runs at the moment. */
class Meter {
  readonly #clock: Clock;
  #running = 0;
  /** ms that each one which ran all the time has got so far. */
  #each = 0;
  #at = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs from now on. */
  share() {
    let ms = 0;
    let since: number | undefined;
    const resume = () => {
      if (since !== undefined) return;
      since = this.#advance();
      this.#running += 1;
    };
    const pause = () => {
      if (since === undefined) return;
      ms += this.#advance() - since;
      this.#running -= 1;
      since = undefined;
    };
    resume();
    return {
      resume,
      pause,
      get ms() {
        return ms;
      },
    };
  }

  #advance(): number {
    const now = this.#clock.monotonic();
    if (this.#running > 0) this.#each += (now - this.#at) / this.#running;
    this.#at = now;
    return this.#each;
  }
}
