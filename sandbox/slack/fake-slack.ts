/** A strict Slack on this machine: Web API and Socket Mode on one side, people on the other. */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { FakeChat, RateLimitHit, ShownMessage } from '../chat.ts';
import type { Faults } from '../faults.ts';
import type { SlackBlock } from './blocks.ts';
import { type BudgetRule, SlackBudgets } from './budgets.ts';
import { chatMethods } from './chat-methods.ts';
import type { DeliveryTimes } from './delivery.ts';
import { Events, type MentionOrder } from './events.ts';
import type { HttpEventsOptions } from './http-events.ts';
import { InstalledApp, type Organisation } from './installed-app.ts';
import { Interactions, type SlashCommand } from './interactions.ts';
import { manifestEvents } from './manifest.ts';
import { type SlackContext, threadOf } from './method.ts';
import { typed } from './mrkdwn.ts';
import type { OAuthOptions } from './oauth.ts';
import { otherMethods } from './other-methods.ts';
import type { Ping } from './pings.ts';
import { ResponseUrls } from './response-urls.ts';
import { type Answer, type Call, HttpServer } from './server.ts';
import { messageJson, shown } from './shown.ts';
import { Site, type Team } from './site.ts';
import type { DisconnectReason } from './socket-mode.ts';
import { Statuses } from './statuses.ts';
import { Streams } from './streams.ts';
import { type ApiCall, WebApi } from './web-api.ts';
import { Workspace } from './workspace.ts';

/** Users report that a stream ends about five minutes after its start, whatever is appended [I]. */
const streamLifeMs = 300_000;

export interface FakeSlackOptions {
  /** Default: any free one. */
  readonly port?: number;
  /** Where the app is told to connect to, http://…; default: straight to this server. */
  readonly publicUrl?: string;
  readonly team?: string | undefined;
  readonly botToken?: string;
  readonly appToken?: string;
  /** The bot's scopes; default: those of the manifest. */
  readonly scopes?: readonly string[];
  /** What the app is subscribed to; default: the manifest's. */
  readonly subscriptions?: readonly string[];
  /** The app's slash commands; default: any. */
  readonly commands?: readonly string[];
  /** Replaces single budgets, by method; `default` is that of all others. */
  readonly budgets?: Readonly<Record<string, BudgetRule>>;
  readonly delivery?: Partial<DeliveryTimes>;
  readonly streamLifeMs?: number;
  /** Delivers by HTTP instead of Socket Mode. */
  readonly http?: HttpEventsOptions;
  /** The app is for many workspaces, none of which has it yet; over HTTP. */
  readonly oauth?: OAuthOptions;
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
  /** The blocks and boxes of another bot's message. */
  readonly blocks?: readonly SlackBlock[];
  readonly attachments?: readonly unknown[];
  /** A message that is forwarded; the text is what is said to it. */
  readonly forwards?: { readonly channel: string; readonly message: string };
}

/** One workspace; `addTeam` makes more of them on the same server. */
export class FakeSlack extends EventEmitter<{ change: [] }> implements FakeChat, Team {
  readonly faults: Faults;
  /** The app in this workspace. */
  readonly app: InstalledApp;
  readonly botToken: string;
  readonly appToken: string;
  /** A public channel with the bot and everybody in it. */
  readonly channel: string;
  /** The direct conversation between the asker and the bot. */
  readonly dm: string;
  /** Ids of the people. */
  readonly people: { readonly asker: string; readonly colleague: string; readonly admin: string };
  readonly #site: Site;
  readonly #options: FakeSlackOptions;
  readonly #workspace: Workspace;
  readonly #budgets: SlackBudgets;
  readonly #pings: Ping[] = [];
  readonly #statuses: Statuses;
  readonly #streams: Streams;
  readonly #events: Events;
  readonly #interactions: Interactions;
  readonly #responseUrls: ResponseUrls;
  readonly #webApi: WebApi;

