import { sleep } from '../clock.ts';
import type { Hear, WakingPhase } from './model.ts';
import { WakeUp, type WakingOptions } from './wake-up.ts';

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

  /** Waits until the endpoint answers; returns at once when it just did. Without `hear`, for no question. */
  async wait(signal: AbortSignal, hear?: Hear): Promise<void> {
    if (this.#options.clock.monotonic() < this.#awakeUntil) return;
    await this.#join(signal, hear);
  }

  /**
   * Waits for an answer that may be long in coming because the endpoint sleeps: past `quietMs` somebody
   * knocks to find out, and if it does, tells how far the wake-up is.
   */
  async watch<T>(answer: Promise<T>, quietMs: number, signal: AbortSignal, hear: Hear): Promise<T> {
    const over = new AbortController();
    const settled = answer.then(
      () => over.abort(ANSWERED),
      () => over.abort(ANSWERED),
    );
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await sleep(this.#options.clock, quietMs, either);
      await this.#join(either, hear);
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

  #join(signal: AbortSignal, hear?: Hear): Promise<void> {
    this.#current ??= this.#begin();
    return this.#current.join(signal, hear);
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
      log.warn({ err }, 'a cold start could not be remembered');
    });
  }
}

const ANSWERED = new Error('answered');
