import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/clock.ts';

/** What Modal's update_autoscaler sets; see facts of Modal's autoscaler. */
export interface Scaling {
  readonly minContainers: number;
  /** 0 for no limit. */
  readonly maxContainers: number;
  /** Idle containers kept beside busy ones while there is work. */
  readonly bufferContainers: number;
  /** Idle time after which a container is taken away; Modal allows 2 s to 20 min. */
  readonly scaledownWindowMs: number;
}

export type ModelState = {
  /** Containers that cost money now: starting ones too. */
  readonly containers: number;
  /** Answers being generated. */
  readonly streams: number;
} & (
  | { readonly phase: 'asleep' }
  | {
      readonly phase: 'waking';
      /** `loading`: the server runs and loads its weights; llama-server says so, vLLM's port is closed. */
      readonly step: 'starting' | 'loading';
      /** ms since the epoch */
      readonly since: number;
      readonly elapsedMs: number;
    }
  | {
      readonly phase: 'awake';
      /** Until it sleeps if nobody asks; null when it is kept awake or busy. */
      readonly sleepsInMs: number | null;
    }
);

export interface ContainerOptions extends Scaling {
  readonly clock: Clock;
  /** From the first request to a server that answers. */
  readonly coldStartMs: number;
  /** How much of it, at its end, is spent loading weights. */
  readonly loadMs: number;
  /** Streams one container takes before another one is started. */
  readonly streamsPerContainer: number;
}

interface Container {
  readonly since: number;
  readonly startedAt: number;
  step: 'starting' | 'loading' | 'ready';
  cancel: () => void;
}

/** The autoscaler: how many containers there are, and when they start and stop. */
export class Containers extends EventEmitter<{ change: []; ready: [] }> {
  readonly #options: ContainerOptions;
  readonly #clock: Clock;
  #scaling: Scaling;
  #all: Container[] = [];
  #streams = 0;
  #idleSince = 0;
  #cancelIdle: () => void = () => {};
  #billedMs = 0;
  #billedAt: number;

  constructor(options: ContainerOptions) {
    super();
    this.#options = options;
    this.#clock = options.clock;
    this.#scaling = options;
    this.#billedAt = this.#clock.monotonic();
    this.#fill();
  }

  get state(): ModelState {
    const counts = { containers: this.#all.length, streams: this.#streams };
    const oldest = this.#all[0];
    if (!oldest) return { phase: 'asleep', ...counts };
    const now = this.#clock.monotonic();
    if (this.ready) {
      const idle = this.#streams === 0 && this.#scaling.minContainers === 0;
      const left = Math.max(0, this.#idleSince + this.#scaling.scaledownWindowMs - now);
      return { phase: 'awake', sleepsInMs: idle ? left : null, ...counts };
    }
    const step = this.#all.some((container) => container.step === 'loading') ? 'loading' : 'starting';
    return { phase: 'waking', step, since: oldest.since, elapsedMs: now - oldest.startedAt, ...counts };
  }

  /** True when a container answers. */
  get ready(): boolean {
    return this.#all.some((container) => container.step === 'ready');
  }

  get scaling(): Scaling {
    const { minContainers, maxContainers, bufferContainers, scaledownWindowMs } = this.#scaling;
    return { minContainers, maxContainers, bufferContainers, scaledownWindowMs };
  }

  /** All container time so far, ms: what Modal would bill. */
  get billedMs(): number {
    return this.#billedMs + this.#all.length * (this.#clock.monotonic() - this.#billedAt);
  }

  /** What is given changes, at once; the rest stays. */
  scale(change: Partial<Scaling>): Scaling {
    this.#scaling = { ...this.#scaling, ...change };
    this.#fill();
    this.#armIdle();
    this.emit('change');
    return this.scaling;
  }

  /** A request came: starts a container where there is none, and puts sleep off. */
  touch(): void {
    if (this.#all.length === 0) this.#start();
    this.#rest();
  }

  /** Counts a stream until the returned function is called. */
  hold(): () => void {
    this.#streams += 1;
    this.#fill();
    this.touch();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#streams -= 1;
      this.#rest();
    };
  }

  /** All containers die, as after a crash; min_containers brings new ones up. */
  kill(): void {
    this.#setAll([]);
    for (let missing = this.#scaling.minContainers; missing > 0; missing -= 1) this.#start();
    this.emit('change');
  }

  /** Awake at once, for what needs no cold start. */
  wakeNow(): void {
    if (this.#all.length === 0) this.#start();
    for (const container of this.#all) this.#become(container, 'ready');
  }

  close(): void {
    this.#setAll([]);
    this.#cancelIdle();
    this.removeAllListeners();
  }

  /** How many the autoscaler wants for the work there is now. */
  #wanted(): number {
    const { minContainers, maxContainers, bufferContainers } = this.#scaling;
    const busy = Math.ceil(this.#streams / this.#options.streamsPerContainer);
    const wanted = Math.max(minContainers, busy > 0 ? busy + bufferContainers : 0);
    return maxContainers > 0 ? Math.min(wanted, maxContainers) : wanted;
  }

  #fill(): void {
    for (let missing = this.#wanted() - this.#all.length; missing > 0; missing -= 1) this.#start();
  }

  #start(): void {
    const { coldStartMs, loadMs } = this.#options;
    const container: Container = {
      since: this.#clock.now(),
      startedAt: this.#clock.monotonic(),
      step: 'starting',
      cancel: () => {},
    };
    this.#setAll([...this.#all, container], true);
    const load = Math.min(loadMs, coldStartMs);
    container.cancel = this.#clock.after(coldStartMs - load, () => {
      this.#become(container, load > 0 ? 'loading' : 'ready');
      if (load > 0) container.cancel = this.#clock.after(load, () => this.#become(container, 'ready'));
    });
  }

  #become(container: Container, step: Container['step']): void {
    container.cancel();
    container.step = step;
    if (step === 'ready') {
      this.#idleSince = this.#clock.monotonic();
      this.#armIdle();
      this.emit('ready');
    }
    this.emit('change');
  }

  /** Idle time counts from now. */
  #rest(): void {
    this.#idleSince = this.#clock.monotonic();
    this.#armIdle();
    this.emit('change');
  }

  #armIdle(): void {
    this.#cancelIdle();
    if (!this.ready || this.#all.length <= this.#wanted()) return;
    const left = this.#idleSince + this.#scaling.scaledownWindowMs - this.#clock.monotonic();
    this.#cancelIdle = this.#clock.after(Math.max(0, left), () => {
      this.#setAll(this.#all.slice(0, this.#wanted()));
      this.emit('change');
    });
  }

  #setAll(all: Container[], keep = false): void {
    this.#billedMs = this.billedMs;
    this.#billedAt = this.#clock.monotonic();
    if (!keep) for (const gone of this.#all) if (!all.includes(gone)) gone.cancel();
    this.#all = all;
  }
}
