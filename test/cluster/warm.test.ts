import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { FakeModal } from '../../sandbox/modal/fake-modal.ts';
import { PostgresStore } from '../../src/store/postgres/store.ts';
import { type BotProcess, slackChannel, startFakes, startProcess } from '../e2e/support.ts';
import { TestPostgres } from '../support/postgres.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

const until = <T>(look: () => T) => vi.waitFor(look, { timeout: 20_000, interval: 20 });

/** When this process last began to look after warm mode, ms since the epoch; 0 for never. */
function lastTerm({ output }: BotProcess): number {
  const line = output.lines.findLast((line) => line.includes('"this process looks after warm mode"'));
  return line ? Number(JSON.parse(line).time) : 0;
}

/** Bot processes on one database, at one Slack and one app on Modal. */
async function together(test: TestContext, processes: number) {
  const fakes = await startFakes(test, { awake: false, coldStartMs: 100 });
  const { slack } = fakes;
  const modal = await FakeModal.start({ model: fakes.model });
  const url = await postgres.database();
  const store = await PostgresStore.open(url, pino({ level: 'silent' }));
  test.onTestFinished(async () => {
    await modal.close();
    await store.close();
  });
  const env = {
    ...slackChannel.alone,
    SLACK_ADMIN_IDS: slack.people.admin,
    MODAL_SERVER_URL: modal.url,
    MODAL_TOKEN_ID: modal.tokenId,
    MODAL_TOKEN_SECRET: modal.tokenSecret,
    MODAL_APP: modal.app,
    MODAL_SERVER: modal.server,
    DATABASE_URL: url,
  };
  const bots = await Promise.all(Array.from({ length: processes }, () => startProcess(test, fakes, env)));
  const shown = () => slack.messages(slack.channel).findLast(({ onlyFor }) => onlyFor);
  return {
    modal,
    bots,
    warm: store.warm,
    /** Those that have begun to look after warm mode since then, the latest first. */
    leaders: (since = 0) =>
      bots
        .map((bot) => ({ bot, at: lastTerm(bot) }))
        .filter(({ at }) => at > since)
        .sort((one, other) => other.at - one.at)
        .map(({ bot }) => bot),
    /** How many processes have called Modal since then. */
    callers: (since = 0) => new Set(modal.calls.filter(({ at }) => at > since).map(({ from }) => from)).size,
    /** An admin asks for it in Slack, and presses the button under the answer. */
    async keepWarm(time: string) {
      await slack.slashCommand({
        channel: slack.channel,
        user: slack.people.admin,
        command: '/pilotlight',
        text: `warm ${time}`,
      });
      const { id, buttons } = await vi.waitUntil(shown, { timeout: 20_000, interval: 20 });
      await slack.click(slack.channel, id, buttons[0]!.id, slack.people.admin);
      await until(() => expect(shown()!.text).toContain('🔥 Warm: 1 container'));
    },
    /** Brings the end forward, as if it had been asked for earlier. */
    endsIn: async (ms: number) => {
      const end = Date.now() + ms;
      await store.warm.change(({ targets = {}, ...all }) => {
        const earlier = Object.entries(targets).map(([key, target]) => {
          return [key, { ...target, manual: { ...target.manual!, until: end } }] as const;
        });
        return { ...all, targets: Object.fromEntries(earlier) };
      });
      return end;
    },
  };
}

describe('warm mode of bot processes on one Postgres', { timeout: 90_000 }, () => {
  it('is looked after by one, and when that is killed by another within seconds, until its end', async (test) => {
    const { modal, bots, warm, leaders, callers, keepWarm, endsIn } = await together(test, 3);
    await until(() => expect(leaders()).not.toEqual([]));
    // It has looked what runs. A process that a busy machine held up may have lost it to a second one.
    await until(() => expect(modal.count('FunctionGetCurrentStats')).toBe(leaders().length));
    expect(callers()).toBe(leaders().length);
    expect(leaders().length).toBeLessThan(bots.length);
    await keepWarm('1h');
    expect(modal.scaling.minContainers).toBe(1);

    const end = await endsIn(15_000);
    const [holder] = leaders();
    const killedAt = Date.now();
    holder!.kill('SIGKILL');
    modal.deploy(); // which takes the warmth away
    await until(() => expect(modal.scaling.minContainers).toBe(1));
    expect(leaders(killedAt)).toHaveLength(1);
    expect(leaders(killedAt)).not.toContain(holder);

    await until(() => expect(modal.scaling.minContainers).toBe(0));
    expect(Date.now()).toBeGreaterThanOrEqual(end);
    expect(callers(killedAt)).toBe(1);
    await until(async () =>
      expect(await warm.audit(9)).toMatchObject([{ action: 'ended' }, { action: 'warm' }]),
    );
  });
});
