import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';

const HOUR = 3_600_000;
/** Longer than an awake model takes for its first words. */
const COLD_MS = 2_000;

/** Real time that a test can move on, so that two hours need not be waited for. */
class LeapingClock implements Clock {
  #leapt = 0;
  readonly #timers = new Map<() => void, { readonly at: number; readonly cancel: () => void }>();

  now = () => systemClock.now() + this.#leapt;
  monotonic = () => systemClock.monotonic() + this.#leapt;

  after = (ms: number, run: () => void) => {
    const once = () => {
      this.#timers.get(once)?.cancel();
      if (this.#timers.delete(once)) run();
    };
    this.#timers.set(once, { at: this.monotonic() + ms, cancel: systemClock.after(ms, once) });
    return () => {
      this.#timers.get(once)?.cancel();
      this.#timers.delete(once);
    };
  };

  forward(ms: number): void {
    this.#leapt += ms;
    for (const [once, { at }] of [...this.#timers]) if (at <= this.monotonic()) once();
  }
}

describe('warm mode from end to end, through Bolt, discord.js and Modal’s SDK', () => {
  let folder: string;
  let clock: LeapingClock;
  let sandbox: Sandbox;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
    clock = new LeapingClock();
    sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      clock,
      model: { coldStartMs: COLD_MS, scaledownWindowMs: 2_000, tokensPerSecond: 500 },
      env: { DATABASE_URL: `sqlite:${join(folder, 'warm.db')}` },
    });
  });
  afterEach(async () => {
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
  const phase = (wanted: string) => until(() => expect(sandbox.model!.state.phase).toBe(wanted));

  /** Asks in Slack; resolves to whether a container had to start for it. */
  async function askAndSeeColdStart(text: string): Promise<boolean> {
    const { slack, model } = sandbox;
    const asleep = model!.state.phase === 'asleep';
    const ts = slack.say({ channel: slack.channel, user: slack.people.asker, text: `@pilotlight ${text}` });
    await until(() => {
      const answer = slack.messages(slack.channel).find(({ thread, author }) => author.bot && thread === ts);
      expect(answer?.text).toBeTruthy();
      expect(answer?.pending).toBe(false);
      expect(answer?.buttons.map(({ label }) => label)).not.toContain('Stop');
    });
    return asleep;
  }

  const slackShown = () => sandbox.slack.messages(sandbox.slack.channel).findLast(({ onlyFor }) => onlyFor)!;
  async function slackCommand(text: string): Promise<string> {
    const { slack } = sandbox;
    const before = slackShown()?.id;
    await slack.slashCommand({
      channel: slack.channel,
      user: slack.people.admin,
      command: '/pilotlight',
      text,
    });
    await until(() => expect(slackShown()?.id).not.toBe(before));
    return slackShown().text;
  }

  async function press(): Promise<void> {
    const { slack } = sandbox;
    const { id, buttons } = slackShown();
    await slack.click(slack.channel, id, buttons[0]!.id, slack.people.admin);
  }

  async function warmUpInSlack(): Promise<void> {
    expect(await slackCommand('warm 2h')).toMatch(/costs about \$7\.90/);
    await press();
    await until(() => expect(slackShown().text).toContain('🔥 Warm: 1 container'));
    expect(slackShown().onlyFor).toBe(sandbox.slack.people.admin);
    await phase('awake');
  }

  it('a cold question takes the cold start; warm, the next one does not, also after a restart; then it ends', async () => {
    expect(await askAndSeeColdStart('first')).toBe(true);
    await phase('asleep');
    await warmUpInSlack();
    expect(await askAndSeeColdStart('second')).toBe(false);
    expect(sandbox.model!.state).toMatchObject({ sleepsInMs: null });

    await sandbox.restart();
    expect(sandbox.modal!.scaling.minContainers).toBe(1);
    expect(await slackCommand('status')).toContain('🔥 Warm: 1 container');
    expect(await askAndSeeColdStart('third')).toBe(false);

    clock.forward(2 * HOUR);
    await until(() => expect(sandbox.modal!.scaling.minContainers).toBe(0));
    await phase('asleep');
    expect(await slackCommand('status')).toContain('💤 Cold');
  });

  it('a deploy in between takes the warmth away, and gets it back', async () => {
    await warmUpInSlack();
    sandbox.modal!.deploy();
    expect(sandbox.modal!.scaling.minContainers).toBe(0);
    clock.forward(5 * 60_000);
    await until(() => expect(sandbox.modal!.scaling.minContainers).toBe(1));
    clock.forward(2 * HOUR);
    await until(() => expect(sandbox.modal!.scaling.minContainers).toBe(0));
    await phase('asleep');
  });

  it('works the same from Discord, where only admins may', async () => {
    const { discord, modal } = sandbox;
    const shown = () => discord.messages(discord.channel).findLast(({ onlyFor }) => onlyFor)!;
    const command = (user: string, name: string, options = {}) =>
      discord.command({ channel: discord.channel, user, name: `model ${name}`, options });

    await command(discord.people.asker, 'warm', { for: '2h' });
    await until(() => expect(shown().text).toContain('DISCORD_ADMIN_IDS'));

    await command(discord.people.admin, 'warm', { for: '30m', containers: 2 });
    await until(() => expect(shown().buttons).toHaveLength(2));
    expect(shown().onlyFor).toBe(discord.people.admin);
    await discord.click(discord.channel, shown().id, shown().buttons[0]!.id, discord.people.admin);
    await until(() => expect(shown().text).toMatch(/🔥 Warm: 2 containers until <t:\d+:f>/));
    expect(modal!.scaling.minContainers).toBe(2);

    await command(discord.people.asker, 'status');
    await until(() => expect(shown().text).toContain('Running now: 2 containers'));

    await command(discord.people.admin, 'cold');
    await until(() => expect(shown().text).toContain('💤 Cold'));
    expect(modal!.scaling.minContainers).toBe(0);
  });

  it('sets max, buffer and idle time where asked, and gives back what the app was deployed with', async () => {
    const { discord, modal } = sandbox;
    modal!.deploy({ maxContainers: 8 });
    const deployed = modal!.scaling;
    expect(await slackCommand('warm 2h 2 containers max 4 buffer 1 idle 10m')).toContain(
      '4 containers at most, which is $15.80 an hour',
    );
    await press();
    await until(() => expect(slackShown().text).toContain('🔥 Warm: 2 containers, max 4'));
    const asked = { minContainers: 2, maxContainers: 4, bufferContainers: 1, scaledownWindowMs: 600_000 };
    expect(modal!.scaling).toEqual(asked);

    const shown = () => discord.messages(discord.channel).findLast(({ onlyFor }) => onlyFor)!;
    await discord.command({
      channel: discord.channel,
      user: discord.people.admin,
      name: 'model warm',
      options: { for: '30m', containers: 1, max: 3, buffer: 0, idle: '90s' },
    });
    await until(() => expect(shown()?.buttons).toHaveLength(2));
    await discord.click(discord.channel, shown().id, shown().buttons[0]!.id, discord.people.admin);
    await until(() => expect(shown().text).toContain('🔥 Warm: 1 container, max 3, buffer 0, idle 90 s'));
    expect(modal!.scaling).toEqual({
      minContainers: 1,
      maxContainers: 3,
      bufferContainers: 0,
      scaledownWindowMs: 90_000,
    });

    await sandbox.restart();
    clock.forward(HOUR);
    await until(() => expect(modal!.scaling).toEqual(deployed));
  });

  it('tells who asked, and the admins of both platforms directly, when Modal cannot be told to let it sleep', async () => {
    const { slack, discord, modal } = sandbox;
    await warmUpInSlack();
    modal!.unreachable = true;
    clock.forward(2 * HOUR);
    const told = (channel: string, from: typeof slack | typeof discord) =>
      from.messages(channel).filter(({ text }) => text.includes('is to be let sleep'));
    await until(() => {
      clock.forward(30_000);
      expect(told(slack.channel, slack)).toHaveLength(1);
      expect(told(slack.openDm(slack.people.admin), slack)).toHaveLength(1);
      expect(told(discord.openDm(discord.people.admin), discord)).toHaveLength(1);
    });
    modal!.unreachable = false;
    await until(() => {
      clock.forward(30_000);
      expect(modal!.scaling.minContainers).toBe(0);
      expect(discord.messages(discord.openDm(discord.people.admin)).at(-1)?.text).toContain('agrees again');
    });
    expect(told(slack.openDm(slack.people.asker), slack)).toEqual([]);
    expect(told(discord.openDm(discord.people.asker), discord)).toEqual([]);
  });

  it('lets a server sleep that the settings name no more, and says so', async () => {
    const { slack, modal } = sandbox;
    await warmUpInSlack();
    await sandbox.restart({ MODAL_SERVER: 'AnotherServer' });
    await until(() => expect(modal!.scaling.minContainers).toBe(0));
    await until(() =>
      expect(slack.messages(slack.channel).at(-1)?.text).toContain(
        'do not name `pilotlight-vllm/VllmServer` any more: it was warm, and is let sleep',
      ),
    );
    expect(await slackCommand('status')).toContain('💤 Cold');
  });

  it('tells the channel shortly before the end, and a press makes it longer', async () => {
    const { slack, discord } = sandbox;
    await warmUpInSlack();
    clock.forward(2 * HOUR - 5 * 60_000);
    const notice = () =>
      slack
        .messages(slack.channel)
        .findLast(({ text, onlyFor }) => !onlyFor && text.includes('kept warm until'))!;
    await until(() => expect(notice()).toBeDefined());
    const { id, buttons } = notice();
    await slack.click(slack.channel, id, buttons[0]!.id, slack.people.admin);
    await until(() =>
      expect(slack.messages(slack.channel).find((message) => message.id === id)?.text).toContain(
        'Extended by admin',
      ),
    );
    clock.forward(30 * 60_000);
    expect(await slackCommand('status')).toContain('🔥 Warm');
    expect(discord.rateLimitHits).toEqual([]);
    expect(slack.rateLimitHits).toEqual([]);
  });
});

describe.each([
  ['a web_server Function', 'serve', 'web_server'],
  ['a method of a Cls', 'Model.serve', 'web_server'],
  ['a Server', 'VllmServer', 'server'],
] as const)('warm mode for %s', (_, server, front) => {
  it('keeps it awake and lets it sleep again', async () => {
    const sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: { coldStartMs: 100, scaledownWindowMs: 2_000, front },
      modal: { server },
    });
    const { slack, modal } = sandbox;
    const { channel } = slack;
    const { admin } = slack.people;
    const last = () => slack.messages(channel).at(-1);
    const see = (text: string) => vi.waitFor(() => expect(last()?.text).toContain(text), { timeout: 10_000 });
    await slack.slashCommand({ channel, user: admin, command: '/pilotlight', text: 'warm 1h max 2' });
    await see('Keep 1 container warm');
    await slack.click(channel, last()!.id, last()!.buttons[0]!.id, admin);
    await see('🔥 Warm: 1 container, max 2');
    expect(modal!.scaling).toMatchObject({ minContainers: 1, maxContainers: 2 });
    await slack.slashCommand({ channel, user: admin, command: '/pilotlight', text: 'status' });
    await see('Running now: 1 container');
    await slack.slashCommand({ channel, user: admin, command: '/pilotlight', text: 'cold' });
    await see('💤 Cold');
    expect(modal!.scaling.minContainers).toBe(0);
    await sandbox.close();
  });
});

