/** The app in one workspace: installed, with which token, and removed again. */
import { randomUUID } from 'node:crypto';
import type { Events, Installation } from './events.ts';
import { manifestScopes } from './manifest.ts';
import type { Site } from './site.ts';
import type { Workspace } from './workspace.ts';

/** An Enterprise Grid organisation. */
export interface Organisation {
  readonly id: string;
  readonly name: string;
  readonly apps: InstalledApp[];
  /** The same in all its workspaces. */
  bot: Workspace['bot'] | undefined;
  token: string | undefined;
}

export class InstalledApp {
  readonly #site: Site;
  readonly #workspace: Workspace;
  readonly #events: Events;
  readonly #org: Organisation | undefined;
  #installation: Installation | undefined;
  #token: string | undefined;

  constructor(options: {
    site: Site;
    workspace: Workspace;
    events: Events;
    org: Organisation | undefined;
  }) {
    this.#site = options.site;
    this.#workspace = options.workspace;
    this.#events = options.events;
    this.#org = options.org;
    options.org?.apps.push(this);
  }

  /** Undefined where it is not installed. */
  get installation(): Installation | undefined {
    return this.#installation;
  }

  /** It is installed with these tokens, without anybody having agreed. */
  isHere({ bot, app }: { bot: string; app: string }, scopes: readonly string[] = manifestScopes): void {
    const teams = [this.#workspace.teamId];
    this.#site.tokens.add(bot, { kind: 'bot', teams, scopes });
    this.#site.tokens.add(app, { kind: 'app', teams, scopes });
    this.#token = bot;
    this.#installation = {};
  }

  /**
   * Somebody of this workspace follows the app's link to Slack's page and agrees that it is installed here.
   * Returns where Slack sends their browser. Throws what the page would say about a wrong link.
   */
  agree(link: string, user: string): string {
    return this.#site.oauth!.visit(link, { user, install: (scopes) => this.#install(scopes) });
  }

  /** An admin of the organisation agrees that it is installed in all workspaces of it. */
  agreeEverywhere(link: string, user: string): string {
    const org = this.#org!;
    return this.#site.oauth!.visit(link, { user, install: (scopes) => this.#installEverywhere(org, scopes) });
  }

  /** They press Cancel on that page. */
  cancel(link: string): string {
    return this.#site.oauth!.visit(link, 'cancel');
  }

  /** Somebody removes it: its token is good no more, and two events say so, here in the order given. */
  uninstall(events: readonly string[] = ['app_uninstalled', 'tokens_revoked']): void {
    this.#site.tokens.revoke(this.#currentToken, 'account_inactive');
    for (const type of events) {
      if (!this.#events.subscriptions.has(type)) continue;
      const tokens = { oauth: [], bot: [this.#workspace.bot.id] };
      this.#events.raw(type === 'tokens_revoked' ? { type, tokens } : { type });
    }
    const everywhere = this.#installation?.enterprise !== undefined;
    for (const app of everywhere ? this.#org!.apps : [this]) app.#installation = undefined;
  }

  /** The token stops being good, and nobody tells the app. */
  revokeToken(): void {
    this.#site.tokens.revoke(this.#currentToken, 'token_revoked');
  }

  get #currentToken(): string {
    return (this.#installation?.enterprise === undefined ? this.#token : this.#org!.token)!;
  }

  #install(scopes: readonly string[]): Readonly<Record<string, unknown>> {
    const { tokens } = this.#site;
    const { teamId, teamName, bot, appId } = this.#workspace;
    // Installed again, it keeps its token.
    if (!tokens.isGood(this.#token)) this.#token = `xoxb-${teamId}-${randomUUID()}`;
    tokens.add(this.#token!, { kind: 'bot', teams: [teamId], scopes });
    this.#installation = {};
    return {
      access_token: this.#token,
      bot_user_id: bot.id,
      app_id: appId,
      team: { id: teamId, name: teamName },
      enterprise: this.#org ? { id: this.#org.id, name: this.#org.name } : null,
      is_enterprise_install: false,
    };
  }

  #installEverywhere(org: Organisation, scopes: readonly string[]): Readonly<Record<string, unknown>> {
    const { tokens } = this.#site;
    if (!tokens.isGood(org.token)) org.token = `xoxb-${org.id}-${randomUUID()}`;
    tokens.add(org.token!, { kind: 'bot', teams: org.apps.map((app) => app.#workspace.teamId), scopes });
    for (const app of org.apps) app.#installation = { enterprise: org.id };
    return {
      access_token: org.token,
      bot_user_id: this.#workspace.bot.id,
      app_id: this.#workspace.appId,
      team: null,
      enterprise: { id: org.id, name: org.name },
      is_enterprise_install: true,
    };
  }
}
