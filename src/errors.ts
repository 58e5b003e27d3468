/**
 * A fault that the operator can mend: its message says what is wrong and what to do, and is printed
 * without a stack. Thrown at start and by adapters that cannot connect.
 */
export class OperatorError extends Error {
  override name = 'OperatorError';
}

/** Somebody who is needed cannot be reached: it may pass by itself, and what failed may be tried again. */
export class Unreachable extends OperatorError {
  override name = 'Unreachable';
}
