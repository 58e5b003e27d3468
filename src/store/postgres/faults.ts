import { OperatorError } from '../../errors.ts';

/** By Postgres's error codes (postgresql.org/docs/current/errcodes-appendix.html) and Node's. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host; look for a typing error',
  EAI_AGAIN: 'the host’s name cannot be looked up now',
  ECONNREFUSED: 'nothing listens there; start Postgres, or look for a typing error',
  ECONNRESET: 'the connection was closed, so this may not be Postgres’s port',
  ETIMEDOUT: 'it does not answer; look for a firewall between',
  EHOSTUNREACH: 'there is no way to that host from here',
  '28P01': 'the user or the password is wrong',
  '28000': 'this user may not connect from here (pg_hba.conf)',
  '3D000': 'there is no such database; make it with CREATE DATABASE',
  '42501': 'this user may not create tables and schemas there; let it own the database',
  '42P07': 'it holds tables of another program; give Pilotlight a database of its own',
  '25006': 'it is read-only, as a standby is; name the primary',
  '53300': 'it has no connection left; raise max_connections or run fewer processes',
  '57P03': 'it is just starting up or shutting down; try again in a moment',
};

/** What the operator reads when the database cannot be used at start. Names no user and no password. */
export function startFault(error: unknown, url: string): OperatorError {
  const { code, message } = rootOf(error);
  const words = WORDS[code ?? ''] ?? byMessage(message) ?? message;
  return new OperatorError(`DATABASE_URL: Postgres at ${place(url)} cannot be used: ${words}.`);
}

/** A host with several addresses fails with one error for each. */
function rootOf(error: unknown): { code?: string; message: string } {
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first : { message: String(first) };
}

function byMessage(message: string): string | undefined {
  if (/startup parameter/.test(message))
    return `the pooler there refuses a setting (${message}); take it out of the address, or add it to ignore_startup_parameters`;
  if (/timeout/i.test(message)) return WORDS.ETIMEDOUT;
  if (/password must be a string/.test(message))
    return 'it wants a password: postgres://USER:PASSWORD@HOST/DATABASE';
  if (/does not support SSL/.test(message)) return 'it takes no TLS; leave sslmode out';
  if (/Connection terminated unexpectedly/.test(message)) return WORDS.ECONNRESET;
  return undefined;
}

/** Where it is, for people: without the user and the password. */
export function place(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host || 'the local socket'}${pathname}`;
}
