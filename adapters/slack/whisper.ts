import { codeOf } from './faults.ts';
import { escapeText } from './text.ts';
import type { Workspace } from './workspace.ts';

/** Tells one person something that nobody else sees. Best effort: never throws. */
export async function whisper(
  { client, log }: Workspace,
  to: { readonly channel: string; readonly user: string; readonly thread: string | undefined },
  text: string,
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
