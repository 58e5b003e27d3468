/** Slack, Discord, Modal and the model for one run, each behind a wire that can be cut. */
import { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { FakeModal } from '../../sandbox/modal/fake-modal.ts';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import type { Plan, Side } from './plan.ts';
import { Wire } from './wire.ts';

/** When Slack brings an event again that was not acknowledged; ms. Slack's own are 0, 1 min and 5 min. */
const RETRIES = [0, 800, 1_600, 3_000];

export interface FarSide {
  readonly slack: FakeSlack;
  readonly discord: FakeDiscord;
  readonly model: SleepingModel;
  readonly wires: Readonly<Record<Exclude<Side, 'database'>, Wire>>;
  /** The bot's settings. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startFarSide({ tokensPerSecond, firstTokenMs }: Plan): Promise<FarSide> {
  const wires = { slack: await Wire.open(), discord: await Wire.open(), model: await Wire.open() };
  const slack = await FakeSlack.start({
    publicUrl: `http://127.0.0.1:${wires.slack.port}`,
    delivery: { retryDelaysMs: RETRIES },
  });
  const discord = await FakeDiscord.start({ publicGateway: `ws://127.0.0.1:${wires.discord.port}` });
  const model = await SleepingModel.start({
    awake: true,
    coldStartMs: 300,
    scaledownWindowMs: 600_000,
    tokensPerSecond,
    firstTokenMs,
  });
  const modal = await FakeModal.start({ model });
  return {
    slack,
    discord,
    model,
    wires,
    env: {
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_APP_TOKEN: slack.appToken,
      SLACK_API_URL: wires.slack.through(slack.apiUrl),
      DISCORD_TOKEN: discord.token,
      DISCORD_API_URL: wires.discord.through(discord.apiUrl),
      DISCORD_GUILD_ID: discord.guildId,
      MODEL_BASE_URL: wires.model.through(model.baseUrl),
      MODAL_SERVER_URL: modal.url,
      MODAL_TOKEN_ID: modal.tokenId,
      MODAL_TOKEN_SECRET: modal.tokenSecret,
      MODAL_APP: modal.app,
      MODAL_SERVER: modal.server,
      ANNOUNCE_AFTER_SECONDS: '0',
      SHUTDOWN_SECONDS: '0.3',
      LOG_LEVEL: 'debug',
      PORT: '0',
    },
    async close() {
      await Promise.all([slack.close(), discord.close(), modal.close(), model.close()]);
      await Promise.all(Object.values(wires).map((wire) => wire.close()));
    },
  };
}
