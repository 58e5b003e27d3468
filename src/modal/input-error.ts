/** Something a person typed cannot be done; the message says why and what can. */
export class InputError extends Error {
  override name = 'InputError';
}
