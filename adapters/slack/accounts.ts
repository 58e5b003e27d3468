import type { App, AppOptions } from '@slack/bolt';
import type { Credentials, Self, Where } from './workspace.ts';
import type { Workspaces } from './workspaces.ts';

/** Where the bot is installed, and its tokens there. */
export interface Accounts {
  /** The one workspace there is; undefined where many may install the bot. */
  readonly only: Self | undefined;
  /** For Bolt; undefined where its receiver brings its own. */
  readonly authorize: AppOptions['authorize'];
  /** Rejects with an OperatorError. */
  open(): Promise<void>;
  /** Listens for what changes them. */
  listen?(app: App, workspaces: Workspaces): void;
  /** Undefined where the bot is not installed (any more). Rejects when it cannot be looked up now. */
  credentials(where: Where): Promise<Credentials | undefined>;
}
