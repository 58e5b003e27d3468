/** Delivery by signed HTTP requests, for apps that use no socket. */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../src/clock.ts';
import type { Envelope, Transport } from './delivery.ts';

export interface HttpEventsOptions {
  /** The app's request URL; it may be changed, as in the app's settings. */
  url: string;
  readonly signingSecret: string;
}

/** Answers with 2xx are acknowledgements; their body is the answer to a click or a command. */
export function httpEvents(options: HttpEventsOptions, clock: Clock): Transport {
  return async (envelope) => {
    const { contentType, body } = encoded(envelope);
    const response = await fetch(options.url, {
      method: 'POST',
      headers: {
        'content-type': contentType,
        ...signature(body, options.signingSecret, clock.now()),
        ...(envelope.retryAttempt > 0 && {
          'x-slack-retry-num': String(envelope.retryAttempt),
          'x-slack-retry-reason': envelope.retryReason,
        }),
      },
      body,
    }).catch(() => {
      throw new Error('connection_failed');
    });
    const answer = await response.text();
    if (!response.ok) throw new Error('http_error');
    try {
      return JSON.parse(answer);
    } catch {
      return answer === '' ? undefined : { text: answer };
    }
  };
}

/** The headers by which an app knows that a request is Slack's; `now` in ms. */
export function signature(body: string, signingSecret: string, now: number) {
  const timestamp = String(Math.floor(now / 1000));
  const hash = createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `v0=${hash}` };
}

/** Events are JSON; commands are a form; clicks are a form with JSON in its one field. */
function encoded({ type, payload }: Envelope): { contentType: string; body: string } {
  if (type === 'events_api') return { contentType: 'application/json', body: JSON.stringify(payload) };
  const fields =
    type === 'interactive' ? { payload: JSON.stringify(payload) } : (payload as Record<string, string>);
  return { contentType: 'application/x-www-form-urlencoded', body: new URLSearchParams(fields).toString() };
}
