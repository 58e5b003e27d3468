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

/** Slack's own client, which tells of refusals instead of trying again. */
export function clientOf(slack: FakeSlack, token = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logLevel: LogLevel.ERROR,
  });
}

/** Slack's own app framework, connected over Socket Mode. */
export async function startApp(slack: FakeSlack, listen: (app: App) => void): Promise<App> {
  const app = new App({
    token: slack.botToken,
    appToken: slack.appToken,
    socketMode: true,
    deferInitialization: true,
    logLevel: LogLevel.ERROR,
    ignoreSelf: false,
    clientOptions: { slackApiUrl: slack.apiUrl },
  });
  listen(app);
  await app.init();
  await app.start();
  onTestFinished(async () => void (await app.stop()));
  return app;
}

/** The error code Slack answered with. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => new Error('was not refused'),
    (reason) => reason,
  );
  return error.data?.error ?? error.message;
}
