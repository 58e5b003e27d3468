/** The Web API's gate: who calls, may they, how often; then the method. */
import { Args } from './args.ts';
import type { SlackBudgets } from './budgets.ts';
import type { Methods } from './method.ts';
import type { Answer, Call } from './server.ts';
import { SlackError } from './slack-error.ts';
import type { Token, Tokens } from './tokens.ts';

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
  readonly #tokens: Tokens;
  readonly #now: () => number;

  constructor(options: {
    methods: Methods;
    budgets: SlackBudgets;
    team: string;
    tokens: Tokens;
    now: () => number;
  }) {
    this.#methods = options.methods;
    this.#budgets = options.budgets;
    this.#team = options.team;
    this.#tokens = options.tokens;
    this.#now = options.now;
  }

  /** Answers one call: 200 whether ok or not, 429 beyond the budget. */
  handle(name: string, call: Call): Answer {
    let token: Token | undefined;
    const answer = answerOf(() => {
      const args = new Args(parse(call));
      this.calls.push({ method: name, args: args.values, at: this.#now() });
      if (this.calls.length > maxCallsKept) this.calls.shift();
      const method = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
      if (!method) throw new SlackError('unknown_method', [], { req_method: name });
      const bearer = call.authorization ?? args.text('token');
      token = this.#tokens.check(bearer, method.token ?? 'bot', this.#team);
      checkScope(token, typeof method.scope === 'function' ? method.scope(args) : method.scope);
      const seconds = this.#budgets.take(name, this.#team, args.text('channel'));
      if (seconds !== undefined) throw new TooMany(seconds);
      return method.run(args);
    });
    return { ...answer, headers: { 'x-oauth-scopes': token?.scopes.join(',') ?? '', ...answer.headers } };
  }
}

function checkScope({ scopes }: Token, wanted: string | readonly string[] = []): void {
  const needed = [wanted].flat().filter((scope) => !scopes.includes(scope));
  if (needed.length > 0) {
    throw new SlackError('missing_scope', [], { needed: needed.join(','), provided: scopes.join(',') });
  }
}

class TooMany extends Error {
  readonly seconds: number;

  constructor(seconds: number) {
    super('ratelimited');
    this.seconds = seconds;
  }
}

/** What a method gives back, or the refusal it throws, as Slack answers. */
export function answerOf(run: () => Readonly<Record<string, unknown>>): Answer {
  try {
    return { status: 200, body: { ok: true, ...run() } };
  } catch (error) {
    if (error instanceof TooMany) {
      const headers = { 'retry-after': String(error.seconds) };
      return { status: 429, headers, body: { ok: false, error: 'ratelimited' } };
    }
    if (!(error instanceof SlackError)) throw error;
    const messages = error.details.length > 0 && { response_metadata: { messages: error.details } };
    return { status: 200, body: { ok: false, error: error.code, ...error.fields, ...messages } };
  }
}

/** The arguments of a call. Throws SlackError. */
export function parse(call: Call): Record<string, unknown> {
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