  private constructor(site: Site, options: FakeSlackOptions, name: string, org?: Organisation) {
    super();
    const { clock, deliveries, appId } = site;
    const { baseUrl } = site.server;
    const changed = () => this.changed();
    this.#site = site;
    this.#options = options;
    this.faults = site.faults;
    this.botToken = options.botToken ?? 'xoxb-sandbox';
    this.appToken = options.appToken ?? 'xapp-sandbox';
    const workspace = new Workspace({
      teamId: options.team,
      teamName: name,
      appId,
      bot: org?.bot ?? 'pilotlight',
      newId: (kind) => site.newId(kind),
      clock,
      changed,
    });
    if (org) org.bot ??= workspace.bot;
    this.#workspace = workspace;
    this.#budgets = new SlackBudgets(options.budgets ?? {}, clock);
    this.#statuses = new Statuses({ clock, changed });
    const installation = () => this.app.installation;
    const subscriptions = options.subscriptions ?? manifestEvents;
    this.#events = new Events({ workspace, deliveries, subscriptions, baseUrl, installation });
    const context: SlackContext = {
      workspace,
      events: this.#events,
      statuses: this.#statuses,
      pings: this.#pings,
    };
    this.app = new InstalledApp({ site, workspace, events: this.#events, org });
    if (!site.oauth) this.app.isHere({ bot: this.botToken, app: this.appToken }, options.scopes);
    this.#streams = new Streams(context, { lifeMs: options.streamLifeMs ?? streamLifeMs });
    this.#responseUrls = new ResponseUrls(context, baseUrl);
    this.#interactions = new Interactions({
      workspace,
      deliveries,
      responseUrls: this.#responseUrls,
      installation,
    });
    const openSocket = () => (options.publicUrl ?? baseUrl).replace('http', 'ws') + site.socketMode.newPath();
    this.#webApi = new WebApi({
      methods: {
        ...chatMethods(context, this.#streams),
        ...this.#streams.methods,
        ...otherMethods(context, { openSocket, baseUrl }),
      },
      budgets: this.#budgets,
      team: workspace.teamId,
      tokens: site.tokens,
      now: clock.now,
    });
    this.people = {
      asker: this.addUser('asker'),
      colleague: this.addUser('colleague'),
      admin: this.addUser('admin', { admin: true }),
    };
    this.channel = this.addChannel('general');
    this.dm = this.openDm(this.people.asker);
    site.teams.push(this);
  }

  /** Starts on loopback, with one channel, one DM and three people. Rejects when the port is taken. */
  static async start(options: FakeSlackOptions = {}): Promise<FakeSlack> {
    const server = await HttpServer.listen(options.port ?? 0);
    const site = new Site(server, { ...options, clock: options.clock ?? systemClock });
    return new FakeSlack(site, options, 'sandbox');
  }

  /** Another workspace, with people of its own, for the same app; of an organisation, if so. */
  addTeam(name: string, org?: Organisation): FakeSlack {
    return new FakeSlack(this.#site, { ...this.#options, team: undefined }, name, org);
  }

  /** Another organisation of workspaces. */
  addOrganisation(name: string): Organisation {
    return { id: this.#site.newId('E'), name, apps: [], bot: undefined, token: undefined };
  }

  holds(id: string): boolean {
    return (
      this.#responseUrls.has(id) ||
      this.#workspace.channels.some((channel) => channel.id === id) ||
      this.#workspace.file(id) !== undefined
    );
  }

  call(method: string, call: Call): Answer {
    return this.#webApi.handle(method, call);
  }

  respond(id: string, call: Call): Answer {
    return this.#responseUrls.handle(id, call);
  }

  file(id: string, { authorization }: Call): Answer {
    const file = this.#workspace.file(id);
    if (!file) return { status: 404, body: 'not found' };
    const { tokens } = this.#site;
    const token = tokens.isGood(authorization) ? tokens.find(authorization) : undefined;
    if (!token?.teams.includes(this.teamId) || !token.scopes.includes('files:read')) {
      // Slack sends whoever may not see a file to its login page.
      return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' };
    }
    return { status: 200, headers: { 'content-type': file.mimetype }, body: file.content };
  }

  end(): void {
    this.#streams.close();
    this.#statuses.close();
  }

  changed(): void {
    this.emit('change');
  }

  /** For SLACK_API_URL. */
  get apiUrl(): string {
    return `${this.#site.server.baseUrl}/api/`;
  }

  /** Changes the request URL in the app's settings, of an app that is called by HTTP. */
  set requestUrl(url: string) {
    this.#site.http!.url = url;
  }

  /** Changes the redirect URL in the app's settings. */
  set redirectUrl(url: string) {
    this.#site.oauthOptions!.redirectUrl = url;
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
    return this.#site.deliveries.lost;
  }

  get connected(): boolean {
    return this.#site.socketMode.connections > 0;
  }

  get connections(): number {
    return this.#site.socketMode.connections;
  }

  async waitForConnection(): Promise<void> {
    while (!this.connected) await once(this, 'change');
  }

  /** Resolves when every event so far was acknowledged or given up. */
  eventsDelivered(): Promise<void> {
    return this.#site.deliveries.idle();
  }

  addUser(name: string, options: { admin?: boolean; bot?: boolean } = {}): string {
    return this.#workspace.addUser(name, options).id;
  }

  /**
   * A channel with everybody in it, or with `members`; the bot too unless told otherwise. `shared`: with another
   * organisation.
   */
  addChannel(
    name: string,
    options: { private?: boolean; shared?: boolean; bot?: boolean; members?: readonly string[] } = {},
  ): string {
    const bot = options.bot === false ? [] : [this.botUserId];
    const members = [...(options.members ?? Object.values(this.people)), ...bot];
    const type = options.private ? 'group' : 'channel';
    return this.#workspace.addChannel(name, type, members, options.shared).id;
  }

  openDm(user: string): string {
    return this.#workspace.dm(user).id;
  }

  /** A direct message of several people, which the bot was added to. */
  openGroup(people: readonly string[]): string {
    const names = people.map((person) => this.#workspace.user(person).name).join('--');
    return this.#workspace.addChannel(`mpdm-${names}-1`, 'mpim', [...people, this.botUserId]).id;
  }

  archive(channel: string): void {
    this.#workspace.channel(channel).archived = true;
  }

  /** Takes the bot out of a channel. */
  kickBot(channel: string): void {
    this.#workspace.channel(channel).members.delete(this.botUserId);
  }

  /** A person writes a message, or another bot, which need not be in the channel. Returns its ts. */
  say(said: Said): string {
    const workspace = this.#workspace;
    const { isBot } = workspace.user(said.user);
    const { members } = workspace.channel(said.channel);
    if (!isBot && !members.has(said.user)) throw new Error(`${said.user} is not in ${said.channel}`);
    const threadTs = threadOf(workspace, workspace.channel(said.channel), said.thread);
    const message = workspace.add({
      channel: said.channel,
      user: said.user,
      text: typed(said.text, workspace.users),
      ...(!isBot && { clientMsgId: randomUUID() }),
      threadTs,
      ...(said.blocks && { blocks: said.blocks }),
      ...(said.attachments && { attachments: said.attachments }),
      files: (said.files ?? []).map((file) => ({ ...file, id: workspace.newId('F') })),
      ...(said.forwards && { forwards: workspace.message(said.forwards.channel, said.forwards.message) }),
    });
    this.#events.posted(message, { order: said.order, again: said.duplicate });
    return message.ts;
  }

  /** A person changes their own message. */
  editMessage(channel: string, id: string, text: string): void {
    const message = this.#workspace.message(channel, id);
    const before = messageJson(this.#workspace, message);
    message.text = typed(text, this.#workspace.users);
    message.editedTs = this.#workspace.newTs();
    this.#events.changed(message, before);
    this.changed();
  }

  /** Tells the app that it gets too many events: a payload that holds no event. */
  tellRateLimited(): void {
    this.#site.deliveries.event({
      type: 'app_rate_limited',
      team_id: this.teamId,
      api_app_id: this.#workspace.appId,
    });
  }

  /** Sends any event, also one the app is not subscribed to, e.g. of another bot or of a new kind. */
  sendEvent(event: Readonly<Record<string, unknown>> & { readonly type: string }): void {
    this.#events.raw(event);
  }

  /**
   * A person runs a slash command. Resolves to what the acknowledgement shows them, undefined if nothing;
   * what comes later stands among the channel's messages. Rejects when there is no such command, or the bot did
   * not answer in time.
   */
  async slashCommand(run: SlashCommand): Promise<ShownMessage | undefined> {
    if (this.#options.commands?.includes(run.command) === false)
      throw new Error(`${run.command} is not a valid command`);
    const message = await this.#interactions.slashCommand(run);
    return message && shown(this.#workspace, message);
  }

  async click(channel: string, message: string, button: string, user: string): Promise<void> {
    const clicked = this.#workspace.messages(channel).find(({ ts }) => ts === message);
    const hidden = clicked?.onlyFor && clicked.onlyFor !== user;
    if (!clicked || hidden) throw new Error(`no message ${message} to click on`);
    await this.#interactions.click(clicked, button, user);
  }

  /** A person opens the app's direct messages. */
  openAppHome(user: string): void {
    this.#events.appHomeOpened(user);
  }

  /** A person presses the stop control of a thread in which the agent says that it is processing. */
  pressAgentStop(channel: string, thread: string, user: string): void {
    const session = this.#statuses.session(channel, thread);
    if (session?.status !== 'processing') throw new Error('no stop control is shown');
    const streaming_message_ts = this.#streams.stopByUser(channel, thread);
    this.#events.sessionStopped({ channel, thread_ts: thread, user, streaming_message_ts });
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
    this.#events.deleted(message);
  }

  /** Slack asks the clients to connect anew; it does so every few hours. */
  askToReconnect(reason: DisconnectReason = 'refresh_requested'): void {
    this.#site.socketMode.askToReconnect(reason);
  }

  dropConnections(): void {
    this.#site.socketMode.drop();
  }

  async close(): Promise<void> {
    this.#site.deliveries.close();
    for (const team of this.#site.teams) team.end();
    this.#site.socketMode.close();
    await this.#site.server.close();
  }
}
