import type { AppOptions } from '@slack/bolt';
import type { WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Commands } from '../../src/bot/commands.ts';
import type {
  Address,
  Begun,
  Bot,
  ChatPlatform,
  CommandNotice,
  ImageLimits,
  ImageRef,
  ReplySurface,
  Spare,
  Spot,
} from '../../src/bot/ports.ts';
import type { Clock } from '../../src/clock.ts';
import type { Seal } from '../../src/seal.ts';
import type { InstallationStore } from '../../src/store/installation-store.ts';
import type { Accounts } from './accounts.ts';
import { conversationOf, type SlackAddress } from './address.ts';
import { CatchUp } from './catch-up.ts';
import { clientOptions } from './client.ts';
import { listenForCommands, postNotice } from './commands.ts';
import { Connection } from './connection.ts';
import { Endpoint, type Install } from './endpoint.ts';
import { fetchImage, readFiles } from './files.ts';
import { Installations } from './installations.ts';
import type { Intake } from './intake.ts';
import { slackLogger } from './log.ts';
import { ManyWorkspaces } from './many-workspaces.ts';
import { listenForQuestions } from './messages.ts';
import { OneWorkspace } from './one-workspace.ts';
import { listenForPresses } from './presses.ts';
import { StoringApp } from './storing-app.ts';
import { SlackSurface } from './surface.ts';
import type { Where } from './workspace.ts';
import { Workspaces } from './workspaces.ts';

export interface SlackOptions {
  /** Of the one workspace; without it there are those that have installed the bot, by `install`. */
  readonly botToken?: string | undefined;
  readonly install?: Omit<Install, 'apiUrl' | 'installations'> & {
    readonly store: InstallationStore;
    readonly seal: Seal;
  };
  /** For Socket Mode. */
  readonly appToken?: string | undefined;
  /** For HTTP, which it is without `appToken`: Slack calls POST /slack/events. */
  readonly signingSecret?: string | undefined;
  /** Ends in /api/; the real service if left out. */
  readonly apiUrl?: string | undefined;
  /** For /pilotlight; without them there is no such command. */
  readonly commands?: Commands;
  /** Called when somebody opens the direct messages with the bot, and may be about to ask. */
  readonly onIntent?: ((place: { readonly channel: string }) => void) | undefined;
  /** Through which signs of life go. */
  readonly spare: Spare;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Slack, through Socket Mode, which needs no public address, or over HTTP. */
export function createSlack(options: SlackOptions): ChatPlatform {
  return new Slack(options);
}

/** One workspace through Socket Mode or over HTTP, or many over HTTP. */
function connectionsOf(
  { botToken, appToken, signingSecret = '', install, apiUrl, clock, log }: SlackOptions,
  { client, onGap }: { client: WebClientOptions; onGap: () => void },
): { intake: Intake; accounts: Accounts } {
  if (botToken !== undefined) {
    return {
      accounts: new OneWorkspace({ token: botToken, clientOptions: client, log }),
      intake:
        appToken === undefined
          ? new Endpoint({ signingSecret, install: undefined, log })
          : new Connection({ appToken, apiUrl, onGap, clock, log }),
    };
  }
  if (!install) throw new Error('Slack needs a bot token, or the means to install the bot');
  const installations = new Installations({ store: install.store, seal: install.seal, clock, log });
  const intake = new Endpoint({ signingSecret, install: { ...install, installations, apiUrl }, log });
  return { intake, accounts: new ManyWorkspaces(installations, intake.receiver.installer!) };
}

class Slack implements ChatPlatform {
  readonly platform = 'slack';
  readonly listener;
  readonly #options: SlackOptions;
  readonly #accounts: Accounts;
  readonly #intake: Intake;
  readonly #workspaces: Workspaces;
  #app: StoringApp | undefined;
  #bot: Bot | undefined;
  #hear: ReturnType<typeof listenForQuestions> | undefined;
  #catchUp: CatchUp | undefined;
  #catchingUp = new AbortController();

