import type { Logger } from 'pino';
import { type App, startApp } from '../src/app.ts';
import type { Clock } from '../src/clock.ts';
import { readConfig } from '../src/config.ts';
import { FakeDiscord, type FakeDiscordOptions } from './discord/fake-discord.ts';
import { FakeModal, type FakeModalOptions } from './modal/fake-modal.ts';
import { SleepingModel, type SleepingModelOptions } from './model/sleeping-model.ts';
import { FakeSlack, type FakeSlackOptions } from './slack/fake-slack.ts';
import { manifestCommands } from './slack/manifest.ts';

export interface SandboxOptions {
  readonly log: Logger;
  readonly slack?: FakeSlackOptions;
  readonly discord?: FakeDiscordOptions;
  readonly model?: SleepingModelOptions;
  readonly modal?: Omit<FakeModalOptions, 'model'>;
  /** The bot's; the fakes have their own in their options. */
  readonly clock?: Clock;
  /** Settings of the bot beside or instead of the sandbox's own; MODEL_BASE_URL puts a real model in place. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A Slack, a Discord and a sleeping model on this machine, and the real bot connected to them. */
export interface Sandbox {
  readonly slack: FakeSlack;
  readonly discord: FakeDiscord;
  /** Absent when MODEL_BASE_URL names a real one. */
  readonly model: SleepingModel | undefined;
  /** Modal's control plane over the model; absent as well. */
  readonly modal: FakeModal | undefined;
  readonly modelUrl: string;
  readonly app: App;
  /**
   * Ends this bot and starts another on the same fakes (and the same database, where it is a file), with other
   * settings where given.
   */
  restart(change?: SandboxOptions['env']): Promise<void>;
  close(): Promise<void>;
}

export async function startSandbox({ log, clock, env = {}, ...options }: SandboxOptions): Promise<Sandbox> {
  const slack = await FakeSlack.start({ commands: manifestCommands, ...options.slack });
  const discord = await FakeDiscord.start(options.discord);
  const model = env.MODEL_BASE_URL ? undefined : await SleepingModel.start(options.model);
  const modal = model && (await FakeModal.start({ ...options.modal, model }));
  const modelUrl = model?.baseUrl ?? env.MODEL_BASE_URL!;
  const fakes = [slack, discord, ...(modal ? [modal] : []), ...(model ? [model] : [])];
  const closeFakes = () => Promise.all(fakes.map((fake) => fake.close()));
  const settings = {
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    SLACK_ADMIN_IDS: slack.people.admin,
    DISCORD_TOKEN: discord.token,
    DISCORD_API_URL: discord.apiUrl,
    DISCORD_ADMIN_IDS: discord.people.admin,
    DISCORD_GUILD_ID: discord.guildId,
    MODEL_BASE_URL: modelUrl,
    ...(modal && {
      MODAL_SERVER_URL: modal.url,
      MODAL_TOKEN_ID: modal.tokenId,
      MODAL_TOKEN_SECRET: modal.tokenSecret,
      MODAL_APP: modal.app,
      MODAL_SERVER: modal.server,
      MODAL_GPU: 'H100',
    }),
    DATABASE_URL: 'sqlite::memory:',
    PORT: '0',
    ...env,
  };
  const start = async (change: SandboxOptions['env'] = {}) => {
    try {
      const app = await startApp(readConfig({ ...settings, ...change }), log, clock);
      await app.tried;
      return app;
    } catch (error) {
      await closeFakes();
      throw error;
    }
  };
  let app = await start();
  return {
    slack,
    discord,
    model,
    modal,
    modelUrl,
    get app() {
      return app;
    },
    async restart(change) {
      await app.stop();
      app = await start(change);
    },
    async close() {
      await app.stop();
      await closeFakes();
    },
  };
}
