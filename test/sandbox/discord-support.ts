import { once } from 'node:events';
import {
  ApplicationCommandType,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  Client,
  type ClientOptions,
  DiscordAPIError,
  Events,
  GatewayIntentBits as Intents,
  type MessageContextMenuCommandInteraction,
  Partials,
  PermissionFlagsBits,
  REST,
  SlashCommandBuilder,
} from 'discord.js';
import { onTestFinished } from 'vitest';
import { FakeDiscord, type FakeDiscordOptions } from '../../sandbox/discord/fake-discord.ts';

/** A fake Discord that is closed when the test ends. */
export async function startDiscord(options: FakeDiscordOptions = {}): Promise<FakeDiscord> {
  const discord = await FakeDiscord.start(options);
  onTestFinished(() => discord.close());
  return discord;
}

/** Discord's REST client, made to report refusals instead of trying again. */
export function restOf(discord: FakeDiscord, token = discord.token): REST {
  const rest = new REST({ api: discord.apiUrl, retries: 0, rejectOnRateLimit: () => true }).setToken(token);
  onTestFinished(() => rest.clearHandlerSweeper());
  return rest;
}

export const ALL_INTENTS = [
  Intents.Guilds,
  Intents.GuildMessages,
  Intents.GuildMessageReactions,
  Intents.GuildMessageTyping,
  Intents.DirectMessages,
  Intents.DirectMessageTyping,
  Intents.MessageContent,
];

/** The real client, logged in and ready. `listen` is called before it connects. */
export async function logIn(
  discord: FakeDiscord,
  listen: (client: Client) => void = () => {},
  options: Partial<ClientOptions> = {},
): Promise<Client<true>> {
  const client = new Client({
    intents: ALL_INTENTS,
    partials: [Partials.Channel],
    rest: { api: discord.apiUrl, retries: 0 },
    ...options,
  });
  onTestFinished(() => client.destroy());
  listen(client);
  const ready = once(client, Events.ClientReady);
  await client.login(discord.token);
  await ready;
  return client as Client<true>;
}

/** Resolves to the next event of this name. */
export async function next<T>(client: Client, event: string): Promise<T> {
  const [value] = await once(client, event);
  return value as T;
}

/** Discord's code and status for a refused request, e.g. "404 10008". */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return error instanceof DiscordAPIError ? `${error.status} ${error.code}` : String(error);
  }
  return 'not refused';
}

/** Which fields a refused form names. */
export async function faultyFields(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  return error instanceof DiscordAPIError
    ? JSON.stringify((error.rawError as { errors?: object }).errors)
    : '';
}

/** Resolves as soon as what is shown meets the condition. */
export async function until(discord: FakeDiscord, condition: () => boolean): Promise<void> {
  while (!condition()) await once(discord, 'change');
}

/** One request by hand, for what Discord's client would not send or not show. */
export async function request(
  discord: FakeDiscord,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { authorization: `Bot ${discord.token}` },
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(`${discord.apiUrl}/v10${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
}

/** The commands of a bot that `startWithCommands` starts. */
export const ask = new SlashCommandBuilder()
  .setName('ask')
  .setDescription('Ask the model')
  .addStringOption((option) =>
    option.setName('question').setDescription('What?').setRequired(true).setMaxLength(20),
  )
  .addIntegerOption((option) =>
    option.setName('effort').setDescription('1 to 3').setMinValue(1).setMaxValue(3),
  )
  .toJSON();
export const warm = new SlashCommandBuilder()
  .setName('warm')
  .setDescription('Keep the model warm')
  .setDefaultMemberPermissions(PermissionFlagsBits.ManageGuild)
  .addSubcommand((sub) =>
    sub
      .setName('start')
      .setDescription('From now on')
      .addStringOption((option) => option.setName('until').setDescription('When it ends')),
  )
  .toJSON();
export const aboutThis = { name: 'Ask about this', type: ApplicationCommandType.Message as const };

export type Handlers = {
  command?: (interaction: ChatInputCommandInteraction) => unknown;
  menu?: (interaction: MessageContextMenuCommandInteraction) => unknown;
  button?: (interaction: ButtonInteraction) => unknown;
};

/** A bot in the fake Discord, with commands, and somebody to use them. */
export async function startWithCommands(handlers: Handlers, options: FakeDiscordOptions = {}) {
  const discord = await startDiscord(options);
  const client = await logIn(discord, (client) => {
    client.on(Events.InteractionCreate, async (interaction) => {
      if (interaction.isChatInputCommand()) await handlers.command?.(interaction);
      if (interaction.isMessageContextMenuCommand()) await handlers.menu?.(interaction);
      if (interaction.isButton()) await handlers.button?.(interaction);
    });
  });
  await client.application.commands.set([ask, warm, aboutThis]);
  const { asker } = discord.people;
  const use = (name = 'ask', values: Record<string, string | number> = { question: 'why?' }) =>
    discord.command({ channel: discord.channel, user: asker, name, options: values });
  return { discord, client, asker, use, last: () => discord.messages(discord.channel).at(-1) };
}

/** Calls that a test makes by hand on an interaction's token. */
export const tokenCalls = (discord: FakeDiscord, { id, token }: { id: string; token: string }) => {
  const webhook = `/webhooks/${discord.applicationId}/${token}`;
  const code = async (method: string, path: string, body?: object) => {
    const answer = await request(discord, method, path, body, {});
    return `${answer.status} ${(answer.body as { code?: number } | undefined)?.code ?? ''}`.trim();
  };
  return {
    callback: (body: object) => code('POST', `/interactions/${id}/${token}/callback`, body),
    edit: (content: string, message = '@original') =>
      code('PATCH', `${webhook}/messages/${message}`, { content }),
    followUp: (content: string) => code('POST', webhook, { content }),
  };
};

/** Resolves to the next interaction, as sent. */
export const nextInteraction = (client: Client) =>
  new Promise<{ id: string; token: string }>((resolve) => {
    client.once(Events.InteractionCreate, ({ id, token }) => resolve({ id, token }));
  });
