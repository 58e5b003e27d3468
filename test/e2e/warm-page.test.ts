import { existsSync } from 'node:fs';
import { pino } from 'pino';
import { type Browser, chromium, type Page as Tab } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Page, servePage } from '../../sandbox/page/server.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

describe.skipIf(!CHROMIUM)('warm mode on the page of the sandbox (skipped without Chromium)', () => {
  let sandbox: Sandbox;
  let page: Page;
  let browser: Browser;
  let tab: Tab;

  beforeAll(async () => {
    sandbox = await startSandbox({ log: pino({ level: 'silent' }), model: { coldStartMs: 500 } });
    page = await servePage(sandbox, 0);
    browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    });
    tab = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await tab.goto(page.url);
  });
  afterAll(async () => {
    await browser?.close();
    await page?.close();
    await sandbox?.close();
  });

  async function typeAsAdmin(platform: 'slack' | 'discord', text: string): Promise<void> {
    await tab.locator(`.${platform} select`).selectOption({ label: 'admin' });
    const field = tab.locator(`.${platform} > form input[type=text]`);
    await field.fill(text);
    await field.press('Enter');
  }
  const modal = (text: string) => tab.locator('#modal', { hasText: text }).waitFor();

  it('lets an admin keep the model warm in Slack, and shows what Modal was told and what it costs', async () => {
    await modal('min_containers 0 · 0 containers · $0.00');
    await typeAsAdmin('slack', '/pilotlight warm 2h');
    await tab.locator('.slack .message', { hasText: 'costs about $7.90' }).waitFor();
    await tab.locator('.slack').getByRole('button', { name: 'Keep warm' }).click();
    await tab.locator('.slack .message', { hasText: 'Warm: 1 container until' }).waitFor();
    await modal('min_containers 1 · 1 container');
    await tab.locator('#model', { hasText: 'kept warm' }).waitFor();
  });

  it('deploys the app, which takes the settings away', async () => {
    await tab.getByRole('button', { name: 'Deploy' }).click();
    await modal('min_containers 0');
    expect(sandbox.modal?.deploys).toBe(2);
  });

  it('takes the same commands in Discord', async () => {
    await typeAsAdmin('discord', '/model warm for:30m containers:2');
    await tab.locator('.discord').getByRole('button', { name: 'Keep warm' }).click();
    await tab.locator('.discord .message', { hasText: 'Warm: 2 containers until' }).waitFor();
    await modal('min_containers 2 · 2 containers');
    await typeAsAdmin('discord', '/model status');
    await tab.locator('.discord .message', { hasText: 'Running now: 2 containers' }).waitFor();
    if (process.env.SCREENSHOT) await tab.screenshot({ path: process.env.SCREENSHOT });
    await typeAsAdmin('discord', '/model cold');
    await modal('min_containers 0');
  });

  it('shows an outage of Modal, in which nothing is called warm', async () => {
    await tab.getByRole('button', { name: 'Outage' }).click();
    await tab.locator('#modal button[aria-pressed="true"]').waitFor();
    await typeAsAdmin('slack', '/pilotlight warm 2h max 2');
    await tab.locator('.slack').getByRole('button', { name: 'Keep warm' }).click();
    await tab.locator('.slack .message', { hasText: 'Not done yet' }).waitFor();
    await modal('min_containers 0');
    await tab.getByRole('button', { name: 'Outage' }).click();
    await modal('min_containers 1, max 2');
  });
});