  constructor(options: SlackOptions) {
    const { apiUrl, spare, clock, log } = options;
    const client = clientOptions(apiUrl, log);
    this.#options = options;
    const onGap = () => void this.#newCatchUp()?.run();
    const { intake, accounts } = connectionsOf(options, { client, onGap });
    this.#intake = intake;
    this.#accounts = accounts;
    this.listener = intake.listener;
    this.#workspaces = new Workspaces({
      accounts: this.#accounts,
      clientOptions: client,
      spare,
      clock,
      log,
      stopped: (address) => this.#stopped(address),
    });
  }

  get connected(): boolean {
    return this.#intake.connected;
  }

  async start(bot: Bot): Promise<void> {
    await this.#accounts.open();
    this.#bot = bot;
    this.#app ??= this.#listen(bot);
    const catchUp = this.#newCatchUp();
    await this.#intake.open();
    void catchUp?.run();
  }

  async tell({ workspace, channel }: Spot, notice: CommandNotice): Promise<void> {
    await postNotice(this.#workspaces.named(workspace).client, channel, notice);
  }

  async directChannel(user: string): Promise<Spot> {
    const [, workspace, id] = /^(?:(.+)\/)?(.+)$/.exec(user)!;
    const { client } = this.#workspaces.named(workspace);
    const { channel } = await client.conversations.open({ users: id! });
    return { channel: channel!.id!, ...(workspace !== undefined && { workspace }) };
  }

  async stop(): Promise<void> {
    this.#catchingUp.abort();
    await this.#app?.finish();
    await this.#intake.close();
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#workspaces.close();
  }

  open(address: Address, _attempt: number, begun: Begun = 'nothing'): ReplySurface {
    const slackAddress = address as SlackAddress;
    return new SlackSurface(this.#workspaces.of(slackAddress), slackAddress, begun);
  }

  async fetchImage(image: ImageRef, limits: ImageLimits, address: Address): Promise<Uint8Array> {
    return fetchImage(image, await this.#access(address as SlackAddress), limits);
  }

  async #access(where: Where) {
    const credentials = await this.#workspaces.of(where).credentials();
    return { token: credentials?.token, apiUrl: this.#options.apiUrl };
  }

  #listen(bot: Bot): StoringApp {
    const { clock, log, commands, onIntent } = this.#options;
    const app = new StoringApp(this.#boltOptions(), { clock, log });
    this.#hear = listenForQuestions(app, bot, this.#workspaces, {
      read: async (files, where) => (files.length === 0 ? [] : readFiles(files, await this.#access(where))),
      before: (message) => this.#catchUp?.first(message),
    });
    listenForPresses(app, bot, this.#workspaces);
    this.#accounts.listen?.(app, this.#workspaces);
    if (commands) listenForCommands(app, commands, this.#workspaces, log);
    if (onIntent)
      app.event('app_home_opened', async ({ event }) => {
        if (event.tab === 'messages') onIntent({ channel: event.channel });
      });
    return app;
  }

  /** In place of the last. None where there are many workspaces: in each an app may read once a minute. */
  #newCatchUp(): CatchUp | undefined {
    const { only: self } = this.#accounts;
    this.#catchingUp.abort();
    if (!self) return undefined;
    this.#catchingUp = new AbortController();
    this.#catchUp = new CatchUp({
      workspace: this.#workspaces.of(self),
      self,
      bot: this.#bot!,
      take: (message) => this.#hear!(message, self),
      signal: this.#catchingUp.signal,
    });
    return this.#catchUp;
  }

  /** Bolt sorts what arrives. It is told who we are, so that it need not ask Slack itself. */
  #boltOptions(): AppOptions {
    const { apiUrl, log } = this.#options;
    const { authorize } = this.#accounts;
    return {
      receiver: this.#intake.receiver,
      ...(authorize && { authorize }),
      ignoreSelf: false,
      convoStore: false,
      logger: slackLogger(log),
      clientOptions: apiUrl === undefined ? {} : { slackApiUrl: apiUrl },
    };
  }

  #stopped(address: SlackAddress): void {
    const { team, channel, thread, user } = address;
    const conversation = conversationOf(channel, thread);
    const by = { id: this.#workspaces.userIn(address, user), roles: [] };
    this.#bot
      ?.stopConversation({ platform: 'slack', workspace: team, conversation }, by)
      .catch((error) => this.#options.log.error({ channel, err: error }, 'cannot stop an answer'));
  }
}
