import { sleep } from '../clock.ts';
import type { WakingPhase } from './model.ts';
import { WakeUp, type WakingEvent, type WakingOptions } from './wake-up.ts';

/** An answer this recent means that the model is still awake, ms; Modal's shortest scaledown window is 2 s. */
const FRESH_MS = 10_000;

/** Wakes one endpoint for all who wait for it: one knocks, everybody is told how far it is. */
export class Waking {
  readonly #options: WakingOptions;
  #current: WakeUp | null = null;
  #awakeUntil = Number.NEGATIVE_INFINITY;
  #everAnswered = false;
  /** A wake-up was given up: the container may be on its way, so the next duration says nothing. */
  #halfWay = false;

  constructor(options: WakingOptions) {
    this.#options = options;
  }

  /** Waits until the endpoint answers; returns at once when it just did. */
  async *wait(signal: AbortSignal): AsyncGenerator<WakingEvent, void> {
    if (this.#options.clock.monotonic() < this.#awakeUntil) return;
    yield* this.#join(signal);
  }

  /**
   * Waits for an answer that may be long in coming because the endpoint sleeps: past `quietMs` somebody
   * knocks to find out, and if it does, says how far the wake-up is. `onWaking` is called with each event.
   */
  async *watch<T>(
    answer: Promise<T>,
    quietMs: number,
    signal: AbortSignal,
    onWaking: () => void,
  ): AsyncGenerator<WakingEvent, T> {
    const over = new AbortController();
    const settled = answer.then(
      () => over.abort(ANSWERED),
      () => over.abort(ANSWERED),
    );
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await sleep(this.#options.clock, quietMs, either);
      for await (const event of this.#join(either)) {
        onWaking();
        yield event;
      }
    } catch (error) {
      if (error !== ANSWERED) throw error;
    }
    await settled;
    return answer;
  }

  /** The endpoint answered a request as only an awake one can. */
  noteAwake(): void {
    this.#current?.finish();
    this.#everAnswered = true;
    this.#halfWay = false;
    this.#awakeUntil = this.#options.clock.monotonic() + FRESH_MS;
  }

  /** An answer still streams; which says nothing of new requests while they are turned away. */
  noteStreaming(): void {
    if (!this.#current) this.#awakeUntil = this.#options.clock.monotonic() + FRESH_MS;
  }

  /** A request met a cold endpoint. */
  noteAsleep(phase: WakingPhase): void {
    this.#awakeUntil = Number.NEGATIVE_INFINITY;
    if (phase !== 'requesting') this.#everAnswered = true;
  }

  async *#join(signal: AbortSignal): AsyncGenerator<WakingEvent, void> {
    this.#current ??= this.#begin();
    yield* this.#current.join(signal);
  }

  #begin(): WakeUp {
    return new WakeUp(
      this.#options,
      () => this.#everAnswered,
      (outcome, ms) => {
        this.#current = null;
        if (outcome === 'awake') {
          if (ms !== undefined && !this.#halfWay) this.#remember(ms);
          this.noteAwake();
        } else this.#halfWay = true;
      },
    );
  }

  #remember(ms: number): void {
    const { coldStarts, model, log } = this.#options;
    coldStarts.remember(model, Math.round(ms)).catch((err: unknown) => {
      log.warn({ err, model }, 'a cold start could not be remembered');
    });
  }
}

const ANSWERED = new Error('answered');
