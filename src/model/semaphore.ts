import { Bell } from './abortable.ts';
import { type Hear, ModelError } from './model.ts';

/** At most so many streams at once; the others wait in order and see their place. */
export class Semaphore {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #bell = new Bell();
  #running = 0;
  #queue: object[] = [];

  constructor(limit: number, maxWaiting: number) {
    this.#limit = limit;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Waits for a place; call the function it returns to give the place back, once.
   * @throws ModelError 'busy' when too many wait already, or the signal's reason
   */
  async enter(signal: AbortSignal, hear: Hear): Promise<() => void> {
    if (this.#queue.length >= this.#maxWaiting) {
      throw new ModelError(
        'busy',
        'Too many questions are waiting for the model. Try again in a few minutes.',
        {
          waiting: this.#queue.length,
        },
      );
    }
    const ticket = {};
    this.#queue.push(ticket);
    try {
      let shown = 0;
      while (this.#queue[0] !== ticket || this.#running >= this.#limit) {
        const place = this.#queue.indexOf(ticket) + 1;
        if (place !== shown) hear({ type: 'queued', place });
        shown = place;
        await this.#bell.next(signal);
      }
      if (shown > 0) hear({ type: 'queued', place: 0 });
      this.#running += 1;
    } finally {
      this.#queue = this.#queue.filter((other) => other !== ticket);
      this.#bell.ring();
    }
    return () => {
      this.#running -= 1;
      this.#bell.ring();
    };
  }
}
