import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { WarmStore } from '../store/warm-store.ts';
import type { Costs } from './costs.ts';

/** Between two; ms. */
const COOLDOWN = 5 * 60_000;
/** A question this soon after was helped; ms. */
const HELPS_FOR = 5 * 60_000;
/** A model that answers sooner was awake; ms. */
const WAS_AWAKE = 1_000;

export interface PrewarmerOptions {
  readonly store: WarmStore;
  readonly costs: Costs;
  readonly clock: Clock;
  readonly log: Logger;
  /** The most in a UTC day. */
  readonly dailyCap: number;
}

/** Wakes a model; resolves when it answers. */
export type Wake = (signal: AbortSignal) => Promise<void>;

/** Wakes a model when somebody is about to ask it, before the question comes. */
export class Prewarmer {
  readonly #options: PrewarmerOptions;
  readonly #closing = new AbortController();
  /** By the model's name. */
  readonly #last = new Map<string, number>();
  /** When a sleeping model was woken that nobody has asked since. */
  readonly #pending = new Map<string, number>();

  constructor(options: PrewarmerOptions) {
    this.#options = options;
  }

  /** Somebody is about to ask. Returns at once, never throws. */
  intent(model: string, wake: Wake): void {
    this.#wake(model, wake).catch((error) => {
      if (!this.#closing.signal.aborted)
        this.#options.log.warn({ err: error }, 'the model could not be woken before a question');
    });
  }

  /** Somebody asked. */
  asked(model: string): void {
    const { clock, costs, store } = this.#options;
    const since = this.#pending.get(model);
    this.#pending.delete(model);
    if (since === undefined || clock.monotonic() - since > HELPS_FOR) return;
    // Asked at once, the model was on its way to wake or awake: that is the help.
    void store.addUsage(costs.today, { prewarmsOfUse: 1 }).catch(() => {});
  }

  close(): void {
    this.#closing.abort();
  }

  async #wake(model: string, wake: Wake): Promise<void> {
    const { store, costs, clock, log, dailyCap } = this.#options;
    const started = clock.monotonic();
    if (started - (this.#last.get(model) ?? Number.NEGATIVE_INFINITY) < COOLDOWN) return;
    this.#last.set(model, started);
    if ((await costs.budget()) === 'past') return;
    if ((await store.usage(costs.today)).prewarms >= dailyCap) return;
    const cancel = clock.after(WAS_AWAKE, () => {
      this.#pending.set(model, started);
      log.info({ model }, 'waking the model before a question');
      void store.addUsage(costs.today, { prewarms: 1 }).catch(() => {});
    });
    try {
      await wake(this.#closing.signal);
    } finally {
      cancel();
    }
  }
}
