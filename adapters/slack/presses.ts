import type { App, BlockAction } from '@slack/bolt';
import { type Bot, type Pressed, parseButtonId } from '../../src/bot/ports.ts';
import { type Blocks, withoutButtons } from './blocks.ts';
import { toWriteError } from './faults.ts';
import { limits } from './limits.ts';
import { selfIn } from './self.ts';
import { whisper } from './whisper.ts';
import type { Workspace } from './workspace.ts';
import type { Workspaces } from './workspaces.ts';

/** A message as Slack tells it; its Markdown has become blocks of Slack's own. */
interface Shown {
  readonly ts: string;
  readonly thread_ts?: string;
  readonly text?: string;
  readonly blocks?: Blocks;
}

const FAILED = 'That did not work just now. Please try again in a minute.';

/** Hands presses of our buttons to the bot; what it answers is for the person who pressed. */
export function listenForPresses(app: App, bot: Bot, workspaces: Workspaces): void {
  app.action<BlockAction>(/^pilotlight:/, async ({ ack, action, body, context }) => {
    await ack();
    const button = parseButtonId(action.action_id);
    const channel = body.channel?.id;
    if (!button || !channel) return;
    const self = selfIn(context);
    const workspace = workspaces.of(self);
    let pressed: Pressed;
    try {
      pressed = await bot.press({
        platform: 'slack',
        workspace: self.team,
        channel,
        button: button.kind,
        turn: button.turn,
        user: { id: workspaces.userIn(self, body.user.id), roles: [], name: body.user.name },
      });
    } catch (error) {
      workspace.log.error({ channel, turn: button.turn, err: error }, 'a button failed');
      pressed = { answer: FAILED, spent: false };
    }
    const message = body.message as Shown | undefined;
    const to = { channel, user: body.user.id, thread: message?.thread_ts };
    if (pressed.answer !== null) await whisper(workspace, to, pressed.answer);
    if (pressed.spent && message) await takeButtons(workspace, { team: self.team, channel }, message);
  });
}

/**
 * Shows the message as it is, without its buttons. Left out while there is no room for an edit, and when Slack
 * refuses: the next press of one of them tries again.
 */
async function takeButtons(
  { client, spare, log }: Workspace,
  { team, channel }: { readonly team: string; readonly channel: string },
  { ts, text = '', blocks = [] }: Shown,
): Promise<void> {
  const budgets = [limits.update(team)];
  try {
    await spare.spare(budgets, async () => {
      try {
        await client.chat.update({ channel, ts, ...withoutButtons(text, blocks) });
      } catch (error) {
        throw toWriteError(error, budgets);
      }
    });
  } catch (error) {
    log.info({ channel, err: error }, 'an old answer keeps its buttons');
  }
}
