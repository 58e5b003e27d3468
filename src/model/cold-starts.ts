/** Remembered cold starts, so that people can be told how long it usually takes. */
export interface ColdStarts {
  /** Durations of this model's cold starts in ms, newest last. */
  recall(model: string): Promise<readonly number[]>;
  remember(model: string, ms: number): Promise<void>;
}

export interface UsualTime {
  /** Median, ms; undefined before the first cold start. */
  readonly usualMs: number | undefined;
  /** 90th percentile, ms. */
  readonly slowMs: number | undefined;
}

/** Cold starts beyond the newest few say little: images, weights and GPUs change. */
const NEWEST = 20;

export function usualTime(durations: readonly number[]): UsualTime {
  const sorted = durations.slice(-NEWEST).sort((a, b) => a - b);
  return { usualMs: quantile(sorted, 0.5), slowMs: quantile(sorted, 0.9) };
}

/** Nearest rank: always a duration that was really seen. */
function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

/** For models whose cold starts nobody keeps. */
export class ForgetfulColdStarts implements ColdStarts {
  readonly #durations: number[] = [];

  async recall(): Promise<readonly number[]> {
    return this.#durations;
  }

  async remember(_model: string, ms: number): Promise<void> {
    this.#durations.push(ms);
  }
}
