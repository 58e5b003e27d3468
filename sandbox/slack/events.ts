/** The Events API: what happens in the workspace, told to the app if it subscribed and may see it. */
import { randomUUID } from 'node:crypto';
import type { Deliveries } from './delivery.ts';
import { messageJson } from './shown.ts';
import type { SlackMessage, Workspace } from './workspace.ts';

const messageEvents = {
  channel: 'message.channels',
  group: 'message.groups',
  im: 'message.im',
  mpim: 'message.mpim',
};

/** How the app came to be in the workspace. */
export interface Installation {
  /** The organisation it was installed to as a whole. */
  readonly enterprise?: string;
}

export type MentionOrder = 'mention-first' | 'message-first';

type Event = Readonly<Record<string, unknown>> & { readonly type: string };

export class Events {
  readonly subscriptions: ReadonlySet<string>;
  readonly #workspace: Workspace;
  readonly #deliveries: Deliveries;
  readonly #baseUrl: string;
  readonly #installation: () => Installation | undefined;

  constructor(options: {
    workspace: Workspace;
    deliveries: Deliveries;
    subscriptions: readonly string[];
    baseUrl: string;
    installation: () => Installation | undefined;
  }) {
    this.#workspace = options.workspace;
    this.#deliveries = options.deliveries;
    this.subscriptions = new Set(options.subscriptions);
    this.#baseUrl = options.baseUrl;
    this.#installation = options.installation;
  }

  /** A new message. One that mentions the bot makes two events with ids of their own, but not in a DM. */
  posted(message: SlackMessage, options: { order?: MentionOrder; again?: boolean } = {}): void {
    const event = { ...this.#json(message), channel: message.channel, event_ts: message.ts };
    const tell = [() => this.#messageEvent(message.channel, event, options.again)];
    if (this.#mentions(message)) {
      tell.push(() =>
        this.#tell('app_mention', message.channel, { ...event, type: 'app_mention' }, options.again),
      );
      if (options.order !== 'message-first') tell.reverse();
    }
    for (const one of tell) one();
  }

  /**
   * An edit: no user at the top, old and new message inside. Who mentions the bot in the new text mentions it
   * again, in an event that looks like the first one but for `edited` [I].
   */
  changed(message: SlackMessage, before: Readonly<Record<string, unknown>>): void {
    if (this.#mentions(message)) {
      const { channel, ts } = message;
      const event = { ...this.#json(message), channel, event_ts: ts };
      this.#tell('app_mention', channel, { ...event, type: 'app_mention' });
    }
    this.#messageEvent(message.channel, {
      type: 'message',
      subtype: 'message_changed',
      hidden: true,
      channel: message.channel,
      message: this.#json(message),
      previous_message: before,
      ...this.#now(),
    });
  }

  deleted(message: SlackMessage): void {
    this.#messageEvent(message.channel, {
      type: 'message',
      subtype: 'message_deleted',
      hidden: true,
      channel: message.channel,
      deleted_ts: message.ts,
      previous_message: this.#json(message),
      ...this.#now(),
    });
  }

  appHomeOpened(user: string): void {
    const channel = this.#workspace.dm(user).id;
    const { ts: event_ts } = this.#now();
    this.#tell('app_home_opened', channel, {
      type: 'app_home_opened',
      user,
      channel,
      tab: 'messages',
      event_ts,
    });
  }

  sessionStopped(stop: {
    channel: string;
    thread_ts: string;
    user: string;
    streaming_message_ts: string[];
  }): void {
    const { ts: event_ts } = this.#now();
    this.#tell('agent_session_stopped', stop.channel, { type: 'agent_session_stopped', ...stop, event_ts });
  }

  /** Any other event, also one the app did not subscribe to. */
  raw(event: Event): void {
    this.#send(event);
  }

  #mentions({ channel, user, text }: SlackMessage): boolean {
    const { bot } = this.#workspace;
    const direct = this.#workspace.channel(channel).type === 'im';
    return !direct && user !== bot.id && text.includes(`<@${bot.id}>`);
  }

  #messageEvent(channel: string, event: Event, again = false): void {
    const { type } = this.#workspace.channel(channel);
    this.#tell(messageEvents[type], channel, { ...event, channel_type: type }, again);
  }

  #tell(subscription: string, channel: string, event: Event, again = false): void {
    if (!this.subscriptions.has(subscription)) return;
    if (!this.#workspace.channel(channel).members.has(this.#workspace.bot.id)) return;
    this.#send(event, again);
  }

  #send(event: Event, again = false): void {
    const installation = this.#installation();
    // Where the app is not, it hears nothing.
    if (!installation) return;
    const { enterprise } = installation;
    const { teamId, appId, bot, clock } = this.#workspace;
    const authorization = {
      enterprise_id: enterprise ?? null,
      team_id: teamId,
      user_id: bot.id,
      is_bot: true,
      is_enterprise_install: enterprise !== undefined,
    };
    const payload = {
      token: 'sandbox',
      team_id: teamId,
      ...(enterprise !== undefined && { enterprise_id: enterprise }),
      api_app_id: appId,
      type: 'event_callback',
      event_id: `Ev${randomUUID().replaceAll('-', '').slice(0, 9).toUpperCase()}`,
      event_time: Math.floor(clock.now() / 1000),
      authorizations: [authorization],
      is_ext_shared_channel: this.#isShared(event),
      event,
    };
    this.#deliveries.event(payload, again);
  }

  #isShared({ channel }: Event): boolean {
    return this.#workspace.channels.some(({ id, shared }) => id === channel && shared);
  }

  #json(message: SlackMessage): Event {
    return messageJson(this.#workspace, message, { baseUrl: this.#baseUrl }) as Event;
  }

  #now() {
    const ts = this.#workspace.newTs();
    return { ts, event_ts: ts };
  }
}
