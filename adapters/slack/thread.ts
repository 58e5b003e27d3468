import { cut } from '../../src/cut.ts';
import { wordsOf } from './boxes.ts';
import { forwardedIn, isQuotable, type SlackAttachment, type SlackMessage } from './events.ts';
import { inTime, WITHIN } from './in-time.ts';
import { namesOf, withNames } from './names.ts';
import { withoutNulls } from './nulls.ts';
import type { Workspace } from './workspace.ts';

/**
 * Messages in the first page of a thread, and in each behind it; Slack's most is less than 1,000.
 * https://docs.slack.dev/reference/methods/conversations.replies: the oldest come first, and apps that are
 * distributed outside of the Marketplace get 15 at most, once a minute.
 */
const LISTED = { first: 100, further: 999 };

/** What a question brings along beside the thread's first message. */
const REPLIES = 10;

/** Of one message, and of all. A message has 10 files at most. */
const LONGEST = { one: 4_000, all: 8_000, files: 20 };

/**
 * A message that calls the bot into other people's thread, with what was said there before, as if it were forwarded:
 * the thread's first message and the latest. Without it where Slack does not tell, or not in time.
 */
export async function withThread<M extends SlackMessage>(message: M, workspace: Workspace): Promise<M> {
  const { channel, ts, thread_ts: thread, attachments = [] } = message;
  const { clock, log } = workspace;
  const end = clock.monotonic() + WITHIN;
  try {
    const written = (await listed({ channel, ts: thread!, latest: ts }, workspace, end)).filter(isQuotable);
    // Each page begins with it.
    const first = written.filter((one) => one.ts === thread).slice(0, 1);
    const replies = written.filter((one) => one.ts !== thread).slice(-REPLIES);
    const people = [...first, ...replies].flatMap(({ bot_id, user }) => (user && !bot_id ? [user] : []));
    const names = await namesOf(people, workspace, end - clock.monotonic());
    const [root, rest] = [first, replies].map((some) => some.flatMap((one) => forwarded(one, names)));
    return { ...message, attachments: [...root!, ...latest(rest!, root!), ...attachments] };
  } catch (error) {
    log.warn({ channel, message: ts, err: error }, 'a question goes without the thread that it was asked in');
    return message;
  }
}

/**
 * What was said in a thread; of one whose end Slack does not list in time the first message alone, since the
 * latest are what matters. @throws what the first call throws
 */
async function listed(
  thread: { channel: string; ts: string; latest: string },
  { client, clock, log }: Workspace,
  end: number,
): Promise<SlackMessage[]> {
  let page = await inTime(client.conversations.replies({ ...thread, limit: LISTED.first }), clock);
  const messages = [...(page.messages ?? [])];
  try {
    while (page.has_more) {
      const cursor = page.response_metadata!.next_cursor!;
      const asked = client.conversations.replies({ ...thread, cursor, limit: LISTED.further });
      // The names are still to be asked for.
      page = await inTime(asked, clock, (end - clock.monotonic()) / 2);
      messages.push(...(page.messages ?? []));
    }
    return withoutNulls(messages) as SlackMessage[];
  } catch (err) {
    const { channel, ts } = thread;
    log.info({ channel, thread: ts, err }, 'of a long thread the first message alone is quoted');
    return withoutNulls(messages.filter((one) => one.ts === ts)) as SlackMessage[];
  }
}

/** The message as one that is forwarded, after those that it forwards itself. */
function forwarded(message: SlackMessage, names: ReadonlyMap<string, string>): SlackAttachment[] {
  const { username, bot_profile, user = '', files } = message;
  // Whose name we were not told is called as in mentions.
  const author_name = username || bot_profile?.name || names.get(user) || (user ? `@${user}` : 'Somebody');
  const own = { is_share: true, author_name, text: wordsOf(message), ...(files && { files }) };
  return [...forwardedIn(message), own].map((one) => ({
    ...one,
    text: withNames(cut(one.text ?? '', LONGEST.one), names),
  }));
}

/** The last of them that there is room for, beside what goes along anyhow. */
function latest(replies: readonly SlackAttachment[], beside: readonly SlackAttachment[]): SlackAttachment[] {
  const left = { characters: LONGEST.all, files: LONGEST.files };
  const fits = ({ text = '', files = [] }: SlackAttachment) => {
    left.characters -= text.length;
    left.files -= files.length;
    return left.characters >= 0 && left.files >= 0;
  };
  for (const one of beside) fits(one);
  const kept: SlackAttachment[] = [];
  for (const reply of replies.toReversed()) {
    if (!fits(reply)) break;
    kept.unshift(reply);
  }
  return kept;
}
