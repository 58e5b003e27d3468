/** Discord's JSON error codes that this server answers with: status and message. */
const KNOWN = {
  10003: [404, 'Unknown Channel'],
  10004: [404, 'Unknown Guild'],
  10007: [404, 'Unknown Member'],
  10008: [404, 'Unknown Message'],
  10013: [404, 'Unknown User'],
  10014: [400, 'Unknown Emoji'],
  10015: [404, 'Unknown Webhook'],
  10062: [404, 'Unknown interaction'],
  20012: [403, 'You are not authorized to perform this action on this application'],
  30010: [400, 'Maximum number of reactions reached (20)'],
  30032: [400, 'Maximum number of application commands reached (100)'],
  40005: [413, 'Request entity too large'],
  40060: [400, 'Interaction has already been acknowledged.'],
  50001: [403, 'Missing Access'],
  50005: [403, 'Cannot edit a message authored by another user'],
  50006: [400, 'Cannot send an empty message'],
  50007: [403, 'Cannot send messages to this user'],
  50013: [403, 'Missing Permissions'],
  50021: [403, 'Cannot execute action on a system message'],
  50024: [400, 'Cannot execute action on this channel type'],
  50027: [401, 'Invalid Webhook Token'],
  50083: [400, 'Thread is archived'],
  50109: [400, 'The request body contains invalid JSON.'],
  160002: [400, 'Cannot reply without permission to read message history'],
  160004: [400, 'A thread has already been created for this message'],
  160005: [403, 'Thread is locked'],
} as const satisfies Record<number, readonly [number, string]>;

/** An answer that refuses a request. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: object;

  constructor(status: number, body: { message: string; code: number; errors?: object }) {
    super(`${status} ${body.code} ${body.message}`);
    this.status = status;
    this.body = body;
  }
}

export function apiError(code: keyof typeof KNOWN): ApiError {
  const [status, message] = KNOWN[code];
  return new ApiError(status, { message, code });
}

/** What Discord has and this server does not: said plainly, so that nobody takes it for Discord's answer. */
export const notBuilt = (what: string): ApiError =>
  new ApiError(501, { message: `This local Discord has no ${what}.`, code: 0 });

/** Collects what is wrong with a body, field by field, for one 50035 "Invalid Form Body". */
export class FormErrors {
  readonly #errors: Record<string, unknown> = {};
  #any = false;

  /** `path` such as "components.0.components.1.custom_id". */
  add(path: string, code: string, message: string): void {
    this.#any = true;
    let node = this.#errors;
    for (const key of path.split('.')) {
      node[key] ??= {};
      node = node[key] as Record<string, unknown>;
    }
    node._errors = [...((node._errors as object[]) ?? []), { code, message }];
  }

  throwIfAny(): void {
    if (this.#any) throw this.toError();
  }

  toError(): ApiError {
    return new ApiError(400, { message: 'Invalid Form Body', code: 50035, errors: this.#errors });
  }
}

export function formError(path: string, code: string, message: string): ApiError {
  const errors = new FormErrors();
  errors.add(path, code, message);
  return errors.toError();
}
