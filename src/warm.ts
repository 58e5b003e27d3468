import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type Commands, createCommands } from './bot/commands.ts';
import type { ChatPlatform } from './bot/ports.ts';
import { createTell } from './bot/tell.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { createAutoscaler } from './modal/autoscaler.ts';
import { Costs } from './modal/costs.ts';
import { Prewarmer } from './modal/prewarm.ts';
import { priceOf } from './modal/prices.ts';
import { Retirement } from './modal/retirement.ts';
import { keyOf } from './modal/target-store.ts';
import { WarmMode } from './modal/warm-mode.ts';
import type { WakeableModel } from './model/client.ts';
import type { Store } from './store/store.ts';
import type { Target, WarmStore } from './store/warm-store.ts';

const HOUR = 3_600_000;
const NEEDED = ['MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET', 'MODAL_APP', 'MODAL_SERVER'] as const;

/** Warm mode as the rest of the app sees it. */
export interface Warm {
  readonly commands: Commands;
  /** Somebody is about to ask; undefined when that is switched off. */
  readonly onIntent: (() => void) | undefined;
  /** Somebody asks the model. */
  asked(): void;
  start(): void;
  stop(): Promise<void>;
}

/** Puts warm mode together. Without Modal's settings its commands say which are missing, and no more. */
export function createWarm(parts: {
  config: Config;
  store: Store;
  model: WakeableModel;
  /** Filled by the time that there is something to tell. */
  platforms: readonly ChatPlatform[];
  clock: Clock;
  log: Logger;
}): Warm {
  const { config, store, model, platforms, clock, log } = parts;
  const price = config.MODAL_GPU ? priceOf(config.MODAL_GPU, config.GPU_PRICES) : undefined;
  const costs = new Costs({ price, budgetUsd: config.GPU_BUDGET_USD, store: store.warm, clock });
  const missing = NEEDED.filter((name) => !config[name]);
  const admins = { slack: config.SLACK_ADMIN_IDS, discord: config.DISCORD_ADMIN_IDS };
  const common = {
    store: store.warm,
    holder: randomUUID(),
    clock,
    log,
    tell: createTell(platforms, admins, log),
  };
  const scale = (target: Target) =>
    createAutoscaler({
      ...target,
      tokenId: config.MODAL_TOKEN_ID!,
      tokenSecret: config.MODAL_TOKEN_SECRET!,
      serverUrl: config.MODAL_SERVER_URL,
      clock,
      log,
    });
  const target = {
    app: config.MODAL_APP!,
    server: config.MODAL_SERVER!,
    ...(config.MODAL_ENVIRONMENT && { environment: config.MODAL_ENVIRONMENT }),
  };
  const mode =
    missing.length > 0
      ? undefined
      : new WarmMode({
          ...common,
          target,
          autoscaler: scale(target),
          costs,
          maxMs: config.WARM_MAX_HOURS * HOUR,
          maxContainers: config.WARM_MAX_CONTAINERS,
        });
  const retired: Retirement[] = [];
  const prewarmer = config.PREWARM_ON_INTENT
    ? new Prewarmer({
        wake: (signal) => model.wake(signal),
        store: store.warm,
        costs,
        clock,
        log,
        dailyCap: config.PREWARM_DAILY_CAP,
      })
    : undefined;
  return {
    commands: createCommands({
      warm: mode && { mode, costs, store: store.warm },
      missing,
      admins,
      defaultMs: config.WARM_DEFAULT_HOURS * HOUR,
      coldStarts: () => store.recall(config.MODEL_NAME),
      clock,
      log,
    }),
    onIntent: prewarmer && (() => prewarmer.intent()),
    asked() {
      mode?.used();
      prewarmer?.asked();
    },
    start() {
      if (!mode) return;
      mode.start();
      void others(store.warm, target).then((targets) => {
        for (const other of targets) {
          const retirement = new Retirement({ ...common, target: other, autoscaler: scale(other) });
          retired.push(retirement);
          retirement.start();
        }
      });
    },
    async stop() {
      prewarmer?.close();
      await Promise.all([mode, ...retired].map((one) => one?.stop()));
    },
  };
}

/** What was looked after under earlier settings. */
async function others(store: WarmStore, target: Target): Promise<readonly Target[]> {
  const known = Object.values((await store.load())?.targets ?? {}).map(({ target }) => target);
  return known.filter((other) => keyOf(other) !== keyOf(target));
}
