import type { Target } from '../store/warm-store.ts';

/**
 * - `invalid`: refused here, before anything was sent.
 * - `token`: Modal does not accept the token.
 * - `denied`: the token may not do this.
 * - `missing`: no such app, server, method or environment.
 * - `unreachable`: network, timeout, Modal's own failure: it may work later.
 */
export type ScalingFault = 'invalid' | 'token' | 'denied' | 'missing' | 'unreachable';

/** Its message says in plain words what is wrong and, where somebody can mend it, how. */
export class ScalingError extends Error {
  override name = 'ScalingError';
  readonly fault: ScalingFault;

  constructor(fault: ScalingFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

/** gRPC's codes, https://grpc.io/docs/guides/status-codes */
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;
const INVALID = [3, 9, 11];

/** What the SDK threw, for people. It has error classes of its own for some, gRPC's codes for the rest. */
export function plainFault(error: unknown, { app, server, environment }: Target): ScalingError {
  if (error instanceof ScalingError) return error;
  const { name, code, details, message } = error as Error & { code?: unknown; details?: string };
  if (name === 'NotFoundError' || code === NOT_FOUND) {
    const where = environment ? ` in the environment ${environment}` : '';
    return new ScalingError(
      'missing',
      `Modal knows no ${server} in an app ${app}${where}. Check MODAL_APP, MODAL_SERVER and MODAL_ENVIRONMENT, and that it is deployed.`,
      error,
    );
  }
  if (code === UNAUTHENTICATED || /credentials/i.test(message)) {
    return new ScalingError(
      'token',
      'Modal does not accept the API token. Make a new one (modal.com/settings → API Tokens) and set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.',
      error,
    );
  }
  if (code === PERMISSION_DENIED) {
    return new ScalingError(
      'denied',
      'The Modal API token may not scale this app. Use a token of somebody who may deploy it.',
      error,
    );
  }
  if (INVALID.includes(Number(code)))
    return new ScalingError('invalid', `Modal refused the settings: ${details}.`, error);
  return new ScalingError('unreachable', 'Modal cannot be reached just now.', error);
}
