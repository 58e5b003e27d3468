import { WebClient, type WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Spare } from '../../src/bot/ports.ts';
import { type Clock, sleep } from '../../src/clock.ts';
import type { Accounts } from './accounts.ts';
import type { SlackAddress } from './address.ts';
import { type Credentials, keyOf, type Where, type Workspace, whereOf } from './workspace.ts';

/** A workspace in which nothing happened for so long is forgotten; what it holds is soon made again. ms. */
const IDLE = 3_600_000;

/** How long signs of life that are to go hold up the end of the process; ms. */
const LAST_SIGNS = 2_000;

export interface WorkspacesOptions {
  readonly accounts: Accounts;
  readonly clientOptions: WebClientOptions;
  readonly spare: Spare;
  readonly clock: Clock;
  readonly log: Logger;
  stopped(address: SlackAddress): void;
}

/** The workspaces in use, each made when it is first needed. */
export class Workspaces {
  readonly #options: WorkspacesOptions;
  readonly #since: number;
  readonly #inUse = new Map<string, { readonly workspace: Workspace; usedAt: number }>();

  constructor(options: WorkspacesOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  of(where: Where): Workspace {
    const now = this.#options.clock.monotonic();
    const known = this.#inUse.get(keyOf(where));
    if (known) {
      known.usedAt = now;
      return known.workspace;
    }
    for (const [key, { workspace, usedAt }] of this.#inUse) {
      if (now - usedAt > IDLE && workspace.activities.size === 0) this.#inUse.delete(key);
    }
    const workspace = this.#create(where);
    this.#inUse.set(keyOf(where), { workspace, usedAt: now });
    return workspace;
  }

  /** What the bot core calls a workspace; undefined where there is only one. */
  nameOf(where: Where): string | undefined {
    return this.#options.accounts.only ? undefined : keyOf(where);
  }

  /** The workspace of that name. @throws Error where there are many and none is named */
  named(name: string | undefined): Workspace {
    const { only } = this.#options.accounts;
    if (only) return this.of(only);
    if (name === undefined) throw new Error('it is not said in which of many workspaces');
    return this.of(whereOf(name));
  }

  /** A person's id for the bot core: with the workspace, where there are many, as in SLACK_ADMIN_IDS. */
  userIn(where: Where, user: string): string {
    return this.#options.accounts.only ? user : `${keyOf(where)}/${user}`;
  }

  /** How many are held. */
  get size(): number {
    return this.#inUse.size;
  }

  /** After an uninstall. */
  forget(where: Where): void {
    const key = keyOf(where);
    for (const activity of this.#inUse.get(key)?.workspace.activities ?? []) activity.end();
    this.#inUse.delete(key);
  }

  /** Takes the signs of life away, as far as that can be done in a moment; then Slack is called no more. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    const activities = [...this.#inUse.values()].flatMap(({ workspace }) => [...workspace.activities]);
    const done = new AbortController();
    await Promise.race([
      Promise.all(activities.map((activity) => activity.finish())),
      sleep(clock, LAST_SIGNS, done.signal).catch(() => {}),
    ]);
    done.abort();
  }

  #create(where: Where): Workspace {
    const { accounts, clientOptions, spare, clock, log, stopped } = this.#options;
    const credentials = () => accounts.credentials(where);
    return {
      client: new WebClient(undefined, {
        ...clientOptions,
        // A token that is good for many workspaces needs to be told which.
        ...(where.enterprise === undefined ? {} : { teamId: where.team }),
        fetch: authorizedFetch(credentials),
      }),
      clock,
      log,
      since: this.#since,
      credentials,
      features: { streams: true, sessions: true, status: true, reactions: true, names: true },
      spare,
      activities: new Set(),
      stopped,
    };
  }
}

/**
 * Looks the token up at each call, so that a new one counts from when it is stored, whichever process stored
 * it. Without one the call is refused as Slack would refuse it.
 */
function authorizedFetch(credentials: () => Promise<Credentials | undefined>): typeof fetch {
  return async (url, init) => {
    const found = await credentials();
    if (!found) return Response.json({ ok: false, error: 'account_inactive' });
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${found.token}`);
    return fetch(url, { ...init, headers });
  };
}
