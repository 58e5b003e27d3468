import { WebAPIPlatformError } from '@slack/web-api';
import type { SlackAddress } from './address.ts';
import { codeOf } from './faults.ts';
import { keyIn } from './metadata.ts';
import type { Workspace } from './workspace.ts';

/**
 * Finds the message of a page whose post we never heard back from: by its key, or, since a stream gets its
 * key only at its end, as a message of ours that has none and is not `known`; if that is undefined, it was no
 * stream. Throws what the Web API client throws, except that a history we may not read holds nothing.
 */
export async function findReply(
  { client, credentials, log }: Workspace,
  { channel, thread, ts }: SlackAddress,
  key: string,
  known: ReadonlySet<string> | undefined,
): Promise<string | undefined> {
  try {
    const { messages = [] } = await client.conversations.replies({
      channel,
      ts: thread,
      oldest: ts,
      include_all_metadata: true,
      limit: 200,
    });
    const bot = (await credentials())?.bot;
    const ours = messages.filter((message) => message.bot_id === bot);
    const stream = (message: (typeof ours)[number]) =>
      known?.has(message.ts!) === false && keyIn(message) === undefined;
    return (ours.find((message) => keyIn(message) === key) ?? ours.find(stream))?.ts;
  } catch (error) {
    if (!(error instanceof WebAPIPlatformError)) throw error;
    log.warn({ channel, code: codeOf(error) }, 'cannot look for a message that may be lost');
    return undefined;
  }
}
