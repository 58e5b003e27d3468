/** What the processes of one bot tell each other. A hint, never the truth: that is in the store. */
export type Signal =
  /** A turn waits in a conversation that another turn may have at the moment. */
  | { readonly kind: 'waiting'; readonly turn: number; readonly conversation: number }
  /** A person wants this turn to end, as it was when it had this run number: not when it is retried. */
  | { readonly kind: 'stop'; readonly turn: number; readonly run: number; readonly by?: string }
  /** Somebody deleted a message of this turn's answer. */
  | { readonly kind: 'deleted'; readonly turn: number };

export interface Signals {
  /** Tells every process, this one too. */
  send(signal: Signal): Promise<void>;
  /** Calls `hear` with every signal from now on. */
  listen(hear: (signal: Signal) => void): void;
}

/** The signals of a process that is alone. */
export class LocalSignals implements Signals {
  #hear: ((signal: Signal) => void)[] = [];

  async send(signal: Signal): Promise<void> {
    for (const hear of this.#hear) hear(signal);
  }

  listen(hear: (signal: Signal) => void): void {
    this.#hear.push(hear);
  }
}
