/** A point in the text: so many characters, and the sum of their arrival times. */
export interface Mark {
  readonly characters: number;
  readonly arrivals: number;
}

/** A model that has just begun is not taken to be faster than what it sent in this time, ms. */
const rateOverMs = 1000;

/** How much of a text nobody has seen yet, and for how long. Times are ms of one monotonic clock. */
export class Backlog {
  #taken: Mark = { characters: 0, arrivals: 0 };
  #shown: Mark = { characters: 0, arrivals: 0 };
  #firstAt: number | undefined;

  add(characters: number, now: number): void {
    this.#firstAt ??= now;
    this.#taken = {
      characters: this.#taken.characters + characters,
      arrivals: this.#taken.arrivals + characters * now,
    };
  }

  /** All that has come in until now. */
  mark(): Mark {
    return this.#taken;
  }

  /** The text up to this mark is on screen. */
  shown(mark: Mark): void {
    if (mark.characters > this.#shown.characters) this.#shown = mark;
  }

  get unseen(): number {
    return this.#taken.characters - this.#shown.characters;
  }

  /** The sum of how long each unseen character has waited. */
  unseenMs(now: number): number {
    return this.unseen * now - (this.#taken.arrivals - this.#shown.arrivals);
  }

  /** Characters a second so far. */
  rate(now: number): number {
    const ms = Math.max(rateOverMs, now - (this.#firstAt ?? now));
    return (this.#taken.characters * 1000) / ms;
  }
}
