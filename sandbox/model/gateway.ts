import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '../../src/clock.ts';

/**
 * What stands before the container and how it answers while there is none.
 * - `server`: Modal's @app.server: 503 at once; the request still starts a container.
 * - `web_server`: Modal's @modal.web_server: holds the request; past `holdMs` 303 to the same URL with
 *   __modal_function_call_id, again and again; the follow-up must be a GET.
 * - `none`: nothing: the request that starts the container is reset, and while it boots the port is closed.
 */
export type Front = 'server' | 'web_server' | 'none';

export const CALL_ID = '__modal_function_call_id';

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Held {
  readonly call: HttpCall;
  /** Extra hops to make before the answer, whatever the container does. */
  hops: number;
}

/** Modal's web_server queue: requests that wait for a container, by their call id. */
export class HeldCalls {
  readonly #clock: Clock;
  readonly #holdMs: number;
  readonly #calls = new Map<string, Held>();
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, holdMs: number) {
    this.#clock = clock;
    this.#holdMs = holdMs;
  }

  /** Takes a call that cannot be answered yet; its id belongs in {@link hold}. */
  take(call: HttpCall, hops = 0): string {
    const id = `fc-${randomUUID()}`;
    this.#calls.set(id, { call, hops });
    return id;
  }

  has(id: string): boolean {
    return this.#calls.has(id);
  }

  /**
   * Keeps one request open until the container is ready (then resolves to the call to run), or past the
   * hold time answers 303 (then resolves to null, as it does when the client goes away).
   */
  async hold(
    id: string,
    ready: () => boolean,
    response: ServerResponse,
    origin: string,
  ): Promise<HttpCall | null> {
    const held = this.#calls.get(id)!;
    if (held.hops > 0) {
      held.hops -= 1;
    } else {
      if (!ready()) await this.#wait(response);
      if (response.destroyed) return null;
      if (ready()) {
        this.#calls.delete(id);
        return held.call;
      }
    }
    held.call.query.set(CALL_ID, id);
    response.writeHead(303, { location: `${origin}${held.call.path}?${held.call.query}` }).end();
    return null;
  }

  /** The container is ready: everybody held goes on. */
  release(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #wait(response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#waiting.delete(done);
        response.removeListener('close', done);
        resolve();
      };
      const cancel = this.#clock.after(this.#holdMs, done);
      this.#waiting.add(done);
      response.once('close', done);
    });
  }
}
