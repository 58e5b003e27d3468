import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import { codeOf } from './faults.ts';
import { escapeText } from './text.ts';

/** Tells one person something that nobody else sees. Best effort: never throws. */
export async function whisper(
  client: WebClient,
  to: { readonly channel: string; readonly user: string; readonly thread: string | undefined },
  text: string,
  log: Logger,
): Promise<void> {
  try {
    await client.chat.postEphemeral({
      channel: to.channel,
      user: to.user,
      text: escapeText(text),
      ...(to.thread === undefined ? {} : { thread_ts: to.thread }),
    });
  } catch (error) {
    log.warn({ channel: to.channel, code: codeOf(error) }, 'cannot send an ephemeral message');
  }
}
