import type { Function_, ModalClient } from 'modal';
import type { Logger } from 'pino';
import { type Clock, within } from '../clock.ts';
import type { Settings, Target } from '../store/warm-store.ts';
import { plainFault, ScalingError } from './faults.ts';

/** What is not given keeps its value. The window is whole seconds, 2 s to 20 min. */
export type ScalingChange = Partial<Settings>;

/** Scales one deployed Server, Function or method of a Cls. Every call throws {@link ScalingError}. */
export interface Autoscaler {
  /**
   * Changes the settings until the next deploy resets them; resolves to what Modal says they are now. An empty
   * change only asks.
   */
  update(change: ScalingChange): Promise<ScalingChange>;
  /** Containers there are now, starting ones too, and calls that wait for one. */
  stats(): Promise<{ readonly containers: number; readonly backlog: number }>;
  /** Calls that are under way end at once. */
  close(): void;
}

export interface AutoscalerOptions extends Target {
  /** ak-… and as-… */
  readonly tokenId: string;
  readonly tokenSecret: string;
  /** In place of the real control plane. */
  readonly serverUrl?: string | undefined;
  /** For a call with all its retries, ms; default 15,000. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Modal's limits of scaledown_window. https://modal.com/docs/guide/scale */
export const WINDOW_MS = { min: 2_000, max: 1_200_000 };

export function createAutoscaler(options: AutoscalerOptions): Autoscaler {
  return new ModalAutoscaler(options);
}

class ModalAutoscaler implements Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #closing = new AbortController();
  #client: Promise<ModalClient> | undefined;

  constructor(options: AutoscalerOptions) {
    this.#options = options;
  }

  async update(change: ScalingChange): Promise<ScalingChange> {
    check(change);
    return this.#call(async (fn) => fn.updateAutoscaler(change));
  }

  async stats(): Promise<{ containers: number; backlog: number }> {
    return this.#call(async (fn) => {
      const { numTotalRunners, backlog } = await fn.getCurrentStats();
      return { containers: numTotalRunners, backlog };
    });
  }

  close(): void {
    this.#closing.abort(new ScalingError('unreachable', 'Pilotlight is stopping.'));
    this.#client?.then((client) => client.close()).catch(() => {});
  }

  /** The SDK's own timeouts do not cover all it does: a call that hangs is given up here. */
  async #call<T>(work: (fn: Function_) => Promise<T>): Promise<T> {
    const { clock, timeoutMs = 15_000 } = this.#options;
    const late = () => new ScalingError('unreachable', `Modal did not answer within ${timeoutMs / 1_000} s.`);
    const { signal } = this.#closing;
    try {
      return await within(this.#resolve().then(work), { clock, ms: timeoutMs, late, signal });
    } catch (error) {
      throw plainFault(error, this.#options);
    }
  }

  /** Asked for each time: a deploy may replace what the name stands for. */
  async #resolve(): Promise<Function_> {
    const { app, server, environment } = this.#options;
    this.#client ??= this.#connect();
    const client = await this.#client;
    const where = environment === undefined ? {} : { environment };
    const [name = '', method] = server.split('.');
    if (method === undefined) return client.functions.fromName(app, name, where);
    const instance = await (await client.cls.fromName(app, name, where)).instance();
    return instance.method(method);
  }

  /** The SDK is large: it is loaded when it is needed first. */
  async #connect(): Promise<ModalClient> {
    const { tokenId, tokenSecret, environment, serverUrl, log } = this.#options;
    // The SDK has an option for it that it never reads.
    if (serverUrl !== undefined) process.env.MODAL_SERVER_URL = serverUrl;
    const { ModalClient } = await import('modal');
    const quiet = () => {};
    return new ModalClient({
      tokenId,
      tokenSecret,
      ...(environment && { environment }),
      // By itself it writes lines of its own to stderr.
      logger: { debug: quiet, info: quiet, warn: (text) => log.warn(text), error: (text) => log.error(text) },
    });
  }
}

/** Modal itself refuses none of this. @throws ScalingError */
function check({ minContainers, maxContainers, bufferContainers, scaledownWindowMs }: ScalingChange): void {
  const counts = { minContainers, maxContainers, bufferContainers };
  for (const [name, count] of Object.entries(counts)) {
    if (count !== undefined && !(Number.isInteger(count) && count >= 0))
      throw new ScalingError('invalid', `${name} is not a whole number from 0.`);
  }
  if (minContainers !== undefined && maxContainers !== undefined && minContainers > maxContainers)
    throw new ScalingError(
      'invalid',
      `At least ${minContainers} containers and at most ${maxContainers} cannot both be.`,
    );
  if (
    scaledownWindowMs !== undefined &&
    !(scaledownWindowMs >= WINDOW_MS.min && scaledownWindowMs <= WINDOW_MS.max)
  )
    throw new ScalingError('invalid', 'The scaledown window must be from 2 seconds to 20 minutes.');
}
