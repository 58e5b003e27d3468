import type { App } from '@slack/bolt';
import type { Bot } from '../../src/bot/ports.ts';
import { conversationOf } from './address.ts';
import { isDirect, isSpoken, isToSomebodyElse, mentions, type SlackMessage, toQuestion } from './events.ts';
import { whisper } from './whisper.ts';
import type { Self, Workspace } from './workspace.ts';

const NOT_STORED = 'I could not take your question just now. Please ask again in a minute.';

/**
 * Hands what people ask to the bot. A mention comes as two events, app_mention and message, in any order,
 * and Slack may send each again: all go to `bot.ask`, which takes a message once. Bolt has acknowledged an
 * event before it comes here, so storing it is the first thing done.
 */
export function listenForQuestions(app: App, bot: Bot, self: Self, workspace: Workspace): void {
  const { client, log } = workspace;

  const ask = async (message: SlackMessage & { user: string }, tell: boolean) => {
    const question = toQuestion(message, self);
    const { channel } = message;
    try {
      await bot.ask(question);
    } catch (error) {
      log.error({ channel, message: message.ts, err: error }, 'cannot take a question');
      const to = { channel, user: message.user, thread: message.thread_ts };
      if (tell) await whisper(client, to, NOT_STORED, log);
    }
  };

  /** A thread that we have answered in goes on without mentions. */
  const isFollowUp = async (message: SlackMessage) => {
    if (message.thread_ts === undefined || isToSomebodyElse(message, self)) return false;
    return bot.isEngaged({
      platform: 'slack',
      workspace: self.team,
      conversation: conversationOf(message.channel, message.thread_ts),
    });
  };

  app.event('app_mention', async ({ event }) => {
    const message = event as SlackMessage;
    if (isSpoken(message, self)) await ask(message, true);
  });

  app.message(async ({ message: event }) => {
    if (event.subtype === 'message_deleted') {
      const previous = event.previous_message as SlackMessage | undefined;
      const { channel, deleted_ts } = event;
      if (previous?.bot_id !== self.bot) return;
      await bot.messageDeleted({ platform: 'slack', workspace: self.team, channel, message: deleted_ts });
      return;
    }
    const message = event as SlackMessage;
    if (!isSpoken(message, self)) return;
    const direct = isDirect(message);
    // In a channel a mention's other event, app_mention, tells the person of a failure.
    const mentioned = !direct && mentions(message, self);
    if (direct || mentioned || (await isFollowUp(message))) await ask(message, !mentioned);
  });

  app.event('agent_session_stopped', async ({ event }) => {
    const conversation = conversationOf(event.channel, event.thread_ts);
    await bot.stopConversation(
      { platform: 'slack', workspace: self.team, conversation },
      { id: event.user, roles: [] },
    );
  });
}
