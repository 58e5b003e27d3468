import { beforeEach, describe, expect, it } from 'vitest';
import { parseSchedule } from '../../src/modal/schedule.ts';
import { admin, HOUR, MINUTE, Play } from './warm-support.ts';

describe('a schedule of warm mode', () => {
  let play: Play;
  const workday = parseSchedule('weekdays 9-18 UTC');
  beforeEach(() => {
    play = new Play();
  });

  it('keeps the model awake in its windows and in no others', async () => {
    await play.warm.setSchedule(admin, workday, { containers: 2 });
    expect(play.app.minContainers).toBe(2);
    await play.clock.advance(6 * HOUR);
    expect(play.app.minContainers).toBe(0);
    await play.clock.advance(15 * HOUR - 1);
    expect(play.app.minContainers).toBe(0);
    await play.clock.advance(1);
    expect(play.app.minContainers).toBe(2);
    await play.warm.setSchedule(admin, null);
    expect(play.app.minContainers).toBe(0);
  });

  it('follows the clocks of its zone when they change, and a time by hand does not', async () => {
    // On Sunday the 29th clocks go from 2 to 3 in Berlin, which is at 1 UTC.
    play = new Play({ at: Date.UTC(2026, 2, 28, 23) });
    await play.warm.setSchedule(admin, parseSchedule('daily 9-18 Europe/Berlin'));
    const { desired } = await play.warm.warm(admin, { ms: 3 * HOUR, containers: 1 });
    expect(desired.until).toBe(Date.UTC(2026, 2, 29, 2));
    await play.clock.advance(3 * HOUR);
    expect(play.app.minContainers).toBe(0);
    await play.clock.advance(5 * HOUR - 1);
    expect(play.app.minContainers).toBe(0);
    await play.clock.advance(1);
    expect(play.app.minContainers).toBe(1);
    expect((await play.warm.status()).desired.until).toBe(Date.UTC(2026, 2, 29, 16));
  });

  it('and a time asked for by hand last as long as either, with the larger number', async () => {
    await play.warm.setSchedule(admin, workday, { containers: 1 });
    const { desired } = await play.warm.warm(admin, { ms: 8 * HOUR, containers: 3 });
    expect(desired).toMatchObject({ containers: 3, until: Date.UTC(2026, 0, 5, 20) });
    const shorter = await play.warm.warm(admin, { ms: HOUR, containers: 3 });
    expect(shorter.desired).toMatchObject({ containers: 3, until: Date.UTC(2026, 0, 5, 18) });
    await play.clock.advance(HOUR);
    expect(play.app.minContainers).toBe(1);
  });

  it('goes on from a time by hand that reaches into its window', async () => {
    await play.warm.setSchedule(admin, workday, { containers: 1 });
    await play.clock.advance(20 * HOUR);
    const { desired } = await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    expect(desired.until).toBe(Date.UTC(2026, 0, 6, 18));
  });

  it('is ended by cold for the day, not for good', async () => {
    await play.warm.setSchedule(admin, workday, { containers: 1 });
    await play.warm.cold(admin);
    await play.clock.advance(5 * HOUR);
    expect(play.app.minContainers).toBe(0);
    await play.clock.advance(16 * HOUR);
    expect(play.app.minContainers).toBe(1);
  });

  it('stays ended for the day when somebody wants half an hour after all', async () => {
    await play.warm.setSchedule(admin, workday, { containers: 1 });
    await play.warm.cold(admin);
    await play.warm.warm(admin, { ms: 30 * MINUTE, containers: 1 });
    expect(play.app.minContainers).toBe(1);
    await play.clock.advance(31 * MINUTE);
    expect(play.app.minContainers).toBe(0);
  });
});
