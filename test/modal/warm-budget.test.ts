import { beforeEach, describe, expect, it } from 'vitest';
import { parseSchedule } from '../../src/modal/schedule.ts';
import { admin, HOUR, MINUTE, Play } from './warm-support.ts';

describe('warm mode and the budget', () => {
  let play: Play;
  beforeEach(() => {
    // $0.06 a minute: 100 minutes
    play = new Play({ budgetUsd: 6 });
  });

  it('warns at 80 %, ends what is warm at 100 %, and refuses more', async () => {
    await play.warm.warm(admin, { ms: 5 * HOUR, containers: 1 });
    await play.clock.advance(85 * MINUTE);
    expect(play.notices).toMatchObject([{ notice: { about: 'budget', level: 'near', budgetUsd: 6 } }]);
    await play.clock.advance(20 * MINUTE);
    expect(play.abouts).toEqual(['budget', 'budget']);
    expect(play.app.minContainers).toBe(0);
    await expect(play.warm.warm(admin, { ms: HOUR, containers: 1 })).rejects.toThrow(/budget is used up/);
    await expect(play.warm.extend(admin, { ms: HOUR, containers: 1 })).rejects.toThrow(/budget is used up/);
  });

  it('warns also when it was questions alone that cost, and nobody ever used warm mode', async () => {
    play.app.settings = { minContainers: 1 };
    play.warm.used();
    await play.clock.advance(85 * MINUTE);
    expect(play.notices).toMatchObject([{ to: undefined, notice: { about: 'budget', level: 'near' } }]);
    await play.clock.advance(HOUR);
    expect(play.abouts).toEqual(['budget', 'budget']);
    expect(play.app.said).toEqual([]);
  });

  it('ends what is warm as soon as it is seen to be used up', async () => {
    await play.warm.warm(admin, { ms: 5 * HOUR, containers: 1 });
    while ((await play.costs.budget()) !== 'past') await play.clock.advance(MINUTE);
    await play.clock.advance(0);
    expect(play.app.minContainers).toBe(0);
    expect(play.abouts).toEqual(['budget', 'budget']);
  });

  it('pauses a schedule until the next month', async () => {
    play = new Play({ budgetUsd: 6, at: Date.UTC(2026, 0, 31, 12) });
    await play.warm.setSchedule(admin, parseSchedule('daily 9-18 UTC'), { containers: 1 });
    await play.clock.advance(5 * HOUR);
    expect(play.app.minContainers).toBe(0);
    expect((await play.warm.status()).desired.because).toBe('budget');
    await play.clock.advance(17 * HOUR);
    expect(new Date(play.clock.now()).toISOString()).toContain('2026-02-01T10');
    expect(play.app.minContainers).toBe(1);
  });

  it('begins to count when a container comes, however late', async () => {
    play.app.waitsForGpu = true;
    await play.warm.warm(admin, { ms: HOUR, containers: 1 });
    await play.clock.advance(6 * MINUTE);
    expect((await play.warm.status()).spent.month.containerMs).toBe(0);
    play.app.waitsForGpu = false;
    await play.clock.advance(3 * MINUTE);
    expect((await play.warm.status()).spent.month.containerMs).toBe(2.5 * MINUTE);
  });

  it('counts what a question costs that waited for its GPU for minutes', async () => {
    play.app.waitsForGpu = true;
    play.warm.used();
    await play.clock.advance(10 * MINUTE);
    play.app.waitsForGpu = false;
    play.app.settings = { minContainers: 1 };
    await play.clock.advance(10 * MINUTE);
    const { containerMs } = (await play.warm.status()).spent.month;
    expect(containerMs).toBeGreaterThan(9 * MINUTE);
  });

  it('counts what questions cost too, while something runs', async () => {
    play.app.settings = { minContainers: 1 };
    play.warm.used();
    await play.clock.advance(10 * MINUTE);
    play.app.settings = { minContainers: 0 };
    await play.clock.advance(HOUR);
    const { containerMs } = (await play.warm.status()).spent.month;
    expect(containerMs / MINUTE).toBeGreaterThanOrEqual(10);
    expect(containerMs / MINUTE).toBeLessThanOrEqual(11);
    expect(play.app.said).toEqual([]);
  });
});
