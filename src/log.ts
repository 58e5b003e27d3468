import { type Logger, pino } from 'pino';

/**
 * The process's log: JSON lines with ids and durations on stdout, never message text or secrets. Errors
 * of HTTP clients carry request headers and bodies, so only their name, message, code and stack are kept.
 */
export function createLog(level: string): Logger {
  return pino({ level, base: undefined, serializers: { err: plainError } });
}

function plainError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return { name, message, code, stack, ...(cause instanceof Error ? { cause: plainError(cause) } : {}) };
}
