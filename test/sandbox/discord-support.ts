import { once } from 'node:events';
import {
  Client,
  type ClientOptions,
  DiscordAPIError,
  Events,
  GatewayIntentBits as Intents,
  Partials,
  REST,
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
