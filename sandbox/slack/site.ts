/** What the workspaces of one fake Slack have in common: its server, the app, the way to the app. */
import type { Clock } from '../../src/clock.ts';
import { Faults } from '../faults.ts';
import { Args } from './args.ts';
import { Deliveries, type DeliveryTimes, slackDeliveryTimes } from './delivery.ts';
import { type HttpEventsOptions, httpEvents } from './http-events.ts';
import { OAuth, type OAuthOptions } from './oauth.ts';
import type { Answer, Call, HttpServer, Route } from './server.ts';
import { SocketMode } from './socket-mode.ts';
import { Tokens } from './tokens.ts';
import { answerOf, parse } from './web-api.ts';

export interface SiteOptions {
  readonly delivery?: Partial<DeliveryTimes>;
  /** Delivers by HTTP instead of Socket Mode. */
  readonly http?: HttpEventsOptions;
  /** The app is for many workspaces, none of which has it yet. */
  readonly oauth?: OAuthOptions;
  readonly clock: Clock;
}

/** One workspace, as its site needs it. */
export interface Team {
  readonly teamId: string;
  /** True for its channels, files and response URLs. */
  holds(id: string): boolean;
  call(method: string, call: Call): Answer;
  respond(id: string, call: Call): Answer;
  file(id: string, call: Call): Answer;
  changed(): void;
  /** Lets go of its timers. */
  end(): void;
}

export class Site {
  readonly server: HttpServer;
  readonly clock: Clock;
  readonly faults = new Faults();
  readonly tokens = new Tokens();
  readonly teams: Team[] = [];
  readonly appId: string;
  readonly http: HttpEventsOptions | undefined;
  readonly oauthOptions: OAuthOptions | undefined;
  readonly oauth: OAuth | undefined;
  readonly socketMode: SocketMode;
  readonly deliveries: Deliveries;
  #lastId = 0;

  constructor(server: HttpServer, { delivery, http, oauth, clock }: SiteOptions) {
    this.server = server;
    this.clock = clock;
    this.appId = this.newId('A');
    this.http = http && { ...http };
    this.oauthOptions = oauth && { ...oauth };
    this.oauth = this.oauthOptions && new OAuth(this.oauthOptions, clock);
    this.socketMode = new SocketMode({
      appId: this.appId,
      changed: () => {
        for (const team of this.teams) team.changed();
      },
    });
    this.deliveries = new Deliveries({
      clock,
      times: { ...slackDeliveryTimes, ...delivery },
      transport: this.http ? httpEvents(this.http, clock) : (envelope) => this.socketMode.send(envelope),
    });
    const upgrade: SocketMode['upgrade'] = (...request) => this.socketMode.upgrade(...request);
    server.serve({ route: (method, path) => this.#route(method, path), upgrade }, this.faults, clock);
  }

  /** An id as Slack writes them, a letter for the kind, then capitals and digits; of all workspaces. */
  newId(kind: string): string {
    this.#lastId += 1;
    return `${kind}0SANDBOX${String(this.#lastId).padStart(2, '0')}`;
  }

  #route(method: string, path: string): Route | undefined {
    const [, root, name = ''] = path.split('/');
    const holder = () => this.teams.find((team) => team.holds(name)) ?? this.teams[0]!;
    if (root === 'api' && method === 'POST') {
      return { name, run: (call) => this.#oauthCall(name, call) ?? this.#teamOf(call).call(name, call) };
    }
    if (root === 'response' && method === 'POST') {
      return { name: 'response_url', run: (call) => holder().respond(name, call) };
    }
    if (root === 'files' && method === 'GET') {
      return { name: 'url_private', run: (call) => holder().file(name, call) };
    }
    return undefined;
  }

  /** The one method without a token. */
  #oauthCall(name: string, call: Call): Answer | undefined {
    const { oauth } = this;
    if (!oauth || name !== 'oauth.v2.access') return undefined;
    return answerOf(() => oauth.access(new Args(parse(call))));
  }

  /** Whose token it is; of an organisation's, the one that the call names or whose channel it is about. */
  #teamOf(call: Call): Team {
    const good = this.tokens.find(call.authorization)?.teams ?? [];
    const teams = this.teams.filter(({ teamId }) => good.includes(teamId));
    if (teams.length < 2) return teams[0] ?? this.teams[0]!;
    const args = new URLSearchParams(call.body);
    const named = teams.find(({ teamId }) => teamId === args.get('team_id'));
    const about = args.get('channel') ?? args.get('channel_id') ?? '';
    return named ?? teams.find((team) => team.holds(about)) ?? teams[0]!;
  }
}
