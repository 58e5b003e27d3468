/** Runs the tasks of one key one at a time and in order; those of different keys side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves when the task has ended. A task must not throw; a rejection is passed on but holds up nobody. */
  run(key: string, task: () => Promise<void>): Promise<void> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** Resolves when everything queued by now has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}
