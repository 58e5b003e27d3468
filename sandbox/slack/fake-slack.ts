/** A strict Slack on this machine: Web API and Socket Mode on one side, people on the other. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:http';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { FakeChat, RateLimitHit, ShownMessage } from '../chat.ts';
import { Faults } from '../faults.ts';
import { buttonsOf } from './blocks.ts';
import { type BudgetRule, SlackBudgets } from './budgets.ts';
import { chatMethods } from './chat-methods.ts';
import { Deliveries, type DeliveryTimes, slackDeliveryTimes } from './delivery.ts';
import { Events, type MentionOrder, subscribedEvents } from './events.ts';
import type { SlackContext } from './method.ts';
import { typed } from './mrkdwn.ts';
import { otherMethods } from './other-methods.ts';
import type { Ping } from './pings.ts';
import { ResponseUrls } from './response-urls.ts';
import { listen, type Route } from './server.ts';
import { messageJson, shown } from './shown.ts';
import { type DisconnectReason, SocketMode } from './socket-mode.ts';
import { Statuses } from './statuses.ts';
import { Streams } from './streams.ts';
import { type ApiCall, WebApi } from './web-api.ts';
import { type SlackMessage, Workspace } from './workspace.ts';

/** What the app's manifest asks for. */
const manifestScopes = [
  'app_mentions:read',
  'assistant:write',
  'channels:history',
  'groups:history',
  'im:history',
  'im:write',
  'chat:write',
  'commands',
  'users:read',
  'files:read',
  'reactions:write',
];

/** Users report that a stream ends about five minutes after its start, whatever is appended [I]. */
const streamLifeMs = 300_000;

export interface FakeSlackOptions {
  /** Default: any free one. */
  readonly port?: number;
  readonly team?: string;
  readonly botToken?: string;
  readonly appToken?: string;
  /** The bot's scopes; default: those of the manifest. */
  readonly scopes?: readonly string[];
  /** What the app is subscribed to; default: the manifest's. */
  readonly subscriptions?: readonly string[];
  /** Replaces single budgets, by method; `default` is that of all others. */
  readonly budgets?: Readonly<Record<string, BudgetRule>>;
  readonly delivery?: Partial<DeliveryTimes>;
  readonly streamLifeMs?: number;
  readonly clock?: Clock;
}

export interface Said {
  readonly channel: string;
  readonly user: string;
  /** As typed: `@name` or `<@U…>` mention people, all else is literal. */
  readonly text: string;
  /** ts of the thread's first message. */
  readonly thread?: string;
  /** Slack brings every event twice. */
  readonly duplicate?: boolean;
  /** Which of a mention's two events comes first; default 'mention-first'. */
  readonly order?: MentionOrder;
  readonly files?: readonly { readonly name: string; readonly mimetype: string; readonly content: Buffer }[];
}

export class FakeSlack extends EventEmitter<{ change: [] }> implements FakeChat {
  readonly faults = new Faults();
  readonly botToken: string;
  readonly appToken: string;
  /** A public channel with the bot and everybody in it. */
  readonly channel: string;
  /** The direct conversation between the asker and the bot. */
  readonly dm: string;
  /** Ids of the people. */
  readonly people: { readonly asker: string; readonly colleague: string; readonly admin: string };
  readonly #workspace: Workspace;
  readonly #budgets: SlackBudgets;
  readonly #options: FakeSlackOptions;
  readonly #pings: Ping[] = [];
  readonly #statuses: Statuses;
  readonly #socketMode: SocketMode;
  readonly #deliveries: Deliveries;
  #server!: Server;
  #baseUrl!: string;
  #context!: SlackContext;
  #streams!: Streams;
  #responseUrls!: ResponseUrls;
  #webApi!: WebApi;

