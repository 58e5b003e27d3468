import type { Logger } from 'pino';
import { type Commands, createCommands } from './bot/commands.ts';
import type { ChatPlatform } from './bot/ports.ts';
import { createTell } from './bot/tell.ts';
import type { Clock } from './clock.ts';
import type { Leases } from './cluster/leases.ts';
import type { Config } from './config.ts';
import { createAutoscaler } from './modal/autoscaler.ts';
import { Costs } from './modal/costs.ts';
import { Prewarmer } from './modal/prewarm.ts';
import { priceOf } from './modal/prices.ts';
import { WarmModes } from './modal/warm-modes.ts';
import type { Models, Place } from './model/models.ts';
import type { Store } from './store/store.ts';

const HOUR = 3_600_000;
const TOKENS = ['MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET'] as const;

/** Warm mode as the rest of the app sees it. */
export interface Warm {
  readonly commands: Commands;
  /** Somebody is about to ask there; undefined when that is switched off. */
  readonly onIntent: ((place: Place) => void) | undefined;
  /** Somebody asks the model of a place. */
  asked(place: Place): void;
  start(): void;
  stop(): Promise<void>;
}

/** Puts warm mode together. Without Modal's settings its commands say which are missing, and no more. */
export function createWarm(parts: {
  config: Config;
  store: Store;
  leases: Leases;
  models: Models;
  /** Filled by the time that there is something to tell. */
  platforms: readonly ChatPlatform[];
  clock: Clock;
  log: Logger;
}): Warm {
  const { config, store, leases, models, platforms, clock, log } = parts;
  const admins = { slack: config.SLACK_ADMIN_IDS, discord: config.DISCORD_ADMIN_IDS };
  const costs = (gpu: string | undefined) => {
    const price = gpu ? priceOf(gpu, config.GPU_PRICES) : undefined;
    return new Costs({ price, budgetUsd: config.GPU_BUDGET_USD, store: store.warm, clock });
  };
  const tokens = TOKENS.filter((name) => !config[name]);
  const kept = () =>
    tokens.length > 0 ? [] : models.all.flatMap(({ name, modal }) => (modal ? [{ name, ...modal }] : []));
  const modes = new WarmModes(kept(), {
    store: store.warm,
    leases,
    clock,
    log,
    scale: (target) =>
      createAutoscaler({
        ...target,
        tokenId: config.MODAL_TOKEN_ID!,
        tokenSecret: config.MODAL_TOKEN_SECRET!,
        serverUrl: config.MODAL_SERVER_URL,
        clock,
        log,
      }),
    costs,
    tell: (about) => createTell(platforms, admins, log, about),
    maxMs: config.WARM_MAX_HOURS * HOUR,
    maxContainers: config.WARM_MAX_CONTAINERS,
  });
  const at = (place: Place) => {
    const { modal } = models.for(place);
    return modal && modes.of(modal);
  };
  const prewarmer = config.PREWARM_ON_INTENT
    ? new Prewarmer({
        store: store.warm,
        costs: costs(undefined),
        clock,
        log,
        dailyCap: config.PREWARM_DAILY_CAP,
      })
    : undefined;
  return {
    commands: createCommands({
      models: {
        of(place) {
          const { name } = models.for(place);
          return at(place) ?? { missing: [...tokens, ...missing(name, config)] };
        },
        get all() {
          return modes.all;
        },
      },
      store: store.warm,
      admins,
      defaultMs: config.WARM_DEFAULT_HOURS * HOUR,
      coldStarts: (place) => models.coldStarts(place),
      clock,
      log,
    }),
    onIntent:
      prewarmer &&
      ((place) =>
        prewarmer.intent(models.for(place).name, (signal) => {
          at(place)?.mode.used();
          return models.wake(place, signal);
        })),
    asked(place) {
      at(place)?.mode.used();
      prewarmer?.asked(models.for(place).name);
    },
    start() {
      if (tokens.length > 0) return void warnOfWarm(store, tokens, log);
      models.onChange(() => void modes.use(kept()));
      void modes.start();
    },
    async stop() {
      prewarmer?.close();
      await modes.stop();
    },
  };
}

/** What a model that cannot be kept warm lacks, where it is to be set. */
function missing(name: string, config: Config): readonly string[] {
  if (name === 'default') return (['MODAL_APP', 'MODAL_SERVER'] as const).filter((key) => !config[key]);
  return [`modal_server of ${name} (MODELS_FILE)`];
}

/** Without a token nobody can put to sleep what an earlier process kept warm: the operator must know. */
async function warnOfWarm(store: Store, missing: readonly string[], log: Logger): Promise<void> {
  const { targets = {} } = (await store.warm.load().catch(() => null)) ?? {};
  for (const { target, agreed } of Object.values(targets)) {
    if (agreed?.containers === 0) continue;
    log.error(
      target,
      `This may still be kept warm, and without ${missing.join(' and ')} Pilotlight cannot let it sleep: set them, or stop it at modal.com/apps.`,
    );
  }
}
