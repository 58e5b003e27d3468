import type { Link } from './link.ts';
import type { Signal, Signals } from './signals.ts';

/** A name longer than this is cut: Postgres limits what a notification holds. */
const LONGEST_NAME = 200;

/** Signals between the processes on one Postgres. */
export class PostgresSignals implements Signals {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  async send(signal: Signal): Promise<void> {
    const short =
      signal.kind === 'stop' && signal.by ? { ...signal, by: signal.by.slice(0, LONGEST_NAME) } : signal;
    await this.#link.notify(JSON.stringify(short));
  }

  listen(hear: (signal: Signal) => void): void {
    this.#link.listen((text) => {
      const signal = parsed(text);
      if (signal) hear(signal);
    });
  }
}

/** Undefined for what is no signal: whoever may use the database can notify all processes of anything. */
function parsed(text: string): Signal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && 'turn' in value ? (value as Signal) : undefined;
  } catch {
    return undefined;
  }
}
