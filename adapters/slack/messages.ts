import type { App } from '@slack/bolt';
import type { Bot } from '../../src/bot/ports.ts';
import type { SharedFile } from '../shared-file.ts';
import { conversationOf } from './address.ts';
import {
  filesOf,
  isDirect,
  isEmpty,
  isSpoken,
  isToSomebodyElse,
  mentions,
  type SlackMessage,
  toQuestion,
} from './events.ts';
import { selfIn } from './self.ts';
import { withWholeFiles } from './stubs.ts';
import { withThread } from './thread.ts';
import { whisper } from './whisper.ts';
import { keyOf, type Self } from './workspace.ts';
import type { Workspaces } from './workspaces.ts';

/** Slack brings an event again nearly at once, after a minute and after five. */
const LAST_RETRY = 3;
const COMES_AGAIN =
  'I cannot take your question just now. It comes to me again within five minutes, so there is no need to repeat it.';
const NOT_TAKEN = 'I could not take your question. Please ask again.';

/** What a person wrote. */
export type Asked = SlackMessage & { readonly user: string };

/**
 * Hands what people ask to the bot. A mention comes as two events, app_mention and message, in any order,
 * and Slack may send each again: all go to `bot.ask`, which takes a message once. What a listener here
 * throws leaves the event unacknowledged, so that it comes again.
 * @returns what does the same with a message that was found afterwards
 */
export function listenForQuestions(
  app: App,
  bot: Bot,
  workspaces: Workspaces,
  {
    read,
    before,
  }: {
    readonly read: (files: readonly SharedFile[], where: Self) => Promise<readonly string[]>;
    /** Awaited before a message is taken. */
    readonly before: (message: SlackMessage) => Promise<void> | undefined;
  },
): (message: Asked, self: Self) => Promise<void> {
  /** True in a thread that we have answered in. */
  const isEngaged = async ({ channel, thread_ts: thread }: SlackMessage, { team }: Self) =>
    thread !== undefined &&
    bot.isEngaged({ platform: 'slack', workspace: team, conversation: conversationOf(channel, thread) });

  /** Such a thread goes on without mentions. */
  const isFollowUp = async (message: SlackMessage, self: Self) =>
    !isToSomebodyElse(message, self) && (await isEngaged(message, self));

  /** What is looked up about a message's thread, for both of its events: some apps may look once a minute. */
  const looks = new Map<string, Promise<Asked>>();
  const lookOf = ({ channel, ts }: Asked, self: Self) => [keyOf(self), channel, ts].join(' ');

  /** Whoever calls us into other people's thread asks about what was said there; of our own we know it. */
  const withNewThread = async (told: Asked, self: Self): Promise<Asked> => {
    const { thread_ts: thread, ts } = told;
    if (isDirect(told) || thread === undefined || thread === ts || (await isEngaged(told, self))) return told;
    const look = looks.get(lookOf(told, self)) ?? withThread(told, workspaces.of(self));
    looks.set(lookOf(told, self), look);
    return look;
  };

  const ask = async (
    told: Asked,
    self: Self,
    { retry, tell, followsUp }: { retry: number | undefined; tell: boolean; followsUp: boolean },
  ) => {
    try {
      const asked = followsUp ? told : await withNewThread(told, self);
      const message = await withWholeFiles(asked, workspaces.of(self));
      if (followsUp && isEmpty(message)) return;
      // Files that cannot be read are no question by themselves.
      const files = isEmpty(message) ? [] : await read(filesOf(message), self);
      await bot.ask(toQuestion(message, self, { author: workspaces.userIn(self, message.user), files }));
    } catch (error) {
      const words = retry === LAST_RETRY ? NOT_TAKEN : retry === 1 ? COMES_AGAIN : undefined;
      const to = { channel: told.channel, user: told.user, thread: told.thread_ts };
      if (tell && words) await whisper(workspaces.of(self), to, words);
      throw error;
    } finally {
      looks.delete(lookOf(told, self));
    }
  };

  const hear = async (message: Asked, self: Self, retry?: number) => {
    const direct = isDirect(message);
    // In a channel a mention's other event, app_mention, tells the person of a failure.
    const mentioned = !direct && mentions(message, self);
    const followsUp = !direct && !mentioned;
    if (followsUp && !(await isFollowUp(message, self))) return;
    await ask(message, self, { retry, tell: !mentioned, followsUp });
  };

  app.event('app_mention', async ({ event, context }) => {
    const message = event as SlackMessage;
    const self = selfIn(context);
    const { retryNum: retry } = context;
    if (!isSpoken(message, self)) return;
    await before(message);
    await ask(message, self, { retry, tell: true, followsUp: false });
  });

  app.message(async ({ message: event, context }) => {
    const self = selfIn(context);
    if (event.subtype === 'message_deleted') {
      const previous = event.previous_message as SlackMessage | undefined;
      const { channel, deleted_ts } = event;
      if (previous?.bot_id !== self.bot) return;
      await bot.messageDeleted({ platform: 'slack', workspace: self.team, channel, message: deleted_ts });
      return;
    }
    const message = event as SlackMessage;
    if (!isSpoken(message, self)) return;
    await before(message);
    await hear(message, self, context.retryNum);
  });

  app.event('agent_session_stopped', async ({ event, context }) => {
    const self = selfIn(context);
    const conversation = conversationOf(event.channel, event.thread_ts);
    await bot.stopConversation(
      { platform: 'slack', workspace: self.team, conversation },
      { id: workspaces.userIn(self, event.user), roles: [] },
    );
  });

  return hear;
}
