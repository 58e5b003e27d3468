import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import { Bell } from './abortable.ts';
import { type ColdStarts, type UsualTime, usualTime } from './cold-starts.ts';
import { type Hear, ModelError, type ModelEvent, type WakingPhase } from './model.ts';

/** What one knock at the endpoint told. */
export type Knock =
  | { readonly awake: true }
  | {
      readonly awake: false;
      /** `requesting` when nothing answered at all. */
      readonly phase: 'requesting' | 'starting' | 'loading';
      readonly retryAfterMs?: number | undefined;
    };

export interface WakingOptions {
  /**
   * Asks the endpoint whether it is awake; the question itself starts a container. May take minutes; calls
   * `onHop` when it learns that one is being started. Throws a ModelError when waiting is of no use.
   */
  readonly knock: (signal: AbortSignal, onHop: () => void) => Promise<Knock>;
  /** Under which name cold starts are remembered. */
  readonly model: string;
  readonly coldStarts: ColdStarts;
  /** Total time for a cold start, ms. */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A model that answers sooner than this was awake: nobody is told that it wakes, ms. */
const PATIENCE_MS = 400;
const TICK_MS = 1_000;
/** Between knocks: often at first, so that a quick start is noticed, ms. */
const KNOCK_MS = 1_000;
const LATE_KNOCK_MS = 2_000;
const LATE_AFTER_MS = 60_000;
/** A held knock means that a proxy has taken it and starts something, ms. */
const HELD_MS = 5_000;
/** An address where nothing ever answered is more likely wrong than asleep, ms. */
const NOBODY_MS = 120_000;

const NOBODY_WAITS = new Error('nobody waits any more');

/** What everybody who waited is told. */
export function neverWoke(deadlineMs: number, phase: WakingPhase | undefined): ModelError {
  const minutes = Math.round(deadlineMs / 60_000);
  const long = minutes === 1 ? 'a minute' : `${minutes} minutes`;
  const waited = deadlineMs < 60_000 ? `${Math.round(deadlineMs / 1_000)} seconds` : long;
  return new ModelError(
    'never-woke',
    `The model did not wake up within ${waited}. Try again, or tell whoever runs the bot.`,
    { phase },
  );
}

export type Ended = (outcome: 'awake' | 'failed' | 'abandoned', coldMs?: number) => void;

/** One wake-up, from the first knock until the endpoint answers, time is over or nobody waits any more. */
export class WakeUp {
  readonly #options: WakingOptions;
  readonly #clock: Clock;
  readonly #answeredBefore: () => boolean;
  readonly #ended: Ended;
  readonly #startedAt: number;
  readonly #bell = new Bell();
  readonly #over = new AbortController();
  #waiting = 0;
  /** Of those who wait, the ones with a question, in the order of coming. */
  #line: object[] = [];
  #phase: WakingPhase = 'requesting';
  #wasCold = false;
  #usual: UsualTime = { usualMs: undefined, slowMs: undefined };
  #outcome: 'awake' | ModelError | undefined;
  #cancelTimers: (() => void)[] = [];

