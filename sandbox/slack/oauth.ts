/** OAuth v2: a person agrees on Slack's page, the app exchanges the code it gets for a token. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import type { Args } from './args.ts';
import { manifestScopes } from './manifest.ts';
import { SlackError } from './slack-error.ts';

/** Docs: a code is good for ten minutes, once. */
const codeLifeMs = 600_000;

export interface OAuthOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** As in the app's settings. */
  redirectUrl: string;
}

/** Who agrees, and to what. */
export interface Consent {
  readonly user: string;
  /** Gives the app its token and the answer's other fields. */
  install(scopes: readonly string[]): Readonly<Record<string, unknown>>;
}

interface Grant {
  readonly consent: Consent;
  readonly scopes: readonly string[];
  readonly redirectUri: string | undefined;
  readonly until: number;
  used: boolean;
}

export class OAuth {
  readonly #options: OAuthOptions;
  readonly #clock: Clock;
  readonly #grants = new Map<string, Grant>();

  constructor(options: OAuthOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * Somebody follows the app's link to Slack and agrees, or not. Returns where Slack sends their browser.
   * Throws what Slack's page would say about a link that is wrong.
   */
  visit(link: string, consent: Consent | 'cancel'): string {
    const { pathname, searchParams } = new URL(link);
    if (pathname !== '/oauth/v2/authorize') throw new Error(`Slack has no page ${pathname}`);
    const asked = (name: string) => searchParams.get(name) ?? undefined;
    if (asked('client_id') !== this.#options.clientId) throw new SlackError('invalid_client_id');
    const scopes = (asked('scope') ?? '').split(',').filter(Boolean);
    if (scopes.length === 0) throw new SlackError('no_scopes');
    const unknown = scopes.find((scope) => !manifestScopes.includes(scope));
    if (unknown) throw new SlackError('invalid_scope', [unknown]);
    const redirectUri = asked('redirect_uri');
    if (redirectUri !== undefined && !redirectUri.startsWith(this.#options.redirectUrl)) {
      throw new SlackError('bad_redirect_uri');
    }
    const back = new URL(redirectUri ?? this.#options.redirectUrl);
    back.searchParams.set('state', asked('state') ?? '');
    if (consent === 'cancel') back.searchParams.set('error', 'access_denied');
    else back.searchParams.set('code', this.#grant({ consent, scopes, redirectUri }));
    return back.href;
  }

  #grant(grant: Pick<Grant, 'consent' | 'scopes' | 'redirectUri'>): string {
    const code = randomUUID();
    this.#grants.set(code, { ...grant, until: this.#clock.now() + codeLifeMs, used: false });
    return code;
  }

  /** oauth.v2.access. Throws SlackError. */
  access(args: Args): Readonly<Record<string, unknown>> {
    const { clientId, clientSecret } = this.#options;
    if (args.required('client_id') !== clientId) throw new SlackError('invalid_client_id');
    if (args.required('client_secret') !== clientSecret) throw new SlackError('bad_client_secret');
    const grant = this.#grants.get(args.required('code'));
    if (!grant || grant.until < this.#clock.now()) throw new SlackError('invalid_code');
    if (grant.used) throw new SlackError('code_already_used');
    if (args.text('redirect_uri') !== grant.redirectUri) throw new SlackError('bad_redirect_uri');
    grant.used = true;
    const { user, install } = grant.consent;
    return {
      ...install(grant.scopes),
      token_type: 'bot',
      scope: grant.scopes.join(','),
      authed_user: { id: user },
    };
  }
}
