/**
 * Time, injected everywhere, so that a minute of pacing or a ten-minute cold start is tested in a millisecond.
 * All figures are milliseconds.
 */
export interface Clock {
  /** Wall-clock time since the epoch: for what is stored or shown. It may jump. */
  now(): number;
  /** Time since some fixed point: for durations and pacing. It never jumps. */
  monotonic(): number;
  /** Calls `run` once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * The promise's outcome, unless `ms` pass before: then it rejects with what `late` makes. Rejects with
 * `signal.reason` when that aborts first.
 */
export async function within<T>(
  promise: Promise<T>,
  { clock, ms, late, signal }: { clock: Clock; ms: number; late: () => Error; signal?: AbortSignal },
): Promise<T> {
  const done = new AbortController();
  const over = sleep(clock, ms, signal ? AbortSignal.any([done.signal, signal]) : done.signal);
  try {
    return await Promise.race([
      promise,
      over.then(() => {
        throw late();
      }),
    ]);
  } finally {
    done.abort();
  }
}
