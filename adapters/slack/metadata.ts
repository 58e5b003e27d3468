/** What we write on our messages for ourselves; nobody sees it. */

/** Marks a message as the page with this key, so that it is found again when the answer to its post was lost. */
export function metadataOf(key: string) {
  return { event_type: 'pilotlight_reply', event_payload: { key } };
}

/** Marks a message of ours that is no page. */
export const notice = { event_type: 'pilotlight_notice', event_payload: {} };

/** The key a message carries: `null` when it is no page, undefined when nothing was written on it. */
export function keyIn(message: { metadata?: unknown }): string | null | undefined {
  const metadata = message.metadata as ReturnType<typeof metadataOf> | undefined;
  return metadata?.event_type === undefined ? undefined : (metadata.event_payload?.key ?? null);
}