describe('pre-warming on intent', () => {
  const start = (on: boolean) =>
    startSandbox({
      log: pino({ level: 'silent' }),
      model: { coldStartMs: 1_500, tokensPerSecond: 500 },
      env: { PREWARM_ON_INTENT: String(on) },
    });
  const wakes = (sandbox: Sandbox) =>
    vi.waitFor(() => expect(sandbox.model!.state.phase).not.toBe('asleep'), { timeout: 10_000 });

  it('wakes the model when somebody types to the bot in Discord, before the question comes, and counts it', async () => {
    const sandbox = await start(true);
    const { discord, modal } = sandbox;
    const looks = () => modal!.count('FunctionGetCurrentStats');
    await vi.waitFor(() => expect(looks()).toBe(1), { timeout: 10_000 });
    discord.typing({ channel: discord.dm, user: discord.people.asker });
    await wakes(sandbox);
    expect(modal!.scaling.minContainers).toBe(0);
    // Nothing ran before, so that only this makes it look again what does.
    await vi.waitFor(() => expect(looks()).toBe(2), { timeout: 10_000 });
    await sandbox.close();
  });

  it('wakes it when somebody opens the bot’s direct messages in Slack', async () => {
    const sandbox = await start(true);
    sandbox.slack.openAppHome(sandbox.slack.people.asker);
    await wakes(sandbox);
    await sandbox.close();
  });

  it('leaves it asleep when people type elsewhere, and unless it is switched on', async () => {
    for (const on of [true, false]) {
      const sandbox = await start(on);
      const { discord, slack, model } = sandbox;
      discord.typing({ channel: discord.channel, user: discord.people.asker });
      if (!on) {
        discord.typing({ channel: discord.dm, user: discord.people.asker });
        slack.openAppHome(slack.people.asker);
        await slack.eventsDelivered();
      }
      // What came before it on the same connections has been handled when this is answered.
      await discord.command({
        channel: discord.channel,
        user: discord.people.asker,
        name: 'model status',
      });
      expect(model!.requests).toEqual([]);
      await sandbox.close();
    }
  });
});

