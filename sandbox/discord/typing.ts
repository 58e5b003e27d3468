import type { Clock } from '../../src/clock.ts';

/** Who is shown as typing: for 10 s, or until they post. */
export class Typing {
  static readonly SHOWN_MS = 10_000;
  readonly #clock: Clock;
  readonly #changed: () => void;
  /** channel → user → stops showing it */
  readonly #shown = new Map<string, Map<string, () => void>>();

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  start(channel: string, user: string): void {
    const users = this.#shown.get(channel) ?? new Map<string, () => void>();
    this.#shown.set(channel, users);
    users.get(user)?.();
    const cancel = this.#clock.after(Typing.SHOWN_MS, () => this.stop(channel, user));
    users.set(user, cancel);
    this.#changed();
  }

  stop(channel: string, user: string): void {
    this.#shown.get(channel)?.get(user)?.();
    if (this.#shown.get(channel)?.delete(user)) this.#changed();
  }

  users(channel: string): readonly string[] {
    return [...(this.#shown.get(channel)?.keys() ?? [])];
  }

  close(): void {
    for (const users of this.#shown.values()) for (const cancel of users.values()) cancel();
    this.#shown.clear();
  }
}
