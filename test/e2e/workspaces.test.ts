import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { FakeSlack, type FakeSlackOptions } from '../../sandbox/slack/fake-slack.ts';
import { startApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { install } from '../support/browser.ts';
import { TestPostgres } from '../support/postgres.ts';
import { nowhere } from '../support/slack-http.ts';
import { Answers, Log, letters, quick, scripted } from './support.ts';

const signingSecret = 'a signing secret';
const clientSecret = 'a client secret';

const env = {
  SLACK_BOT_TOKEN: '',
  SLACK_APP_TOKEN: '',
  SLACK_ADMIN_IDS: '',
  SLACK_SIGNING_SECRET: signingSecret,
  SLACK_CLIENT_ID: '1.2',
  SLACK_CLIENT_SECRET: clientSecret,
  SLACK_STATE_SECRET: 'a state secret',
  TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  DISCORD_TOKEN: '',
  SHUTDOWN_SECONDS: '0',
};

const slack: FakeSlackOptions = {
  http: { url: nowhere, signingSecret },
  oauth: { clientId: '1.2', clientSecret, redirectUrl: nowhere },
};

/** Somebody asks in the channel, and the model's whole answer comes to stand there. */
async function asks(team: FakeSlack, text: string): Promise<void> {
  const answers = new Answers(team, team.channel);
  const count = answers.all.length;
  team.say({ channel: team.channel, user: team.people.asker, text: `@pilotlight ${text}` });
  const { text: shown } = await answers.end(count + 1);
  expect(letters(shown)).toContain(letters(scripted(text)));
}

it('Two workspaces install the bot, each gets its own answers, one leaves, and the other goes on after a restart', async (test) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
  const log = new Log();
  test.onTestFailed(() => console.error(log.lines.join('')));
  const sandbox = await startSandbox({
    log: pino({ level: 'debug' }, log),
    slack,
    model: quick,
    env: { ...env, DATABASE_URL: `sqlite:${join(folder, 'bot.db')}` },
  });
  test.onTestFinished(async () => {
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });
  const one = sandbox.slack;
  const other = one.addTeam('other');
  const reach = () => {
    const url = `http://127.0.0.1:${sandbox.app.port}`;
    one.requestUrl = `${url}/slack/events`;
    one.redirectUrl = `${url}/slack/oauth_redirect`;
    return url;
  };

  const url = reach();
  for (const { app, people } of [one, other]) {
    const page = await install(url, (link) => app.agree(link, people.admin));
    expect(await page.text()).toContain('Thank you');
  }
  await Promise.all([asks(one, 'show me a table'), asks(other, 'write some code')]);
  expect(new Answers(one, one.channel).all).toHaveLength(1);
  expect(new Answers(other, other.channel).all).toHaveLength(1);

  other.app.uninstall();
  await log.said('uninstalled', 1);
  await asks(one, 'tell me more');

  await sandbox.restart();
  reach();
  await asks(one, 'and after the restart?');
  await one.eventsDelivered();
  expect(one.lostEvents).toEqual([]);

  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
  expect(files.join('')).toContain('tell me more');
  expect(files.join('')).not.toContain('xoxb-');
  expect(log.lines.join('')).not.toMatch(/xoxb-|a client secret|a signing secret|tell me more/);
});

it('Two processes on one Postgres serve them together: whichever takes a request, the right token answers', async (test) => {
  const log = new Log();
  test.onTestFailed(() => console.error(log.lines.join('')));
  const postgres = await TestPostgres.start();
  test.onTestFinished(() => postgres.stop());
  const model = await SleepingModel.start(quick);
  test.onTestFinished(() => model.close());
  const one = await FakeSlack.start(slack);
  test.onTestFinished(() => one.close());
  const other = one.addTeam('other');
  const config = readConfig({
    ...env,
    SLACK_API_URL: one.apiUrl,
    MODEL_BASE_URL: model.baseUrl,
    DATABASE_URL: await postgres.database(),
    PORT: '0',
  });
  const apps = await Promise.all([1, 2].map(() => startApp(config, pino({ level: 'debug' }, log))));
  test.onTestFinished(() => Promise.all(apps.map((app) => app.stop())).then(() => {}));

  const [first, second] = apps.map(({ port }) => `http://127.0.0.1:${port}`) as [string, string];
  one.redirectUrl = `${second}/slack/oauth_redirect`;
  for (const { app, people } of [one, other]) await install(first, (link) => app.agree(link, people.admin));
  for (const [index, url] of [first, second, first, second].entries()) {
    one.requestUrl = `${url}/slack/events`;
    await asks(index < 2 ? one : other, `question ${index}`);
  }
  other.app.uninstall();
  await log.said('uninstalled');
  one.requestUrl = `${first}/slack/events`;
  await asks(one, 'are you still there?');
  await one.eventsDelivered();
  expect(one.lostEvents).toEqual([]);
});
