import { App } from '@slack/bolt';
import { WebClient } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Commands } from '../../src/bot/commands.ts';
import type {
  Address,
  Bot,
  ChatPlatform,
  CommandNotice,
  ImageLimits,
  ImageRef,
  ReplySurface,
} from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import { conversationOf, type SlackAddress } from './address.ts';
import { listenForCommands, postNotice } from './commands.ts';
import { Connection } from './connection.ts';
import { signLimits } from './limits.ts';
import { slackLogger } from './log.ts';
import { listenForQuestions } from './messages.ts';
import { fetchImage } from './pictures.ts';
import { listenForPresses } from './presses.ts';
import { SlackSurface } from './surface.ts';
import { Throttle } from './throttle.ts';
import { identify, socketRefusal } from './tokens.ts';
import type { Self, Workspace } from './workspace.ts';

/**
 * A call that takes longer is given up, and the write tried again; ms. A write can be several calls, and is
 * to end before the live reply gives it up at 30 s.
 */
const TIMEOUT = 7_000;

export interface SlackOptions {
  readonly botToken: string;
  readonly appToken: string;
  /** Ends in /api/; the real service if left out. */
  readonly apiUrl?: string | undefined;
  /** For /pilotlight; without them there is no such command. */
  readonly commands?: Commands;
  /** Called when somebody opens the direct messages with the bot, and may be about to ask. */
  readonly onIntent?: ((place: { readonly channel: string }) => void) | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Slack, through Socket Mode: no public address is needed. */
export function createSlack(options: SlackOptions): ChatPlatform {
  return new Slack(options);
}

class Slack implements ChatPlatform {
  readonly platform = 'slack';
  readonly #options: SlackOptions;
  readonly #connection: Connection;
  readonly #workspace: Workspace;
  #bot: Bot | undefined;

  constructor(options: SlackOptions) {
    const { botToken, appToken, apiUrl, clock, log } = options;
    this.#options = options;
    this.#connection = new Connection({ appToken, apiUrl, clock, log });
    this.#workspace = {
      // Apart from Bolt's, and without retries: on a 429 a client of Slack's holds up its whole queue, and
      // a post repeated after a 500 can stand twice. When to try again is the pacer's to say.
      client: new WebClient(botToken, {
        ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
        rejectRateLimitedCalls: true,
        retryConfig: { retries: 0 },
        timeout: TIMEOUT,
        logger: slackLogger(log),
      }),
      clock,
      log,
      since: clock.now(),
      self: undefined,
      features: { streams: true, sessions: true, status: true, reactions: true },
      throttles: {
        addReaction: new Throttle(clock, signLimits.reaction),
        removeReaction: new Throttle(clock, signLimits.reaction),
        status: new Throttle(clock, signLimits.status),
      },
      activities: new Set(),
      stopped: (address) => this.#stopped(address),
    };
  }

  get connected(): boolean {
    return this.#connection.connected;
  }

  async start(bot: Bot): Promise<void> {
    const { log } = this.#options;
    const self = await identify(this.#workspace.client, log);
    this.#bot = bot;
    this.#workspace.self = self;
    const app = this.#createApp(self);
    listenForQuestions(app, bot, self, this.#workspace);
    listenForPresses(app, bot, self, this.#workspace);
    const { commands, onIntent } = this.#options;
    if (commands) listenForCommands(app, commands, log);
    if (onIntent)
      app.event('app_home_opened', async ({ event }) => {
        if (event.tab === 'messages') onIntent({ channel: event.channel });
      });
    try {
      await this.#connection.open();
    } catch (error) {
      throw socketRefusal(error);
    }
  }

  async tell(channel: string, notice: CommandNotice): Promise<void> {
    await postNotice(this.#workspace.client, channel, notice);
  }

  async directChannel(user: string): Promise<string> {
    const { channel } = await this.#workspace.client.conversations.open({ users: user });
    return channel!.id!;
  }

  async stop(): Promise<void> {
    await this.#connection.close();
  }

  async close(): Promise<void> {
    await this.stop();
    for (const activity of this.#workspace.activities) activity.end();
  }

  open(address: Address): ReplySurface {
    return new SlackSurface(this.#workspace, address as SlackAddress);
  }

  async fetchImage(image: ImageRef, limits: ImageLimits): Promise<Uint8Array> {
    return fetchImage(image, this.#options, limits);
  }

  /** Bolt sorts what arrives. It is told who we are, so that it need not ask Slack itself. */
  #createApp(self: Self): App {
    const { botToken, apiUrl, log } = this.#options;
    const app = new App({
      receiver: this.#connection.receiver,
      socketMode: true,
      token: botToken,
      botId: self.bot,
      botUserId: self.user,
      tokenVerificationEnabled: false,
      ignoreSelf: false,
      convoStore: false,
      logger: slackLogger(log),
      clientOptions: apiUrl === undefined ? {} : { slackApiUrl: apiUrl },
    });
    app.error(async (error) => log.error({ err: error }, 'a Slack event could not be handled'));
    return app;
  }

  #stopped({ team, channel, thread, user }: SlackAddress): void {
    const conversation = conversationOf(channel, thread);
    this.#bot
      ?.stopConversation({ platform: 'slack', workspace: team, conversation }, { id: user, roles: [] })
      .catch((error) => this.#options.log.error({ channel, err: error }, 'cannot stop an answer'));
  }
}
