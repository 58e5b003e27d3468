import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { type LimitSettings, Limits } from '../../src/bot/limits.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aQuestion } from '../support/chat-double.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const log = pino({ level: 'silent' });
const none: LimitSettings = {
  questionsPerMinute: undefined,
  personUsdPerDay: undefined,
  workspaceUsdPerDay: undefined,
  waiting: 1_000,
  waitingPerConversation: 20,
};

describe('a limit', () => {
  let clock: VirtualClock;
  let store: SqliteStore;
  beforeEach(() => {
    clock = new VirtualClock();
    store = new SqliteStore(':memory:');
  });

  function ask(settings: Partial<LimitSettings>) {
    const admins = { slack: ['U9'], discord: ['role'] };
    const limits = new Limits({
      settings: { ...none, ...settings },
      admins,
      clock,
      log,
    });
    return async (question: Parameters<typeof aQuestion>[1] = {}) =>
      limits.refusal((await store.accept(aQuestion('Hello?', question), clock.now()))!, store.limits);
  }
  const spend = (person: string, workspace: string, usd: number) =>
    store.limits.spend(
      new Date(clock.now()).toISOString().slice(0, 10),
      { person: { platform: 'slack', id: person }, workspace },
      usd * 1e6,
    );

  it('is none by default', async () => {
    const question = ask({});
    for (let i = 0; i < 50; i++) expect(await question()).toBeNull();
  });

  it('of questions a minute says when to ask again', async () => {
    const question = ask({ questionsPerMinute: 2 });
    expect(await question()).toBeNull();
    await clock.advance(15_000);
    expect(await question()).toBeNull();
    await clock.advance(5_000);
    expect(await question()).toBe('⏳ 2 questions a minute are the limit here. Press Retry in 40 s.');
    expect(await question({ author: { id: 'U2', roles: [] } })).toBeNull();
    await clock.advance(40_000);
    expect(await question()).toBeNull();
    expect(await question()).toMatch(/Press Retry in 15 s/);
  });

  it('of dollars a day holds for one person in all workspaces, until midnight UTC', async () => {
    const question = ask({ personUsdPerDay: 2 });
    await spend('U1', 'T1', 1.2);
    expect(await question()).toBeNull();
    await spend('U1', 'T2', 0.8);
    expect(await question()).toMatch(
      /^💸 You have used today’s \$2\.00 of GPU time.*after 00:00 UTC, in \d+ (h|min)/,
    );
    expect(await question({ author: { id: 'U2', roles: [] } })).toBeNull();
    await clock.advance(86_400_000);
    expect(await question()).toBeNull();
  });

  it('of dollars a day holds for all in one workspace', async () => {
    const question = ask({ workspaceUsdPerDay: 2 });
    await spend('U1', 'T1', 1.5);
    await spend('U2', 'T1', 0.6);
    expect(await question({ author: { id: 'U3', roles: [] } })).toMatch(/for this workspace are used up/);
    expect(await question({ workspace: 'T2' })).toBeNull();
  });

  it('is not for admins, by their id or a role', async () => {
    const question = ask({ questionsPerMinute: 1, personUsdPerDay: 1 });
    await spend('U9', 'T1', 5);
    for (let i = 0; i < 3; i++) expect(await question({ author: { id: 'U9', roles: [] } })).toBeNull();
    const byRole = { platform: 'discord', author: { id: 'D1', roles: ['role'] } } as const;
    for (let i = 0; i < 3; i++) expect(await question(byRole)).toBeNull();
  });

  it('of what may wait is for everybody, in one conversation and in all', async () => {
    const question = ask({ waiting: 4, waitingPerConversation: 2 });
    const admin = { author: { id: 'U9', roles: [] } };
    expect(await question({ conversation: 'a' })).toBeNull();
    expect(await question({ conversation: 'a' })).toBeNull();
    expect(await question({ conversation: 'a', ...admin })).toBe(
      '🚦 2 questions wait in this conversation already. Press Retry when one has been answered.',
    );
    expect(await question({ conversation: 'b' })).toBeNull();
    expect(await question({ conversation: 'c', ...admin })).toMatch(/no more can wait \(4 do\)/);
  });

  it('lets a question through when it cannot be looked up', async () => {
    const question = ask({ questionsPerMinute: 1 });
    await question();
    store.limits.count = () => Promise.reject(new Error('the disk is full'));
    expect(await question()).toBeNull();
  });
});
