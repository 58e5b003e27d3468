import type { App, Context, HTTPReceiver } from '@slack/bolt';
import type { Accounts } from './accounts.ts';
import { type Installations, NotInstalled } from './installations.ts';
import type { Credentials, Where } from './workspace.ts';
import type { Workspaces } from './workspaces.ts';

type Installer = NonNullable<HTTPReceiver['installer']>;

/** The bot in whatever workspaces have installed it. */
export class ManyWorkspaces implements Accounts {
  readonly only = undefined;
  /** The receiver's installer looks events' workspaces up. */
  readonly authorize = undefined;
  readonly #installations: Installations;
  readonly #installer: Installer;

  constructor(installations: Installations, installer: Installer) {
    this.#installations = installations;
    this.#installer = installer;
  }

  open(): Promise<void> {
    return this.#installations.open();
  }

  async credentials({ team, enterprise }: Where): Promise<Credentials | undefined> {
    try {
      const { botToken, botUserId, botId } = await this.#installer.authorize({
        teamId: team,
        enterpriseId: enterprise,
        isEnterpriseInstall: enterprise !== undefined,
      });
      if (!botToken || !botUserId || !botId) return undefined;
      return { token: botToken, user: botUserId, bot: botId };
    } catch (error) {
      if (isNotInstalled(error)) return undefined;
      throw error;
    }
  }

  /** An uninstall comes as two events, in any order, and maybe late: after the bot was installed again. */
  listen(app: App, workspaces: Workspaces): void {
    const remove = async (context: Context, eventTime: number) => {
      const { teamId, enterpriseId } = context;
      const isEnterpriseInstall = context.isEnterpriseInstall || teamId === undefined;
      // Slack tells whole seconds.
      await this.#installations.delete(
        { teamId, enterpriseId, isEnterpriseInstall },
        eventTime * 1_000 + 999,
      );
      if (teamId !== undefined) {
        workspaces.forget({ team: teamId, ...(isEnterpriseInstall && { enterprise: enterpriseId! }) });
      }
    };
    app.event('app_uninstalled', ({ context, body }) => remove(context, body.event_time));
    app.event('tokens_revoked', async ({ event, context, body }) => {
      if (event.tokens.bot?.length) await remove(context, body.event_time);
    });
  }
}

/** Also where Bolt has wrapped it. */
export function isNotInstalled(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error instanceof NotInstalled || isNotInstalled(error.cause ?? ('original' in error && error.original))
  );
}