describe('without Modal credentials', () => {
  it('the log says what was left warm, since nobody can let it sleep', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pilotlight-'));
    const store = new SqliteStore(join(folder, 'warm.db'));
    const settings = { minContainers: 1, maxContainers: 9, bufferContainers: 0, scaledownWindowMs: 60_000 };
    await store.warm.change(() => ({
      targets: {
        a: { target: { app: 'a', server: 'Left' }, agreed: { containers: 1, at: 0, settings } },
        b: { target: { app: 'a', server: 'Asleep' }, agreed: { containers: 0, at: 0, settings } },
      },
    }));
    await store.close();
    const lines: string[] = [];
    const sandbox = await startSandbox({
      log: pino({ level: 'error' }, { write: (line) => lines.push(line) }),
      env: {
        DATABASE_URL: `sqlite:${join(folder, 'warm.db')}`,
        MODAL_TOKEN_ID: '',
        MODAL_TOKEN_SECRET: '',
      },
    });
    await vi.waitFor(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatch(/"server":"Left".*without MODAL_TOKEN_ID and MODAL_TOKEN_SECRET/);
    await sandbox.close();
    rmSync(folder, { recursive: true });
  });

  it('the bot answers questions, and its commands say what is missing', async () => {
    const sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: { awake: true, tokensPerSecond: 500 },
      env: { MODAL_TOKEN_ID: '', MODAL_TOKEN_SECRET: '' },
    });
    const { slack, modal } = sandbox;
    const { channel, people } = slack;
    await slack.slashCommand({ channel, user: people.admin, command: '/pilotlight', text: 'warm 2h' });
    await vi.waitFor(() =>
      expect(slack.messages(channel).at(-1)?.text).toMatch(/MODAL_TOKEN_ID, MODAL_TOKEN_SECRET are missing/),
    );
    const ts = slack.say({ channel, user: people.asker, text: '@pilotlight are you there?' });
    await vi.waitFor(
      () => {
        const answer = slack.messages(channel).find(({ thread, author }) => author.bot && thread === ts);
        expect(answer?.buttons.map(({ label }) => label)).toEqual([]);
        expect(answer?.text.length).toBeGreaterThan(20);
      },
      { timeout: 10_000 },
    );
    expect(modal!.calls).toEqual([]);
    await sandbox.close();
  });
});
