/** The promise's outcome, unless the signal aborts first: then rejects with its reason. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = () => signal.removeEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(settle);
  });
}

/** Lets any number of waiters sleep until somebody rings. */
export class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    const { resolve } = this.#rung;
    this.#rung = Promise.withResolvers();
    resolve();
  }

  /** Resolves at the next ring; rejects with the signal's reason when it aborts first. */
  next(signal: AbortSignal): Promise<void> {
    return abortable(this.#rung.promise, signal);
  }
}
