import {
  type ApplicationCommandType,
  type ChatInputCommandInteraction,
  type Client,
  DiscordAPIError,
  type MessageContextMenuCommandInteraction,
  type RESTPostAPIApplicationCommandsJSONBody,
  Routes,
} from 'discord.js';
import type { Logger } from 'pino';
import type { Bot } from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { OperatorError } from '../../src/errors.ts';

export type CommandInteraction = ChatInputCommandInteraction | MessageContextMenuCommandInteraction;

export interface CommandContext {
  readonly bot: Bot;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A command that people find in Discord's own menus. Each stands in a file of its own. */
export interface Command {
  /** What Discord shows of it; a name is used once. */
  readonly definition: RESTPostAPIApplicationCommandsJSONBody & { readonly type: ApplicationCommandType };
  run(interaction: CommandInteraction, context: CommandContext): Promise<void>;
}

/**
 * Makes Discord know these commands and no others, in one server or, without `guildId`, everywhere. Writes
 * only what changed, since Discord counts registrations.
 * @throws OperatorError when the bot may not have commands in that server
 */
export async function registerCommands(
  client: Client<true>,
  commands: readonly Command[],
  guildId: string | undefined,
): Promise<void> {
  const app = client.application.id;
  const everywhere = Routes.applicationCommands(app);
  try {
    if (guildId === undefined) return await replace(client, everywhere, commands.map(inServersAndDMs));
    const definitions = commands.map(({ definition }) => definition);
    await replace(client, Routes.applicationGuildCommands(app, guildId), definitions);
    // Left from a time without DISCORD_GUILD_ID, they would be listed twice in that server.
    await replace(client, everywhere, []);
  } catch (error) {
    if (guildId === undefined || !isNoSuchServer(error)) throw error;
    throw new OperatorError(
      `DISCORD_GUILD_ID: the bot is not in server ${guildId}, or was invited without the scope ` +
        'applications.commands. Check the id (right click the server → Copy Server ID) or invite the bot again.',
    );
  }
}

/** Commands are for servers that added the bot and its direct messages; a server's own cannot say so. */
const inServersAndDMs = ({ definition }: Command) => ({
  ...definition,
  integration_types: [0],
  contexts: [0, 1],
});

async function replace(client: Client<true>, route: `/${string}`, wanted: readonly object[]): Promise<void> {
  const known = (await client.rest.get(route)) as readonly { name: string; type: number }[];
  const same =
    known.length === wanted.length &&
    wanted.every((command) => known.some((other) => covers(other, command)));
  if (!same) await client.rest.put(route, { body: wanted });
}

/** True when `known` says all that `wanted` says; Discord adds ids, versions and defaults. */
function covers(known: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(known) &&
      known.length === wanted.length &&
      wanted.every((item, index) => covers(known[index], item))
    );
  }
  if (typeof wanted !== 'object' || wanted === null) return known === wanted;
  if (typeof known !== 'object' || known === null) return false;
  const fields = known as Record<string, unknown>;
  const extra = Array.isArray(fields.options) && !('options' in wanted) && fields.options.length > 0;
  return !extra && Object.entries(wanted).every(([name, value]) => covers(fields[name], value));
}

const isNoSuchServer = (error: unknown): boolean =>
  error instanceof DiscordAPIError && [10004, 50001].includes(Number(error.code));
