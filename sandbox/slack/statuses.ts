/** What a thread shows beside its messages: the assistant's status and the agent session's loader. */
import type { Clock } from '../../src/clock.ts';

/** Docs: a status goes when no message was sent for two minutes. */
const statusLifeMs = 120_000;

export type SessionStatus = 'active' | 'processing' | 'suspended' | 'closed';

interface Thread {
  readonly channel: string;
  readonly ts: string;
  status: string;
  session: { status: SessionStatus; title: string } | undefined;
  cancel: () => void;
}

export class Statuses {
  readonly #threads = new Map<string, Thread>();
  readonly #clock: Clock;
  readonly #changed: () => void;

  constructor(options: { clock: Clock; changed: () => void }) {
    this.#clock = options.clock;
    this.#changed = options.changed;
  }

  /** Shows a status for two minutes; '' takes it away. */
  set(channel: string, ts: string, status: string): void {
    const thread = this.#thread(channel, ts);
    thread.cancel();
    thread.cancel = status === '' ? () => {} : this.#clock.after(statusLifeMs, () => this.clear(channel, ts));
    thread.status = status;
    this.#changed();
  }

  /** A message of the bot takes the status away. */
  clear(channel: string, ts: string): void {
    if (this.#thread(channel, ts).status !== '') this.set(channel, ts, '');
  }

  session(
    channel: string,
    ts: string,
  ): { readonly status: SessionStatus; readonly title: string } | undefined {
    return this.#thread(channel, ts).session;
  }

  setSession(channel: string, ts: string, status: SessionStatus, title = ''): void {
    const thread = this.#thread(channel, ts);
    thread.session = { status, title: thread.session?.title ?? title };
    this.#changed();
  }

  /** What is shown in a channel now. */
  activity(channel: string): { thread: string; text: string }[] {
    return [...this.#threads.values()]
      .filter((thread) => thread.channel === channel)
      .flatMap(({ ts, status, session }) => {
        const text = status || (session?.status === 'processing' ? 'is working…' : '');
        return text ? [{ thread: ts, text }] : [];
      });
  }

  close(): void {
    for (const thread of this.#threads.values()) thread.cancel();
  }

  #thread(channel: string, ts: string): Thread {
    const key = `${channel} ${ts}`;
    let thread = this.#threads.get(key);
    if (!thread) {
      thread = { channel, ts, status: '', session: undefined, cancel: () => {} };
      this.#threads.set(key, thread);
    }
    return thread;
  }
}
