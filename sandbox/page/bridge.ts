import { z } from 'zod';
import { GPU_USD_PER_SECOND } from '../../src/modal/prices.ts';
import type { FakeDiscord } from '../discord/fake-discord.ts';
import type { OptionValue, OptionValues } from '../discord/invocations.ts';
import type { Sandbox } from '../sandbox.ts';
import type { FakeSlack } from '../slack/fake-slack.ts';

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
    model: model ? { ...model.state, failing: model.failing } : { phase: 'real', url: modelUrl },
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
  files: z
    .array(
      z.object({
        name: z.string(),
        mimetype: z.string(),
        content: z.base64().transform((text) => Buffer.from(text, 'base64')),
      }),
    )
    .default([]),
});
const click = z.object({ channel: z.string(), user: z.string(), message: z.string(), button: z.string() });
const remove = click.pick({ channel: true, message: true });
type Said = z.infer<typeof say>;
const SLASH = /^\/(\S+)\s*([\s\S]*)$/;

/** Does what a person did on the page. Throws {@link ActionError} with a word for them. */
export async function act(
  { slack, discord, model, modal }: Sandbox,
  path: string,
  body: unknown,
): Promise<void> {
  try {
    if (path === '/slack/say' || path === '/discord/say') {
      const said = say.parse(body);
      const slash = SLASH.exec(said.text);
      if (path === '/slack/say') await sayInSlack(slack, said, slash);
      else await sayInDiscord(discord, said, slash);
    } else if (path === '/slack/click' || path === '/discord/click') {
      const { channel, message, button, user } = click.parse(body);
      await (path.startsWith('/slack') ? slack : discord).click(channel, message, button, user);
    } else if (path === '/slack/delete' || path === '/discord/delete') {
      const { channel, message } = remove.parse(body);
      (path.startsWith('/slack') ? slack : discord).deleteMessage(channel, message);
    } else if (path === '/model/failure') {
      if (model) model.failing = !model.failing;
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

/** In a direct message it is the asker who speaks: it is between that person and the bot. */
async function sayInSlack(slack: FakeSlack, said: Said, slash: RegExpExecArray | null): Promise<void> {
  const user = said.channel === slack.dm ? slack.people.asker : said.user;
  if (!slash) return void slack.say({ ...said, user });
  if (said.files.length > 0) throw new Error('Slack sends no files with a slash command');
  const [, command, text] = slash;
  await slack.slashCommand({ channel: said.channel, user, command: `/${command}`, text: text! });
}

async function sayInDiscord(
  discord: FakeDiscord,
  { thread, ...said }: Said,
  slash: RegExpExecArray | null,
): Promise<void> {
  const user = said.channel === discord.dm ? discord.people.asker : said.user;
  if (!slash) return void discord.say({ ...said, user, ...(thread && { replyTo: thread }) });
  const [, name, text] = slash;
  await discord.command({ channel: said.channel, user, ...commandOf(name!, text!, said.files) });
}

/** The option of /model that words without a name are for, by subcommand. */
const FIRST: Readonly<Record<string, string>> = { warm: 'for', schedule: 'when' };
const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['containers', 'max', 'buffer']);

/**
 * Discord's client has fields for a command's options; here they are read from what was typed, as the client
 * shows them: `/model warm for:2h containers:2`. The first may go without its name.
 */
function commandOf(
  command: string,
  text: string,
  [file, ...more]: Said['files'],
): { name: string; options: OptionValues } {
  if (more.length > 0) throw new Error('a command of Discord has a field for one file');
  const given = file && { file };
  if (command !== 'model') return { name: command, options: { ...(text && { prompt: text }), ...given } };
  const [, verb = '', rest = ''] = /^(\S*)\s*([\s\S]*)$/.exec(text) ?? [];
  const [unnamed = '', ...named] = ` ${rest}`.split(/\s+(?=[a-z]+:)/).map((part) => part.trim());
  const options: Record<string, OptionValue> = {
    ...given,
    ...(unnamed && { [FIRST[verb] ?? 'words']: unnamed }),
  };
  for (const one of named) {
    const [, name = '', value = ''] = /^([a-z]+):\s*([\s\S]*)$/.exec(one) ?? [];
    options[name] =
      name === 'public' ? value === 'true' : WHOLE_NUMBERS.has(name) && value !== '' ? Number(value) : value;
  }
  return { name: `model ${verb}`, options };
}