  constructor(options: WakingOptions, answeredBefore: () => boolean, ended: Ended) {
    this.#options = options;
    this.#clock = options.clock;
    this.#answeredBefore = answeredBefore;
    this.#ended = ended;
    this.#startedAt = this.#clock.monotonic();
    this.#cancelTimers = [
      this.#clock.after(options.deadlineMs, () => this.#end(neverWoke(options.deadlineMs, this.#phase))),
    ];
    this.#tick();
    this.#recall();
    this.#run().catch((error: unknown) =>
      this.#end(error instanceof ModelError ? error : this.#broken(error)),
    );
  }

  get #elapsedMs(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }

  /**
   * Tells how far it is until it is over; throws its failure. The last one to leave ends it. Who has no question
   * hears nothing.
   */
  async join(signal: AbortSignal, hear?: Hear): Promise<void> {
    const ticket = {};
    let told = false;
    this.#waiting += 1;
    if (hear) this.#line.push(ticket);
    try {
      while (this.#outcome === undefined) {
        if (hear && (this.#wasCold || this.#elapsedMs >= PATIENCE_MS)) {
          told = true;
          hear(this.#event(ticket));
        }
        await this.#bell.next(signal);
      }
      if (this.#outcome instanceof ModelError) throw this.#outcome;
      if (told) hear?.({ ...this.#event(ticket), phase: 'ready' });
    } finally {
      this.#waiting -= 1;
      this.#line = this.#line.filter((other) => other !== ticket);
      if (this.#waiting === 0 && this.#outcome === undefined) this.#abandon();
      else this.#bell.ring();
    }
  }

  /** The endpoint is awake, as somebody else noticed. */
  finish(): void {
    this.#end('awake');
  }

  #event(ticket: object): Extract<ModelEvent, { type: 'waking' }> {
    return {
      type: 'waking',
      phase: this.#phase,
      elapsedMs: this.#elapsedMs,
      ...this.#usual,
      place: this.#line.indexOf(ticket) + 1,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (this.#outcome === undefined) {
      const cancelHeld = this.#clock.after(HELD_MS, () => this.#advance('starting'));
      const knock = await this.#options.knock(signal, () => this.#advance('starting')).finally(cancelHeld);
      if (knock.awake) return this.#end('awake');
      this.#wasCold = true;
      this.#advance(knock.phase);
      if (knock.phase === 'requesting' && this.#elapsedMs >= NOBODY_MS && this.#isStranger()) {
        throw new ModelError(
          'unreachable',
          'Nothing answers at the model’s address. Tell whoever runs the bot.',
        );
      }
      const pause = this.#elapsedMs < LATE_AFTER_MS ? KNOCK_MS : LATE_KNOCK_MS;
      await sleep(this.#clock, Math.max(pause, Math.min(knock.retryAfterMs ?? 0, 5_000)), signal);
    }
  }

  /** Nothing ever answered at this address, in this process or before it. */
  #isStranger(): boolean {
    return this.#phase === 'requesting' && this.#usual.usualMs === undefined && !this.#answeredBefore();
  }

  /** A container that died in mid-start goes back to an earlier phase. */
  #advance(phase: WakingPhase): void {
    if (phase === 'requesting' && this.#phase !== 'loading') return;
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#wasCold = true;
    this.#options.log.info({ phase, ms: Math.round(this.#elapsedMs) }, 'the model wakes');
    this.#bell.ring();
  }

  #tick(): void {
    const at = this.#elapsedMs < PATIENCE_MS ? PATIENCE_MS : TICK_MS;
    const cancel = this.#clock.after(at, () => {
      this.#bell.ring();
      this.#tick();
    });
    this.#cancelTimers[1] = cancel;
  }

  #recall(): void {
    const { coldStarts, model, log } = this.#options;
    coldStarts.recall(model).then(
      (durations) => {
        this.#usual = usualTime(durations);
      },
      (err: unknown) => log.warn({ err }, 'cold starts could not be recalled'),
    );
  }

  #broken(error: unknown): ModelError {
    return new ModelError('failed', 'Waking the model failed. Try again.', {}, error);
  }

  #abandon(): void {
    this.#close();
    this.#options.log.info({ ms: Math.round(this.#elapsedMs) }, 'nobody waits for the model any more');
    this.#ended('abandoned');
  }

  #end(outcome: 'awake' | ModelError): void {
    if (this.#outcome !== undefined || this.#over.signal.aborted) return;
    this.#outcome = outcome;
    this.#close();
    const ms = Math.round(this.#elapsedMs);
    const { log } = this.#options;
    if (outcome !== 'awake')
      log.warn({ ms, fault: outcome.fault, ...outcome.detail }, 'the model did not wake');
    else if (this.#wasCold) log.info({ ms }, 'the model is awake');
    this.#ended(outcome === 'awake' ? 'awake' : 'failed', this.#wasCold ? this.#elapsedMs : undefined);
    this.#bell.ring();
  }

  #close(): void {
    for (const cancel of this.#cancelTimers) cancel();
    this.#over.abort(NOBODY_WAITS);
  }
}
