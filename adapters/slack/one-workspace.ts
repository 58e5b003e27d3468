import { WebClient, type WebClientOptions } from '@slack/web-api';
import type { Logger } from 'pino';
import type { Accounts } from './accounts.ts';
import { identify } from './tokens.ts';
import type { Credentials, Self } from './workspace.ts';

/** The bot in one workspace, whose token the settings hold. */
export class OneWorkspace implements Accounts {
  readonly #token: string;
  readonly #clientOptions: WebClientOptions;
  readonly #log: Logger;
  #self: Self | undefined;

  constructor(options: { token: string; clientOptions: WebClientOptions; log: Logger }) {
    this.#token = options.token;
    this.#clientOptions = options.clientOptions;
    this.#log = options.log;
  }

  async open(): Promise<void> {
    this.#self ??= await identify(new WebClient(this.#token, this.#clientOptions), this.#log);
  }

  get only(): Self {
    if (!this.#self) throw new Error('Slack was not asked yet who we are');
    return this.#self;
  }

  async credentials(): Promise<Credentials> {
    await this.open();
    return { ...this.only, token: this.#token };
  }

  readonly authorize = async () => {
    const { team, user, bot } = this.only;
    return { botToken: this.#token, botUserId: user, botId: bot, teamId: team };
  };
}
