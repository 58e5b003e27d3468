import type { App, BlockAction } from '@slack/bolt';
import { type Bot, parseButtonId } from '../../src/bot/ports.ts';
import { selfIn } from './self.ts';
import { whisper } from './whisper.ts';
import type { Workspaces } from './workspaces.ts';

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
    let answer: string | null;
    try {
      answer = await bot.press({
        platform: 'slack',
        workspace: self.team,
        channel,
        button: button.kind,
        turn: button.turn,
        user: { id: workspaces.userIn(self, body.user.id), roles: [], name: body.user.name },
      });
    } catch (error) {
      workspace.log.error({ channel, turn: button.turn, err: error }, 'a button failed');
      answer = FAILED;
    }
    const to = { channel, user: body.user.id, thread: body.message?.thread_ts as string | undefined };
    if (answer !== null) await whisper(workspace, to, answer);
  });
}