  private constructor(options: FakeSlackOptions) {
    super();
    const clock = options.clock ?? systemClock;
    const changed = () => void this.emit('change');
    this.#options = options;
    this.botToken = options.botToken ?? 'xoxb-sandbox';
    this.appToken = options.appToken ?? 'xapp-sandbox';
    this.#workspace = new Workspace({
      ...(options.team && { teamId: options.team }),
      botName: 'pilotlight',
      clock,
      changed,
    });
    this.#budgets = new SlackBudgets(options.budgets ?? {}, clock);
    this.#statuses = new Statuses({ clock, changed });
    this.#socketMode = new SocketMode({ appId: this.#workspace.appId, changed });
    this.#deliveries = new Deliveries({
      clock,
      times: { ...slackDeliveryTimes, ...options.delivery },
      transport: (envelope) => this.#socketMode.send(envelope),
    });
    const [asker, colleague] = ['asker', 'colleague'].map((name) => this.#workspace.addUser(name).id);
    const admin = this.#workspace.addUser('admin', { admin: true }).id;
    this.people = { asker: asker!, colleague: colleague!, admin };
    this.channel = this.addChannel('general');
    this.dm = this.openDm(this.people.asker);
  }

  /** Starts on loopback, with one channel, one DM and three people. */
  static async start(options: FakeSlackOptions = {}): Promise<FakeSlack> {
    const slack = new FakeSlack(options);
    await slack.#listen();
    return slack;
  }

  async #listen(): Promise<void> {
    const { server, baseUrl } = await listen({
      port: this.#options.port ?? 0,
      clock: this.#workspace.clock,
      faults: this.faults,
      route: (method, path) => this.#route(method, path),
    });
    const workspace = this.#workspace;
    this.#server = server.on('upgrade', (...upgrade) => this.#socketMode.upgrade(...upgrade));
    this.#baseUrl = baseUrl;
    const subscriptions = this.#options.subscriptions ?? subscribedEvents;
    const events = new Events({ workspace, deliveries: this.#deliveries, subscriptions, baseUrl });
    this.#context = { workspace, events, statuses: this.#statuses, pings: this.#pings };
    this.#streams = new Streams(this.#context, { ttlMs: this.#options.streamLifeMs ?? streamLifeMs });
    this.#responseUrls = new ResponseUrls(this.#context, baseUrl);
    const openSocket = () => baseUrl.replace('http', 'ws') + this.#socketMode.newPath();
    this.#webApi = new WebApi({
      methods: {
        ...chatMethods(this.#context, this.#streams),
        ...this.#streams.methods,
        ...otherMethods(this.#context, { openSocket, baseUrl }),
      },
      budgets: this.#budgets,
      team: workspace.teamId,
      tokens: { bot: this.botToken, app: this.appToken },
      scopes: this.#options.scopes ?? manifestScopes,
      now: workspace.clock.now,
    });
  }

  #route(method: string, path: string): Route | undefined {
    const [, root, name = ''] = path.split('/');
    if (root === 'api' && method === 'POST') {
      return { fault: name, answer: (call) => this.#webApi.handle(name, call) };
    }
    if (root === 'response' && method === 'POST') {
      return { fault: 'response_url', answer: (call) => this.#responseUrls.handle(name, call) };
    }
    if (root === 'files' && method === 'GET') {
      return { fault: 'url_private', answer: (call) => this.#file(name, call.authorization) };
    }
    return undefined;
  }

  #file(id: string, token: string | undefined) {
    const file = this.#workspace.channels
      .flatMap((channel) => this.#workspace.messages(channel.id).flatMap(({ files }) => files))
      .find((other) => other.id === id);
    if (!file) return { status: 404, body: 'not found' };
    const scopes = this.#options.scopes ?? manifestScopes;
    if (token !== this.botToken || !scopes.includes('files:read')) {
      // Slack sends whoever may not see a file to its login page.
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };
    }
    return { status: 200, headers: { 'content-type': file.mimetype }, body: file.content };
  }

  /** For SLACK_API_URL. */
  get apiUrl(): string {
    return `${this.#baseUrl}/api/`;
  }

  get teamId(): string {
    return this.#workspace.teamId;
  }

  get botUserId(): string {
    return this.#workspace.bot.id;
  }

  get rateLimitHits(): readonly RateLimitHit[] {
    return this.#budgets.hits;
  }

  /** Mentions that the bot's messages made real. */
  get pings(): readonly Ping[] {
    return this.#pings;
  }

  /** The latest calls, also refused ones. */
  get calls(): readonly ApiCall[] {
    return this.#webApi.calls;
  }

  /** Events that were never acknowledged, after all retries. */
  get lostEvents(): readonly Readonly<Record<string, unknown>>[] {
    return this.#deliveries.lost;
  }

  get connected(): boolean {
    return this.#socketMode.connections > 0;
  }

  get connections(): number {
    return this.#socketMode.connections;
  }

  async waitForConnection(): Promise<void> {
    while (!this.connected) await once(this, 'change');
  }

  /** Resolves when every event so far was acknowledged or given up. */
  eventsDelivered(): Promise<void> {
    return this.#deliveries.idle();
  }

  addUser(name: string, options: { admin?: boolean } = {}): string {
    return this.#workspace.addUser(name, options).id;
  }

  /** A channel with everybody in it, or with `members`; the bot too unless told otherwise. */
  addChannel(
    name: string,
    options: { private?: boolean; bot?: boolean; members?: readonly string[] } = {},
  ): string {
    const bot = options.bot === false ? [] : [this.botUserId];
    const members = options.members ?? Object.values(this.people);
    return this.#workspace.addChannel(name, options.private ? 'group' : 'channel', [...members, ...bot]).id;
  }

  openDm(user: string): string {
    return this.#workspace.dm(user).id;
  }

  archive(channel: string): void {
    this.#workspace.channel(channel).archived = true;
  }

  /** Takes the bot out of a channel. */
  kickBot(channel: string): void {
    this.#workspace.channel(channel).members.delete(this.botUserId);
  }

  /** A person writes a message. Returns its ts. */
  say(said: Said): string {
    const workspace = this.#workspace;
    const members = workspace.channel(said.channel).members;
    if (!members.has(said.user)) throw new Error(`${said.user} is not in ${said.channel}`);
    if (said.thread) workspace.message(said.channel, said.thread);
    const message = workspace.add({
      channel: said.channel,
      user: said.user,
      text: typed(said.text, workspace.users),
      clientMsgId: randomUUID(),
      ...(said.thread && { threadTs: said.thread }),
      files: (said.files ?? []).map((file) => ({ ...file, id: workspace.newId('F') })),
    });
    this.#context.events.posted(message, {
      ...(said.order && { order: said.order }),
      ...(said.duplicate && { again: true }),
    });
    return message.ts;
  }

  /** Sends any event, also one the app is not subscribed to, e.g. of another bot or of a new kind. */
  sendEvent(event: Readonly<Record<string, unknown>> & { readonly type: string }): void {
    this.#context.events.raw(event);
  }

  /**
   * A person runs a slash command. Resolves to what the acknowledgement shows them, undefined if nothing;
   * what comes later stands among the channel's messages. Rejects when the bot did not answer in time.
   */
  async slashCommand(run: {
    command: string;
    text?: string;
    user: string;
    channel: string;
  }): Promise<ShownMessage | undefined> {
    const { teamId, teamName, appId } = this.#workspace;
    const origin = { channel: run.channel, user: run.user };
    const answer = await this.#deliveries.once('slash_commands', {
      token: 'sandbox',
      team_id: teamId,
      team_domain: teamName,
      channel_id: run.channel,
      channel_name: this.#workspace.channel(run.channel).name,
      user_id: run.user,
      user_name: this.#workspace.user(run.user).name,
      command: run.command,
      text: run.text ?? '',
      api_app_id: appId,
      is_enterprise_install: 'false',
      response_url: this.#responseUrls.create(origin),
      trigger_id: randomUUID(),
    });
    return this.#answered(origin, answer);
  }

  #answered(origin: { channel: string; user: string }, answer: unknown): ShownMessage | undefined {
    if (typeof answer !== 'object' || answer === null || Object.keys(answer).length === 0) return undefined;
    const message = this.#responseUrls.respond(origin, answer as Record<string, unknown>);
    return message && shown(this.#workspace, message);
  }

  async click(channel: string, message: string, button: string, user: string): Promise<void> {
    const clicked = this.#workspace.messages(channel).find((other) => other.ts === message);
    if (!clicked || (clicked.onlyFor && clicked.onlyFor !== user))
      throw new Error(`no message ${message} to click on`);
    const found = buttonsOf(clicked.blocks).find(({ id }) => id === button);
    if (!found) throw new Error(`no button ${button} on ${message}`);
    await this.#deliveries.once('interactive', this.#blockActions(clicked, found, user));
  }

  #blockActions(message: SlackMessage, button: ReturnType<typeof buttonsOf>[number], user: string) {
    const { teamId, teamName, appId } = this.#workspace;
    const { channel, ts, threadTs, onlyFor } = message;
    const { name } = this.#workspace.user(user);
    return {
      type: 'block_actions',
      user: { id: user, username: name, name, team_id: teamId },
      api_app_id: appId,
      token: 'sandbox',
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel,
        is_ephemeral: onlyFor !== undefined,
        ...(threadTs && { thread_ts: threadTs }),
      },
      trigger_id: randomUUID(),
      team: { id: teamId, domain: teamName },
      enterprise: null,
      is_enterprise_install: false,
      channel: { id: channel, name: this.#workspace.channel(channel).name },
      ...(!onlyFor && { message: messageJson(this.#workspace, message) }),
      state: { values: {} },
      response_url: this.#responseUrls.create({ channel, user, message }),
      actions: [
        {
          type: button.element.type,
          action_id: button.element.action_id,
          block_id: button.block.block_id,
          text: { type: 'plain_text', text: button.label, emoji: true },
          ...(button.value !== undefined && { value: button.value }),
          action_ts: this.#workspace.newTs(),
        },
      ],
    };
  }

  /** A person opens the app's direct messages. */
  openAppHome(user: string): void {
    this.#context.events.appHomeOpened(user);
  }

  /** A person presses the stop control of a thread in which the agent says that it is processing. */
  pressAgentStop(channel: string, thread: string, user: string): void {
    if (this.#statuses.session(channel, thread)?.status !== 'processing')
      throw new Error('no stop control is shown');
    const streaming_message_ts = this.#streams.stopByUser(channel, thread);
    this.#context.events.sessionStopped({ channel, thread_ts: thread, user, streaming_message_ts });
  }

  messages(channel: string, viewer?: string): readonly ShownMessage[] {
    return this.#workspace
      .messages(channel)
      .filter(({ onlyFor }) => !viewer || !onlyFor || onlyFor === viewer)
      .map((message) => shown(this.#workspace, message, viewer));
  }

  activity(channel: string): readonly { readonly thread: string; readonly text: string }[] {
    return this.#statuses.activity(channel);
  }

  deleteMessage(channel: string, id: string): void {
    const message = this.#workspace.message(channel, id);
    this.#streams.forget(message);
    this.#workspace.remove(message);
    this.#context.events.deleted(message);
  }

  /** Slack asks the clients to connect anew; it does so every few hours. */
  askToReconnect(reason: DisconnectReason = 'refresh_requested'): void {
    this.#socketMode.askToReconnect(reason);
  }

  dropConnections(): void {
    this.#socketMode.drop();
  }

  async close(): Promise<void> {
    this.#deliveries.close();
    this.#streams.close();
    this.#statuses.close();
    this.#socketMode.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
