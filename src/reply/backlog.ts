/** Pieces that come within this time are one, so that a long wait for a slot costs little memory; ms. */
const togetherMs = 500;

/** How much of a text nobody has seen yet, and for how long. Times are ms of one monotonic clock. */
export class Backlog {
  /** What came in and is not on screen, oldest first. */
  #pieces: { characters: number; readonly from: number /** on average */; at: number }[] = [];
  #taken = 0;
  #unseen = 0;
  /** The sum of the arrival times of the unseen characters. */
  #arrivals = 0;
  #firstAt: number | undefined;

  add(characters: number, now: number): void {
    this.#firstAt ??= now;
    const last = this.#pieces.at(-1);
    if (last && now - last.from < togetherMs) {
      last.at = (last.at * last.characters + now * characters) / (last.characters + characters);
      last.characters += characters;
    } else this.#pieces.push({ characters, from: now, at: now });
    this.#taken += characters;
    this.#unseen += characters;
    this.#arrivals += characters * now;
  }

  /** So many characters from the beginning are on screen. */
  shown(characters: number): void {
    let more = characters - (this.#taken - this.#unseen);
    let done = 0;
    for (const piece of this.#pieces) {
      if (more <= 0) break;
      const part = Math.min(more, piece.characters);
      piece.characters -= part;
      this.#unseen -= part;
      this.#arrivals -= part * piece.at;
      more -= part;
      if (piece.characters === 0) done += 1;
    }
    this.#pieces.splice(0, done);
  }

  get unseen(): number {
    return this.#unseen;
  }

  /** The sum of how long each unseen character has waited. */
  unseenMs(now: number): number {
    return this.#unseen * now - this.#arrivals;
  }

  /** Characters a second so far; a model that has just begun is not taken to be faster than in its first second. */
  rate(now: number): number {
    const ms = Math.max(1000, now - (this.#firstAt ?? now));
    return (this.#taken * 1000) / ms;
  }
}
