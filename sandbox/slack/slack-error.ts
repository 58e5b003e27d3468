/** A refusal as the Web API words it: HTTP 200 with `ok: false`. */
export class SlackError extends Error {
  override name = 'SlackError';
  readonly code: string;
  /** For `response_metadata.messages`: what exactly was wrong. */
  readonly details: readonly string[];
  /** Further fields of the answer, e.g. `needed` and `provided` of missing_scope. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: string, details: readonly string[] = [], fields: Readonly<Record<string, unknown>> = {}) {
    super([code, ...details].join(': '));
    this.code = code;
    this.details = details;
    this.fields = fields;
  }
}
