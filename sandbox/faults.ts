/** Faults to switch on in a fake server; the same list serves all of them. */

export type FaultAct =
  /** Answer with this instead of doing anything. */
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  /** Do it, but this many ms later. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Close the connection without doing anything. */
  | { readonly type: 'reset' }
  /** Do it, then close the connection without an answer. */
  | { readonly type: 'lose-answer' };

export interface Fault {
  /** Which calls: a Slack method ("chat.update"), a Discord route ("PATCH /channels/*\/messages/*"), a path. */
  readonly on: string;
  readonly act: FaultAct;
  /** How many calls; default 1, Infinity until removed. */
  readonly times?: number;
  /** How many matching calls to let through first; default 0. */
  readonly skip?: number;
}

export class Faults {
  #list: { fault: Fault; skip: number; left: number }[] = [];

  /** Switches a fault on; the returned function switches it off. */
  add(fault: Fault): () => void {
    const entry = { fault, skip: fault.skip ?? 0, left: fault.times ?? 1 };
    this.#list.push(entry);
    return () => {
      this.#list = this.#list.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.#list = [];
  }

  /** What to do to this call, if anything; counts it. */
  take(call: string): FaultAct | undefined {
    const entry = this.#list.find(({ fault, left }) => fault.on === call && left > 0);
    if (!entry) return undefined;
    if (entry.skip > 0) {
      entry.skip -= 1;
      return undefined;
    }
    entry.left -= 1;
    return entry.fault.act;
  }
}
