import type { App, Context, RespondArguments } from '@slack/bolt';
import type { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { CommandAnswer, Commands } from '../../src/bot/commands.ts';
import type { CommandNotice } from '../../src/bot/ports.ts';
import { showTimes, utc } from '../../src/bot/warm-words.ts';
import { selfIn } from './self.ts';
import { escapeText } from './text.ts';
import type { Workspaces } from './workspaces.ts';

/** As in docs/slack-manifest.yaml. */
const COMMAND = '/pilotlight';
/** Characters of a section's text; https://docs.slack.dev/reference/block-kit/blocks/section-block */
const MAX_SECTION = 3_000;

/** Hands `/pilotlight …` and the buttons of its answers to the commands. Slack is told at once that it came. */
export function listenForCommands(app: App, commands: Commands, workspaces: Workspaces, log: Logger): void {
  const callIn = (context: Context, channel: string, user: string, name: string | undefined) => {
    const self = selfIn(context);
    const workspace = workspaces.nameOf(self);
    return {
      platform: 'slack' as const,
      channel,
      ...(workspace !== undefined && { workspace }),
      user: { id: workspaces.userIn(self, user), roles: [], ...(name !== undefined && { name }) },
    };
  };

  app.command(COMMAND, async ({ ack, command, context, respond }) => {
    await ack();
    const { channel_id, user_id, user_name, text } = command;
    const answer = await commands.run({ ...callIn(context, channel_id, user_id, user_name), text });
    await reply(
      respond,
      { ...message(answer), response_type: answer.public ? 'in_channel' : 'ephemeral' },
      log,
    );
  });

  app.action(/^pilotlight-warm:/, async ({ ack, action, body, context, respond }) => {
    await ack();
    const channel = body.channel?.id;
    if (!('action_id' in action) || channel === undefined) return;
    const name = 'name' in body.user ? body.user.name : undefined;
    const answer = await commands.press(action.action_id, callIn(context, channel, body.user.id, name));
    const how = answer.replaces ? { replace_original: true } : { response_type: 'ephemeral' as const };
    await reply(respond, { replace_original: false, ...message(answer), ...how }, log);
  });
}

/** Writes a message that nobody asked for into a channel. */
export async function postNotice(client: WebClient, channel: string, notice: CommandNotice): Promise<void> {
  await client.chat.postMessage({ channel, ...message(notice) });
}

/** Times in the reader's zone; nothing in the text can mention. */
function message({ text, buttons }: Pick<CommandAnswer, 'text' | 'buttons'>) {
  const shown = showTimes(
    escapeText(text),
    (ms) => `<!date^${Math.floor(ms / 1_000)}^{date_short_pretty} {time}|${utc(ms)}>`,
  );
  const sections = sectionsOf(shown).map((text) => ({
    type: 'section' as const,
    text: { type: 'mrkdwn' as const, text },
  }));
  const actions = {
    type: 'actions' as const,
    elements: buttons.map(({ id, label, primary }) => ({
      type: 'button' as const,
      action_id: id,
      text: { type: 'plain_text' as const, text: label },
      ...(primary && { style: 'primary' as const }),
    })),
  };
  return { text: shown, blocks: buttons.length > 0 ? [...sections, actions] : sections };
}

/** Whole lines, as many as a section takes: a status of many models is longer. */
function sectionsOf(text: string): string[] {
  const sections: string[] = [];
  for (const line of text.split('\n')) {
    const last = sections.at(-1);
    if (last !== undefined && last.length + 1 + line.length <= MAX_SECTION)
      sections[sections.length - 1] = `${last}\n${line}`;
    else sections.push(line.slice(0, MAX_SECTION));
  }
  return sections;
}

async function reply(
  respond: (message: RespondArguments) => Promise<unknown>,
  answer: RespondArguments,
  log: Logger,
): Promise<void> {
  try {
    await respond(answer);
  } catch (error) {
    log.warn({ err: error }, 'the answer to a command could not be shown');
  }
}
