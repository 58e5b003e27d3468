import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPReceiver, HTTPReceiverDeferredRequestError } from '@slack/bolt';
import type { Logger } from 'pino';
import type { Intake } from './intake.ts';
import { slackLogger } from './log.ts';

/** Slack's events are far smaller; bytes. */
const MAX_BODY = 1024 * 1024;
/** After 3 s Slack takes a request for lost and brings it again; ms. */
const ACK_WITHIN = 2_900;

/**
 * Takes Slack's signed requests at POST /slack/events. Nothing is kept between two of them, so that behind a
 * load balancer any process may get any request. Bolt checks the signature, and refuses what is older than
 * five minutes.
 */
export class Endpoint implements Intake {
  readonly receiver: HTTPReceiver;
  #connected = false;

  constructor({ signingSecret, log }: { signingSecret: string; log: Logger }) {
    this.receiver = new HTTPReceiver({
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

/** Tells Slack, and a load balancer, to try again. */
function refuse(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(503).end();
}
