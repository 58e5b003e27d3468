/** Ways a stream goes wrong after its request was accepted. Counts are of text deltas sent before it. */
export type StreamFault =
  /** The connection dies in the middle of the response's headers. */
  | { readonly type: 'reset-in-headers' }
  /** The body stops after so many deltas: `reset` breaks the connection, `end` looks like a clean end. */
  | { readonly type: 'cut'; readonly after: number; readonly how: 'reset' | 'end' }
  /** vLLM's error object in mid-stream: status 200, and [DONE] still follows. */
  | { readonly type: 'error'; readonly after: number; readonly error?: unknown }
  /** Ends with this finish reason (vLLM says "abort" when its engine stops). */
  | { readonly type: 'finish'; readonly after: number; readonly reason: string }
  /** All of it, but no [DONE]. */
  | { readonly type: 'no-done' }
  /** [DONE], but no finish reason before it. */
  | { readonly type: 'no-finish' }
  /** These bytes between two events; the stream then goes on. */
  | { readonly type: 'bytes'; readonly after: number; readonly bytes: string | Uint8Array }
  /** After so many deltas nothing more, or only comment pings at this interval; the connection stays. */
  | { readonly type: 'silence'; readonly after: number; readonly pingMs?: number }
  /** After so many deltas nothing more until this resolves; the rest then comes at once. */
  | { readonly type: 'pause'; readonly after: number; readonly until: Promise<unknown> }
  /** 200 and a body without a byte. */
  | { readonly type: 'empty' }
  /** So many deltas with an empty text before the first real one. */
  | { readonly type: 'empty-deltas'; readonly count: number }
  /** Every event goes out in pieces of so many bytes, so many ms apart. */
  | { readonly type: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** The last words come in the finish chunk. */
  | { readonly type: 'text-in-finish' }
  /** 303 to a result URL this many times before the answer, on this origin or another one. */
  | { readonly type: 'redirects'; readonly hops: number; readonly to?: string };

export class StreamFaults {
  #list: { fault: StreamFault; left: number }[] = [];

  /** Switches a fault on for the next `times` chat requests; the returned function switches it off. */
  add(fault: StreamFault, times = 1): () => void {
    const entry = { fault, left: times };
    this.#list.push(entry);
    return () => {
      this.#list = this.#list.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.#list = [];
  }

  /** All faults for the next chat request. */
  take(): readonly StreamFault[] {
    const now = this.#list.filter(({ left }) => left > 0);
    for (const entry of now) entry.left -= 1;
    return now.map(({ fault }) => fault);
  }
}
