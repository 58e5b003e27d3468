import { wordsOf } from './boxes.ts';
import { forwardedIn, isQuotable, type SlackAttachment, type SlackMessage } from './events.ts';
import { inTime } from './in-time.ts';
import type { Workspace } from './workspace.ts';

/**
 * A longer thread is quoted by its first message alone: Slack lists the oldest, and the latest are what matters.
 * https://docs.slack.dev/reference/methods/conversations.replies: apps that are distributed outside of the
 * Marketplace get 15 at most, once a minute.
 */
const LISTED = 100;

/** What a question brings along beside the thread's first message. */
const REPLIES = 10;

/** Of one message, and of all. A message has 10 files at most. */
const LONGEST = { one: 4_000, all: 8_000, files: 20 };

/**
 * A message that calls the bot into other people's thread, with what was said there before, as if it were forwarded:
 * the thread's first message and the latest. Without it where Slack does not tell, or not in time.
 */
export async function withThread<M extends SlackMessage>(
  message: M,
  { client, clock, log }: Workspace,
): Promise<M> {
  const { channel, ts, thread_ts: thread, attachments = [] } = message;
  try {
    const asked = client.conversations.replies({ channel, ts: thread!, latest: ts, limit: LISTED });
    const { messages = [], has_more } = await inTime(asked, clock);
    const before = (messages as SlackMessage[]).filter(isQuotable);
    const first = before.filter((one) => one.ts === thread).flatMap(forwarded);
    const replies = has_more ? [] : before.filter((one) => one.ts !== thread).flatMap(forwarded);
    return { ...message, attachments: [...first, ...latest(replies, first), ...attachments] };
  } catch (error) {
    log.warn({ channel, message: ts, err: error }, 'a question goes without the thread that it was asked in');
    return message;
  }
}

/** The message as one that is forwarded, after those that it forwards itself. */
function forwarded(message: SlackMessage): SlackAttachment[] {
  const { files } = message;
  const own = {
    is_share: true,
    author_name: nameOf(message),
    text: wordsOf(message),
    ...(files && { files }),
  };
  return [...forwardedIn(message), own].map((one) => ({ ...one, text: cut(one.text ?? '') }));
}

/** Slack tells the names of bots, and of people seldom; elsewhere they are called as in mentions of them. */
const nameOf = ({ username, bot_profile, user_profile, user }: SlackMessage): string =>
  username || bot_profile?.name || user_profile?.display_name || (user ? `@${user}` : 'Somebody');

const cut = (text: string): string =>
  text.length > LONGEST.one ? `${text.slice(0, LONGEST.one).replace(/[\uD800-\uDBFF]$/, '')}…` : text;

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
  for (const reply of replies.slice(-REPLIES).toReversed()) {
    if (!fits(reply)) break;
    kept.unshift(reply);
  }
  return kept;
}
