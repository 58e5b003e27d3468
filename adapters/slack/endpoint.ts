import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPReceiver, HTTPReceiverDeferredRequestError } from '@slack/bolt';
import type { Logger } from 'pino';
import { SLACK_API } from './client.ts';
import { showFailure } from './install-pages.ts';
import type { Installations } from './installations.ts';
import type { Intake } from './intake.ts';
import { slackLogger } from './log.ts';
import { needed, wanted } from './tokens.ts';

/** Slack's events are far smaller; bytes. */
const MAX_BODY = 1024 * 1024;
/** After 3 s Slack takes a request for lost and brings it again; ms. */
const ACK_WITHIN = 2_900;
/** For what an installation asks Slack, while somebody waits; ms. */
const SLACK_WITHIN = 10_000;

export interface Install {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Signs what a browser carries through an installation, which any process may take up. */
  readonly stateSecret: string;
  readonly installations: Installations;
  readonly apiUrl: string | undefined;
}

interface EndpointOptions {
  readonly signingSecret: string;
  /** For many workspaces: GET /slack/install and /slack/oauth_redirect. */
  readonly install: Install | undefined;
  readonly log: Logger;
}

/**
 * Takes Slack's signed requests at POST /slack/events. Nothing is kept between two of them, so that behind a
 * load balancer any process may get any request. Bolt checks the signature, and refuses what is older than
 * five minutes.
 */
export class Endpoint implements Intake {
  readonly receiver: HTTPReceiver;
  #connected = false;

  constructor({ signingSecret, install, log }: EndpointOptions) {
    this.receiver = new HTTPReceiver({
      ...(install && installing(install)),
      signingSecret,
      bodyLimit: MAX_BODY,
      logger: slackLogger(log),
      unhandledRequestTimeoutMillis: ACK_WITHIN,
      unhandledRequestHandler: ({ response }) => refuse(response),
      // What went wrong is in the log already. A refused event comes again.
      processEventErrorHandler: async ({ response }) => {
        refuse(response);
        return false;
      },
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  async open(): Promise<void> {
    this.#connected = true;
  }

  async close(): Promise<void> {
    this.#connected = false;
  }

  readonly listener = (request: IncomingMessage, response: ServerResponse): void => {
    try {
      if (this.#connected) this.receiver.requestListener(request, response);
      else refuse(response);
    } catch (error) {
      if (!(error instanceof HTTPReceiverDeferredRequestError)) throw error;
      response.writeHead(404).end();
    }
  };
}

/** Bolt's installer. A visit leads straight to Slack's own page of consent. */
function installing({ clientId, clientSecret, stateSecret, installations, apiUrl = SLACK_API }: Install) {
  return {
    clientId,
    clientSecret,
    stateSecret,
    installationStore: installations,
    scopes: [...needed, ...wanted],
    installerOptions: {
      directInstall: true,
      authorizationUrl: new URL('../oauth/v2/authorize', apiUrl).href,
      clientOptions: { slackApiUrl: apiUrl, retryConfig: { retries: 1 }, timeout: SLACK_WITHIN },
      callbackOptions: {
        failure: (error: { code: string }, _options: unknown, _request: unknown, response: ServerResponse) =>
          showFailure(error, response),
      },
    },
  };
}

/** Tells Slack, and a load balancer, to try again. */
function refuse(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(503).end();
}
