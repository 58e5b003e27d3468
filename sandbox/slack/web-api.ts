/** The Web API's gate: who calls, may they, how often; then the method. */
import { Args } from './args.ts';
import type { SlackBudgets } from './budgets.ts';
import type { Methods } from './method.ts';
import type { Answer, Call } from './server.ts';
import { SlackError } from './slack-error.ts';

/** A call that arrived, whatever came of it. */
export interface ApiCall {
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** ms since the epoch */
  readonly at: number;
}

const maxCallsKept = 2000;

export class WebApi {
  readonly calls: ApiCall[] = [];
  readonly #methods: Methods;
  readonly #budgets: SlackBudgets;
  readonly #team: string;
  readonly #tokens: { readonly bot: string; readonly app: string };
  readonly #scopes: readonly string[];
  readonly #now: () => number;

  constructor(options: {
    methods: Methods;
    budgets: SlackBudgets;
    team: string;
    tokens: { readonly bot: string; readonly app: string };
    scopes: readonly string[];
    now: () => number;
  }) {
    this.#methods = options.methods;
    this.#budgets = options.budgets;
    this.#team = options.team;
    this.#tokens = options.tokens;
    this.#scopes = options.scopes;
    this.#now = options.now;
  }

  /** Answers one call: 200 whether ok or not, 429 beyond the budget. */
  handle(name: string, call: Call): Answer {
    try {
      const args = new Args(parse(call));
      this.calls.push({ method: name, args: args.values, at: this.#now() });
      if (this.calls.length > maxCallsKept) this.calls.shift();
      const method = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
      if (!method) throw new SlackError('unknown_method', [], { req_method: name });
      this.#authorize(call.authorization ?? args.text('token'), method.token ?? 'bot');
      this.#checkScope(typeof method.scope === 'function' ? method.scope(args) : method.scope);
      const seconds = this.#budgets.take(name, this.#team, args.text('channel'));
      if (seconds !== undefined) {
        const headers = { 'retry-after': String(seconds) };
        return { status: 429, headers, body: { ok: false, error: 'ratelimited' } };
      }
      return this.#answer({ ok: true, ...method.run(args) });
    } catch (error) {
      if (!(error instanceof SlackError)) throw error;
      const messages = error.details.length > 0 && { response_metadata: { messages: error.details } };
      return this.#answer({ ok: false, error: error.code, ...error.fields, ...messages });
    }
  }

  #answer(body: Record<string, unknown>): Answer {
    return { status: 200, headers: { 'x-oauth-scopes': this.#scopes.join(',') }, body };
  }

  #authorize(token: string | undefined, wanted: 'bot' | 'app'): void {
    if (!token) throw new SlackError('not_authed');
    if (!Object.values(this.#tokens).includes(token)) throw new SlackError('invalid_auth');
    if (token !== this.#tokens[wanted]) throw new SlackError('not_allowed_token_type');
  }

  #checkScope(scope: string | undefined): void {
    if (scope && !this.#scopes.includes(scope)) {
      throw new SlackError('missing_scope', [], { needed: scope, provided: this.#scopes.join(',') });
    }
  }
}

function parse(call: Call): Record<string, unknown> {
  if (call.contentType === 'application/json') {
    try {
      return Object(JSON.parse(call.body));
    } catch {
      throw new SlackError('invalid_json');
    }
  }
  if (call.contentType === 'application/x-www-form-urlencoded' || call.body === '') {
    return Object.fromEntries(new URLSearchParams(call.body));
  }
  throw new SlackError('invalid_post_type');
}
