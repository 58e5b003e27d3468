import {
  type APIGatewayBotInfo,
  type Client,
  DiscordjsError,
  DiscordjsErrorCodes,
  Events,
  GatewayCloseCodes,
  Routes,
  Status,
} from 'discord.js';
import type { Logger } from 'pino';
import { type Clock, sleep } from '../../src/clock.ts';
import { OperatorError, Unreachable } from '../../src/errors.ts';
import { type DiscordHttp, DiscordRefusal } from './http.ts';

/** Longer than the library waits for servers that do not answer (15 s); ms. */
const START_LIMIT = 60_000;
const STEP = 1_000;

const PORTAL = 'discord.com/developers/applications → your app → Bot';

const BAD_TOKEN = `DISCORD_TOKEN: Discord does not accept it. Get a new one at ${PORTAL} → Reset Token.`;

/** Why Discord closed a connection that it will not open again, and what to do. */
const CLOSED_FOR_GOOD: Readonly<Record<number, string>> = {
  [GatewayCloseCodes.AuthenticationFailed]: BAD_TOKEN,
  [GatewayCloseCodes.DisallowedIntents]: `Discord: switch on "Message Content Intent" at ${PORTAL} → Privileged Gateway Intents, save, and start again.`,
  [GatewayCloseCodes.ShardingRequired]:
    'Discord: the bot is in more servers than this many connections may serve (2,500 each). Leave DISCORD_SHARDS out, or set it higher.',
  [GatewayCloseCodes.InvalidShard]: 'Discord: DISCORD_SHARDS does not fit. Leave it out.',
};

const reason = (code: number): string =>
  CLOSED_FOR_GOOD[code] ?? `Discord: the connection was closed for good (code ${code}).`;

/** Where the gateway is, and how many shards Discord recommends. @throws OperatorError that says what to do */
export async function gatewayInfo(http: DiscordHttp): Promise<APIGatewayBotInfo> {
  try {
    return (await http.call<APIGatewayBotInfo>({ method: 'GET', route: Routes.gatewayBot() })).json;
  } catch (error) {
    if (error instanceof DiscordRefusal && error.status === 401)
      throw new OperatorError(BAD_TOKEN, { cause: error });
    throw cannotConnect(error);
  }
}

/**
 * Connects the client and waits until it is ready. Rejects with the signal's reason when it aborts.
 * @throws OperatorError that says what to do
 */
export async function connect(
  client: Client,
  token: string,
  { clock, gate, signal }: { clock: Clock; gate: { readonly busy: boolean }; signal: AbortSignal },
): Promise<Client<true>> {
  let closeCode: number | undefined;
  client.once(Events.ShardDisconnect, ({ code }) => {
    closeCode = code;
  });
  const deadline = new AbortController();
  try {
    const ready = new Promise<Client<true>>((resolve) => client.once(Events.ClientReady, resolve));
    return await Promise.race([
      client.login(token).then(() => ready),
      tooLong(clock, gate, AbortSignal.any([deadline.signal, signal])).then(() => {
        throw new Unreachable('Discord: no connection within a minute. Check the network.');
      }),
    ]);
  } catch (error) {
    if (error instanceof OperatorError || signal.aborted) throw error;
    if (closeCode !== undefined) throw new OperatorError(reason(closeCode), { cause: error });
    if (error instanceof DiscordjsError && error.code === DiscordjsErrorCodes.TokenInvalid) {
      throw new OperatorError(BAD_TOKEN, { cause: error });
    }
    throw cannotConnect(error);
  } finally {
    deadline.abort();
  }
}

/** Resolves after a minute, not counting the time in which the shard waited for its turn. */
async function tooLong(clock: Clock, gate: { readonly busy: boolean }, signal: AbortSignal): Promise<void> {
  for (let spent = 0; spent < START_LIMIT; spent += gate.busy ? 0 : STEP) await sleep(clock, STEP, signal);
}

function cannotConnect(error: unknown): Unreachable {
  // fetch says why in the cause.
  const { cause = error } = error instanceof Error ? error : {};
  const what = cause instanceof Error ? cause.message : String(cause);
  return new Unreachable(
    `Discord: cannot connect (${what}). Check the network, and DISCORD_API_URL if set.`,
    { cause: error },
  );
}

export const isConnected = (client: Client): boolean =>
  client.isReady() && client.ws.shards.every(({ status }) => status === Status.Ready);

/** Reports what happens to the connection later on; none of it may end the process. */
export function logConnection(client: Client, log: Logger): void {
  client.on(Events.ShardDisconnect, ({ code }, shard) => log.error({ shard, code }, reason(code)));
  // Through an outage the library tries twice a second: one line tells of its start, one of its end.
  const lost = new Set<number>();
  client.on(Events.ShardReconnecting, (shard) => {
    if (lost.has(shard)) return;
    lost.add(shard);
    log.warn({ shard }, 'Discord connection lost, reconnecting');
  });
  client.on(Events.ShardReady, (shard) => {
    if (lost.delete(shard)) log.info({ shard }, 'Discord connected again');
  });
  client.on(Events.ShardResume, (shard, replayed) => {
    lost.delete(shard);
    log.info({ shard, replayed }, 'Discord connection resumed');
  });
  client.on(Events.ShardError, (error, shard) =>
    log.warn({ shard, err: error }, 'Discord connection failed'),
  );
  client.on(Events.Error, (error) => log.error({ err: error }, 'discord.js failed'));
  client.on(Events.Warn, (message) => log.warn({ warning: message }, 'discord.js warns'));
}

/**
 * Discord sends new things before its library knows them. What the library throws at one is otherwise an unhandled
 * rejection, which ends the process (@discordjs/ws 1.2.3, WebSocketShard#onMessage): the first messages in voice
 * channels (discord.js #7749) and new kinds of buttons (#8599) ended everybody's.
 */
export function surviveOddEvents({ ws }: Client, log: Logger): void {
  // biome-ignore-start lint/complexity/useLiteralKeys: the library keeps it private
  const handle = ws['handlePacket'].bind(ws);
  ws['handlePacket'] = (packet, shard) => {
    try {
      return handle(packet, shard);
    } catch (error) {
      const event = (packet as { t?: string } | undefined)?.t;
      log.error({ event, err: error }, 'Discord sent something that its library cannot read');
      return false;
    }
  };
  // biome-ignore-end lint/complexity/useLiteralKeys: the library keeps it private
}
