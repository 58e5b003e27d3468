/** What we write on our messages for ourselves; nobody sees it. */

const REPLY = 'pilotlight_reply';

/** Marks a message as the page with this key, so that it is found again when the answer to its post was lost. */
export function metadataOf(key: string) {
  return { event_type: REPLY, event_payload: { key } };
}

/** Marks a message of ours that is no page. */
export const notice = { event_type: 'pilotlight_notice', event_payload: {} };

/** The key a message carries: `null` when it is no page, undefined when nothing was written on it. */
export function keyIn(message: { metadata?: unknown }): string | null | undefined {
  const { event_type, event_payload } = (message.metadata ?? {}) as Partial<ReturnType<typeof metadataOf>>;
  if (event_type === undefined) return undefined;
  return event_type === REPLY ? (event_payload?.key ?? null) : null;
}
