import { type Logger, pino } from 'pino';

/**
 * The process's log: JSON lines with ids and durations on stdout, never message text or secrets. Errors
 * of HTTP clients carry request headers and bodies, so only their name, message, code and stack are kept.
 */
export function createLog(level: string): Logger {
  return pino({ level, base: undefined, serializers: { err: plainError } }, stdout());
}

/** What waits to be written; bytes. */
const MOST_WAITING = 1_048_576;

/** The bot goes on while nothing can be written there, as on a full disk; what is too much by then is left out. */
function stdout(): ReturnType<typeof pino.destination> {
  const stream = pino.destination({ dest: 1, sync: false, maxLength: MOST_WAITING });
  stream.on('error', () => {
    // At the exit it would try for ever.
    stream.flushSync = () => {};
  });
  return stream;
}

/** Libraries throw what only looks like an error, too: pg-boss gives copies of them. */
const isLikeError = (value: unknown): value is Error & { readonly code?: unknown } =>
  typeof (value as { message?: unknown } | null | undefined)?.message === 'string';

function plainError(error: unknown): object {
  if (!isLikeError(error)) return { message: String(error) };
  const { name, message, code, stack, cause } = error;
  return { name, message, code, stack, ...(isLikeError(cause) ? { cause: plainError(cause) } : {}) };
}
