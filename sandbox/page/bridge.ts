import { z } from 'zod';
import { GPU_USD_PER_SECOND } from '../../src/modal/prices.ts';
import type { Sandbox } from '../sandbox.ts';

/** Something a person cannot do; its message is shown on the page. */
export class ActionError extends Error {
  override name = 'ActionError';
}

/** All that the page shows. */
export function stateOf({ slack, discord, model, modal, modelUrl }: Sandbox) {
  const chat = (fake: typeof slack | typeof discord) => {
    const channels = [
      { id: fake.channel, name: '# general' },
      { id: fake.dm, name: 'Direct message' },
    ];
    const perChannel = <T>(read: (channel: string) => T) =>
      Object.fromEntries(channels.map(({ id }) => [id, read(id)]));
    return {
      channels,
      people: Object.entries(fake.people).map(([name, id]) => ({ id, name })),
      bot: { id: fake.botUserId, name: 'pilotlight' },
      messages: perChannel((channel) => fake.messages(channel)),
      activity: perChannel((channel) => fake.activity(channel)),
    };
  };
  return {
    model: model ? model.state : { phase: 'real', url: modelUrl },
    modal: modal &&
      model && {
        scaling: modal.scaling,
        outage: modal.unreachable,
        containers: model.state.containers,
        usd: (model.billedMs / 1_000) * GPU_USD_PER_SECOND.H100!,
      },
    slack: chat(slack),
    discord: chat(discord),
  };
}

const say = z.object({
  channel: z.string(),
  user: z.string(),
  text: z.string(),
  thread: z.string().optional(),
});
const click = z.object({ channel: z.string(), user: z.string(), message: z.string(), button: z.string() });
const remove = click.pick({ channel: true, message: true });
const SLASH = /^\/(\S+)\s*([\s\S]*)$/;

/** Does what a person did on the page. Throws {@link ActionError} with a word for them. */
export async function act({ slack, discord, modal }: Sandbox, path: string, body: unknown): Promise<void> {
  try {
    if (path === '/slack/say') {
      const said = say.parse(body);
      // A direct message is between the asker and the bot.
      const user = said.channel === slack.dm ? slack.people.asker : said.user;
      const [, command, text = ''] = SLASH.exec(said.text) ?? [];
      if (command) await slack.slashCommand({ channel: said.channel, user, command: `/${command}`, text });
      else slack.say({ ...said, user });
    } else if (path === '/discord/say') {
      const { thread, ...said } = say.parse(body);
      const user = said.channel === discord.dm ? discord.people.asker : said.user;
      const slash = SLASH.exec(said.text);
      if (slash) {
        const [, name = '', text = ''] = slash;
        await discord.command({ channel: said.channel, user, ...commandOf(name, text) });
      } else {
        discord.say({ ...said, user, ...(thread && { replyTo: thread }) });
      }
    } else if (path === '/slack/click' || path === '/discord/click') {
      const { channel, message, button, user } = click.parse(body);
      await (path.startsWith('/slack') ? slack : discord).click(channel, message, button, user);
    } else if (path === '/slack/delete' || path === '/discord/delete') {
      const { channel, message } = remove.parse(body);
      (path.startsWith('/slack') ? slack : discord).deleteMessage(channel, message);
    } else if (path === '/modal/deploy') {
      modal?.deploy();
    } else if (path === '/modal/outage') {
      if (modal) modal.unreachable = !modal.unreachable;
    } else {
      throw new ActionError(`The page cannot do ${path}.`);
    }
  } catch (error) {
    throw new ActionError((error as Error).message);
  }
}

/** Discord's client has fields for a command's options; here they are read from what was typed. */
function commandOf(name: string, text: string): { name: string; options: Record<string, string | number> } {
  if (name !== 'model') return { name, options: text ? { prompt: text } : {} };
  const [, verb = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(text) ?? [];
  const [found, number] = /(\d+) containers?/.exec(rest) ?? [];
  const words = rest.replace(found ?? '', '').trim();
  return {
    name: `model ${verb}`,
    options: {
      ...(words && { [verb === 'schedule' ? 'when' : 'for']: words }),
      ...(number && { containers: Number(number) }),
    },
  };
}
