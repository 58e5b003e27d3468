import type { Logger } from 'pino';
import { PilotlightBot } from './bot/bot.ts';
import { type LimitSettings, Limits } from './bot/limits.ts';
import { Metering } from './bot/metering.ts';
import type { ChatPlatform, Spare } from './bot/ports.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Cluster, openCluster } from './cluster/open.ts';
import type { Config } from './config.ts';
import { Connector } from './connector.ts';
import { priceOf } from './modal/prices.ts';
import { Models, type Place } from './model/models.ts';
import type { ModelSettings } from './model/models-file.ts';
import { EditPacer } from './reply/pacer.ts';
import { Retention } from './retention.ts';
import { Seal } from './seal.ts';
import { serve } from './server.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { createWarm, type Warm } from './warm.ts';

/** How long the other platforms are waited for once one is connected; ms. */
const OTHERS_WITHIN = 10_000;

export interface App {
  /** The port of the HTTP server. */
  readonly port: number;
  /** Resolves when each platform is connected, or was given its time. */
  readonly tried: Promise<void>;
  /** Lets running answers finish for a while, tells the rest in the chat, then closes everything. */
  stop(): Promise<void>;
}

/**
 * Puts the parts together and starts them: the only place that knows all of them. Resolves as soon as one platform
 * is connected: from then on answers are written.
 * @throws OperatorError when no platform could start, or something else the operator can mend is wrong.
 */
export async function startApp(config: Config, log: Logger, clock: Clock = systemClock): Promise<App> {
  const store = await openStore(config.DATABASE_URL, log);
  const cluster = await openCluster({ store, clock, log });
  const models = new Models({
    standard: modelSettings(config),
    file: config.MODELS_FILE,
    env: process.env,
    coldStarts: store,
    clock,
    log,
  });
  const platforms: ChatPlatform[] = [];
  const warm = createWarm({ config, store, leases: cluster.leases, models, platforms, clock, log });
  const pacer = new EditPacer({ clock, log, ledger: cluster.ledger });
  platforms.push(...(await createPlatforms(config, store, warm, cluster, pacer, log, clock)));
  const admins = { slack: config.SLACK_ADMIN_IDS, discord: config.DISCORD_ADMIN_IDS };
  const bot = new PilotlightBot({
    store,
    queue: cluster.queue,
    signals: cluster.signals,
    models: metered(noticing(models, warm.asked), config, store, clock, log),
    pacer,
    platforms,
    clock,
    log,
    admins,
    limits: new Limits({ settings: limitSettings(config), admins, clock, log }),
    announceAfterMs: config.ANNOUNCE_AFTER_SECONDS * 1_000,
  });
  const server = await serve(config.PORT, {
    parts: () => ({
      ...Object.fromEntries(platforms.map(({ platform, connected }) => [platform, connected])),
      database: cluster.connected,
    }),
    listener: (name) => platforms.find(({ platform }) => platform === name)?.listener,
  });
  const connector = new Connector({ platforms, clock, log });
  const retention = new Retention({ keepDays: config.KEEP_DAYS, store, clock, log });
  const close = async () => {
    connector.stop();
    await retention.stop();
    await warm.stop();
    pacer.close();
    await Promise.allSettled(platforms.map((platform) => platform.close()));
    await models.close();
    await server.close();
    await cluster.close();
    await store.close();
  };
  try {
    await connector.start(bot);
  } catch (error) {
    await close();
    throw error;
  }
  await bot.start();
  warm.start();
  retention.start();
  return {
    port: server.port,
    tried: connector.tried(OTHERS_WITHIN),
    async stop() {
      connector.stop();
      await Promise.allSettled(platforms.map((platform) => platform.stop()));
      await bot.drain(config.SHUTDOWN_SECONDS * 1_000);
      await close();
    },
  };
}

