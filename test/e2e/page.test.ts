import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { type Browser, chromium, type Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Page, servePage } from '../../sandbox/page/server.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
if (!CHROMIUM && process.env.REQUIRE_CHROMIUM)
  throw new Error('REQUIRE_CHROMIUM is set and there is no Chromium.');

/** Slow enough that growth is seen, quick enough for a test. */
const TOKENS_PER_SECOND = 60;

describe.skipIf(!CHROMIUM)('the page of the sandbox, in a real browser (skipped without Chromium)', () => {
  let sandbox: Sandbox;
  let page: Page;
  let browser: Browser;
  let tab: Tab;
  const faults: string[] = [];

  beforeAll(async () => {
    sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: { coldStartMs: 3_000, tokensPerSecond: TOKENS_PER_SECOND },
    });
    page = await servePage(sandbox, 0);
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
      ],
    });
    tab = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    tab.on('pageerror', (error) => faults.push(error.message));
    tab.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await tab.goto(page.url);
  });
  afterAll(async () => {
    await browser?.close();
    await page?.close();
    await sandbox?.close();
  });

  async function typeIn(platform: 'slack' | 'discord', text: string): Promise<void> {
    const field = tab.locator(`.${platform} > form input[type=text]`);
    await field.fill(text);
    await field.press('Enter');
  }
  const answer = (platform: string) => tab.locator(`.${platform} .message:has(.app)`).last();
  const stop = () => tab.getByRole('button', { name: 'Stop' });
  const stopOf = (platform: string) => answer(platform).locator(stop());

  /** Waits until an answer that has its Stop button, not one before it, shows more than `least` characters. */
  async function growsPast(platform: string, least: number): Promise<number> {
    const running = tab.locator(`.${platform} .message`).filter({ has: stop() });
    for (;;) {
      const text = await running.locator('.text').innerText();
      if (!text.includes('Waking') && text.length > least) return text.length;
      await tab.waitForTimeout(30);
    }
  }

  it('starts with a sleeping model and says what to type', async () => {
    await tab.getByText('Model asleep').waitFor();
    expect(await tab.locator('.slack .empty').innerText()).toContain('@pilotlight');
    expect(await tab.locator('.discord .empty').innerText()).toContain('/ask');
  });

  it('shows a Slack mention wake the model and its answer grow in the thread to the end', async () => {
    await typeIn('slack', '@pilotlight write 900 characters');
    await tab.getByText('Model waking').waitFor();
    await answer('slack').getByText('Waking the model').waitFor();
    const first = await growsPast('slack', 0);
    const second = await growsPast('slack', first);
    expect(second).toBeGreaterThan(first);
    await stopOf('slack').waitFor({ state: 'detached' });
    await tab.getByText('Model awake').waitFor();
    const shown = sandbox.slack.messages(sandbox.slack.channel).filter(({ author }) => author.bot);
    expect(shown).toHaveLength(1);
    expect(shown[0]!.text.length).toBeGreaterThanOrEqual(890);
    expect(shown[0]!.text.length).toBeGreaterThanOrEqual(second);
    expect(await tab.locator('.slack .replies .message').count()).toBe(1);
  });

  it('shows a Discord /ask answered in place', async () => {
    await typeIn('discord', '/ask write 900 characters');
    const first = await growsPast('discord', 30);
    await growsPast('discord', first);
    await stopOf('discord').waitFor({ state: 'detached' });
    const shown = sandbox.discord.messages(sandbox.discord.channel);
    expect(shown).toHaveLength(1);
    expect(shown[0]!.text.length).toBeGreaterThanOrEqual(890);
  });

  it('stops an answer with its button and keeps what came', async () => {
    await typeIn('slack', '@pilotlight write 5000 characters');
    const shown = await growsPast('slack', 100);
    await stopOf('slack').click();
    await answer('slack').getByText('Stopped').waitFor();
    expect((await answer('slack').innerText()).length).toBeGreaterThanOrEqual(shown);
    await answer('slack').getByRole('button', { name: 'Retry' }).waitFor();
  });

  it('stops an answer from the keyboard, whose focus stays on Stop while the answer grows', async () => {
    await typeIn('discord', '@pilotlight write 5000 characters');
    const shown = await growsPast('discord', 100);
    await stopOf('discord').focus();
    await growsPast('discord', shown);
    await tab.keyboard.press('Enter');
    await answer('discord').getByText('Stopped').waitFor();
  });

  it('sends files along with a message, and names them', async () => {
    await tab.locator('.slack > form input[type=file]').setInputFiles([
      { name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan is to rest') },
      { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('a picture') },
    ]);
    await typeIn('slack', '@pilotlight show me a list');
    await tab.locator('.slack .message', { hasText: '[plan.txt]' }).waitFor();
    await answer('slack').getByText('cannot see pictures').waitFor();
    const lastAsked = () => JSON.stringify(sandbox.model!.chats.at(-1)!.body);
    expect(lastAsked()).toContain('the plan is to rest');
    const file = { name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan is to go on') };
    await tab.locator('.discord > form input[type=file]').setInputFiles(file);
    await typeIn('discord', '/ask show me a list');
    await expect.poll(lastAsked, { timeout: 10_000 }).toContain('the plan is to go on');
  });

  it('says whose command an answer in Discord is for', async () => {
    expect(await tab.locator('.discord .message').first().innerText()).toContain('asker used /ask');
  });

  it('stops an answer that is deleted, and does not bring it back', async () => {
    await typeIn('slack', '@pilotlight write 5000 characters');
    await growsPast('slack', 100);
    const shown = await tab.locator('.slack .replies .message').count();
    await answer('slack').hover();
    await answer('slack').getByRole('button', { name: 'Delete' }).click();
    await tab.getByText('sleeps in').waitFor();
    expect(await tab.locator('.slack .replies .message').count()).toBe(shown - 1);
  });

  it('shows what only one person sees without a thread to reply in', async () => {
    const threads = await tab.locator('.slack .replies').count();
    await typeIn('slack', '/pilotlight status');
    await tab.locator('.slack .only').waitFor();
    expect(await tab.locator('.slack .replies').count()).toBe(threads);
  });

  it('fails the model on demand, and shows what people are told: the fault, then that it gets a pause', async () => {
    const failure = tab.getByRole('button', { name: 'Failure' });
    await failure.click();
    await tab.locator('#model + button[aria-pressed="true"]').waitFor();
    for (let asked = 1; asked <= 5; asked += 1) {
      await typeIn('slack', `@pilotlight question ${asked}`);
      const failed = tab.locator('.slack .message', { hasText: 'failed with an error of its own' });
      await expect.poll(() => failed.count(), { timeout: 10_000 }).toBe(asked);
    }
    await typeIn('discord', '/ask are you there?');
    await answer('discord').getByText('has failed 5 times in a row and gets a pause').waitFor();
    await failure.click();
    await tab.locator('#model + button[aria-pressed="false"]').waitFor();
    expect(sandbox.model!.failing).toBe(false);
  });

  it('stays with the channel and the person over a reload, and tells an admin what to try', async () => {
    await tab.locator('.slack select').selectOption({ label: 'admin' });
    await tab.locator('.discord').getByRole('tab', { name: 'Direct message' }).click();
    await tab.reload();
    await tab.locator('.discord .tab[aria-selected="true"]', { hasText: 'Direct message' }).waitFor();
    expect(await tab.locator('.slack select').inputValue()).toBe(sandbox.slack.people.admin);
    await tab.getByPlaceholder('try /pilotlight warm 2h').waitFor();
    await tab.locator('.discord').getByRole('tab', { name: 'general' }).click();
  });

  it('tells the person when something cannot be done', async () => {
    await typeIn('slack', '/nonsense');
    await tab.getByRole('alert').getByText('/nonsense is not a valid command').waitFor();
    await typeIn('discord', '/nonsense');
    await tab.getByRole('alert').getByText('no command "nonsense"').waitFor();
    expect(faults.filter((fault) => !fault.includes('400'))).toEqual([]);
  });

  it('says when the sandbox has ended, and goes on when it is back', async () => {
    const port = Number(new URL(page.url).port);
    await page.close();
    await tab.getByRole('alert').getByText('The sandbox has ended').waitFor();
    page = await servePage(sandbox, port);
    await tab.getByRole('alert').waitFor({ state: 'hidden' });
    await tab.locator('.slack').getByRole('tab').first().waitFor();
    await typeIn('slack', '/nonsense');
    await tab.getByRole('alert').getByText('/nonsense is not a valid command').waitFor();
  });
});
