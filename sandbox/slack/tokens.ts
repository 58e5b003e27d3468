/** The tokens that Slack has given out, and what becomes of them. */
import { SlackError } from './slack-error.ts';

export interface Token {
  readonly kind: 'bot' | 'app';
  /** Where it is good; a token of an organisation is good in several. */
  readonly teams: readonly string[];
  readonly scopes: readonly string[];
}

export class Tokens {
  readonly #tokens = new Map<string, Token & { revoked?: string }>();

  add(token: string, entry: Token): void {
    this.#tokens.set(token, { ...entry });
  }

  /** Undefined when there never was such a token. */
  find(token: string | undefined): Token | undefined {
    return this.#tokens.get(token ?? '');
  }

  /** From now on it is refused with this code: account_inactive, token_revoked. */
  revoke(token: string, code: string): void {
    const entry = this.#tokens.get(token);
    if (entry) entry.revoked = code;
  }

  isGood(token: string | undefined): boolean {
    const entry = this.#tokens.get(token ?? '');
    return entry !== undefined && entry.revoked === undefined;
  }

  /** Throws not_authed, invalid_auth, not_allowed_token_type, or what it was revoked with. */
  check(token: string | undefined, wanted: Token['kind'], team: string): Token {
    if (!token) throw new SlackError('not_authed');
    const entry = this.#tokens.get(token);
    if (!entry?.teams.includes(team)) throw new SlackError('invalid_auth');
    if (entry.revoked) throw new SlackError(entry.revoked);
    if (entry.kind !== wanted) throw new SlackError('not_allowed_token_type');
    return entry;
  }
}