/** What MODEL_* describes. */
function modelSettings(config: Config): ModelSettings {
  return {
    connection: {
      baseUrl: config.MODEL_BASE_URL,
      name: config.MODEL_NAME,
      apiKey: config.MODEL_API_KEY,
      proxyKey: config.MODAL_PROXY_KEY,
      proxySecret: config.MODAL_PROXY_SECRET,
      maxTokens: config.MODEL_MAX_TOKENS,
      maxStreams: config.MODEL_MAX_STREAMS,
      ...(config.MODEL_MAX_CONTEXT && { maxModelLen: config.MODEL_MAX_CONTEXT }),
      ...(config.MODEL_EXTRA && { extra: config.MODEL_EXTRA }),
      wakeDeadlineMs: config.MODEL_WAKE_MINUTES * 60_000,
    },
    systemPrompt: config.MODEL_SYSTEM_PROMPT,
    takesImages: config.MODEL_IMAGES,
    showReasoning: config.MODEL_SHOW_REASONING,
    modal:
      config.MODAL_APP && config.MODAL_SERVER
        ? {
            app: config.MODAL_APP,
            server: config.MODAL_SERVER,
            environment: config.MODAL_ENVIRONMENT,
            gpu: config.MODAL_GPU,
          }
        : undefined,
  };
}

/** The models, calling `onAsk` with each place where one is asked. */
const noticing = (models: Models, onAsk: (place: Place) => void): Pick<Models, 'for'> => ({
  for(place) {
    onAsk(place);
    return models.for(place);
  },
});

/** The models, noting what each question costs where that is limited. */
function metered(
  models: Pick<Models, 'for'>,
  config: Config,
  store: Store,
  clock: Clock,
  log: Logger,
): Pick<Models, 'for'> {
  const limited = config.LIMIT_PERSON_USD_PER_DAY ?? config.LIMIT_WORKSPACE_USD_PER_DAY;
  const { MODAL_GPU } = config;
  if (limited === undefined || !MODAL_GPU) return models;
  const usdPerSecond = (gpu = MODAL_GPU) => priceOf(gpu, config.GPU_PRICES).usdPerSecond;
  return new Metering({ models, store: store.limits, usdPerSecond, clock, log });
}

/** What LIMIT_* describes. */
const limitSettings = (config: Config): LimitSettings => ({
  questionsPerMinute: config.LIMIT_QUESTIONS_PER_MINUTE,
  personUsdPerDay: config.LIMIT_PERSON_USD_PER_DAY,
  workspaceUsdPerDay: config.LIMIT_WORKSPACE_USD_PER_DAY,
  waiting: config.LIMIT_WAITING,
  waitingPerConversation: config.LIMIT_WAITING_PER_CONVERSATION,
});

/** Imports only the adapters in use: each brings a large client library, which costs start time and memory. */
async function createPlatforms(
  config: Config,
  store: Store,
  { commands, onIntent }: Warm,
  { leases }: Cluster,
  spare: Spare,
  log: Logger,
  clock: Clock,
): Promise<ChatPlatform[]> {
  const platforms: ChatPlatform[] = [];
  if (config.SLACK_BOT_TOKEN || config.SLACK_CLIENT_ID) {
    const { createSlack } = await import('../adapters/slack/slack.ts');
    platforms.push(
      createSlack({
        botToken: config.SLACK_BOT_TOKEN,
        appToken: config.SLACK_APP_TOKEN,
        signingSecret: config.SLACK_SIGNING_SECRET,
        ...(config.SLACK_CLIENT_ID && {
          install: {
            clientId: config.SLACK_CLIENT_ID,
            clientSecret: config.SLACK_CLIENT_SECRET!,
            stateSecret: config.SLACK_STATE_SECRET!,
            store: store.installations,
            seal: new Seal(config.TOKEN_ENCRYPTION_KEY!),
          },
        }),
        apiUrl: config.SLACK_API_URL,
        commands,
        onIntent,
        spare,
        clock,
        log: log.child({ platform: 'slack' }),
      }),
    );
  }
  if (config.DISCORD_TOKEN) {
    const { createDiscord } = await import('../adapters/discord/discord.ts');
    platforms.push(
      createDiscord({
        token: config.DISCORD_TOKEN,
        apiUrl: config.DISCORD_API_URL,
        commands,
        onIntent,
        guildId: config.DISCORD_GUILD_ID,
        shards: config.DISCORD_SHARDS,
        leases,
        spare,
        clock,
        log: log.child({ platform: 'discord' }),
      }),
    );
  }
  return platforms;
}
