import { once } from 'node:events';
import { App } from '@slack/bolt';
import { LogLevel, WebClient } from '@slack/web-api';
import { onTestFinished } from 'vitest';
import { FakeSlack, type FakeSlackOptions } from '../../sandbox/slack/fake-slack.ts';

/** A fake Slack that is closed when the test ends. */
export async function startSlack(options: FakeSlackOptions = {}): Promise<FakeSlack> {
  const slack = await FakeSlack.start(options);
  onTestFinished(() => slack.close());
  return slack;
}

/** Slack's own client, made to report refusals instead of trying again. */
export function clientOf(slack: FakeSlack, token = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: silent,
  });
}

/** Posts into the channel, and resolves to the message's ts. */
export async function post(slack: FakeSlack, fields: object): Promise<string> {
  const { ts } = await clientOf(slack).chat.postMessage({ channel: slack.channel, ...fields } as never);
  return ts!;
}

/** Slack's own app framework, connected over Socket Mode. */
export async function startApp(slack: FakeSlack, listen: (app: App) => void): Promise<App> {
  const app = new App({
    token: slack.botToken,
    appToken: slack.appToken,
    socketMode: true,
    deferInitialization: true,
    ignoreSelf: false,
    clientOptions: { slackApiUrl: slack.apiUrl },
    logger: silent,
  });
  listen(app);
  await app.init();
  const before = slack.connections;
  await app.start();
  onTestFinished(async () => {
    await app.stop();
    while (slack.connections > before) await once(slack, 'change');
  });
  return app;
}

/** The error code that Slack refuses a call with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return (error as { data?: { error?: string } }).data?.error ?? String(error);
  }
  return 'not refused';
}

const ignore = () => {};

/** A logger for clients whose failures a test provokes. */
export const silent = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  setLevel: ignore,
  getLevel: () => LogLevel.ERROR,
  setName: ignore,
};
