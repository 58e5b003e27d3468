import { beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/modal/input-error.ts';
import { parseSchedule } from '../../src/modal/schedule.ts';
import { admin, HOUR, MINUTE, Play } from './warm-support.ts';

describe('max, buffer and idle time of a warm model', () => {
  let play: Play;
  beforeEach(() => {
    play = new Play();
    play.app.deploy({ maxContainers: 6, scaledownWindowMs: 120_000 });
  });
  const warm = (tuning: object, containers = 2) =>
    play.warm.warm(admin, { ms: 2 * HOUR, containers, tuning });
  const asDeployed = { maxContainers: 6, scaledownWindowMs: 120_000 };

  it('are set beside the number of containers, and given back at the end', async () => {
    await warm({ maxContainers: 4, bufferContainers: 1, scaledownWindowMs: 600_000 });
    expect(play.app.settings).toEqual({
      minContainers: 2,
      maxContainers: 4,
      bufferContainers: 1,
      scaledownWindowMs: 600_000,
    });
    await play.clock.advance(2 * HOUR);
    expect(play.app.settings).toEqual({ minContainers: 0, bufferContainers: 0, ...asDeployed });
    expect((await play.warm.status()).agreed).toBe(true);
  });

  it('are given back after a restart too, and when it is ended early', async () => {
    await warm({ maxContainers: 4 });
    await play.warm.stop();
    play.open();
    await play.warm.cold(admin);
    expect(play.app.settings).toMatchObject({ minContainers: 0, ...asDeployed });
  });

  it('are left alone where nobody asked for them', async () => {
    await warm({});
    await play.warm.cold(admin);
    expect(play.app.said.flatMap((change) => Object.keys(change))).toEqual([
      'minContainers',
      'minContainers',
    ]);
  });

  it('are set again after a deploy, and what that deploy says is given back', async () => {
    await warm({ maxContainers: 4, bufferContainers: 1 });
    play.app.deploy({ maxContainers: 9, bufferContainers: 2 });
    await play.clock.advance(5 * MINUTE);
    expect(play.app.settings).toMatchObject({ minContainers: 2, maxContainers: 4, bufferContainers: 1 });
    await play.clock.advance(2 * HOUR);
    expect(play.app.settings).toMatchObject({ minContainers: 0, maxContainers: 9, bufferContainers: 2 });
  });

  it('are given back as deployed when the deploy happens to say what was asked for', async () => {
    await warm({ maxContainers: 4 });
    play.app.deploy({ maxContainers: 4 });
    await play.clock.advance(2 * HOUR);
    expect(play.app.settings).toMatchObject({ minContainers: 0, maxContainers: 4 });
  });

  it('keep to a deploy that comes while the model may sleep', async () => {
    await warm({ maxContainers: 4 });
    await play.warm.cold(admin);
    play.app.deploy({ maxContainers: 3 });
    await play.clock.advance(HOUR);
    expect(play.app.settings).toMatchObject({ maxContainers: 3 });
  });

  it('are no limit again where the app has none', async () => {
    play.app.deploy({});
    await warm({ maxContainers: 2 });
    await play.warm.cold(admin);
    expect(play.app.settings.maxContainers).toBeGreaterThanOrEqual(1_000);
  });

  it('are not taken for the app’s own when Modal took them and its answer was lost', async () => {
    play.app.losesAnswers = true;
    expect((await warm({ maxContainers: 4 })).agreed).toBe(false);
    expect(play.app.settings.maxContainers).toBe(4);
    play.app.losesAnswers = false;
    await play.warm.cold(admin);
    expect(play.app.settings).toMatchObject({ minContainers: 0, ...asDeployed });
  });

  it('go back to the schedule’s when the time by hand is over', async () => {
    const by = parseSchedule('weekdays 9-18 UTC');
    await play.warm.setSchedule(admin, by, {
      containers: 1,
      tuning: { maxContainers: 3, bufferContainers: 1 },
    });
    await warm({ maxContainers: 5 });
    expect(play.app.settings).toMatchObject({ minContainers: 2, maxContainers: 5, bufferContainers: 1 });
    await play.clock.advance(2 * HOUR);
    expect(play.app.settings).toMatchObject({ minContainers: 1, maxContainers: 3, bufferContainers: 1 });
    await play.clock.advance(4 * HOUR);
    expect(play.app.settings).toMatchObject({ minContainers: 0, bufferContainers: 0, ...asDeployed });
  });

  it('stay as they are when the time is extended', async () => {
    await warm({ maxContainers: 4 });
    const { desired } = await play.warm.extend(admin, { ms: HOUR, containers: 2 });
    expect(desired.tuning).toEqual({ maxContainers: 4 });
    expect(play.app.settings.maxContainers).toBe(4);
  });

  it('never let min be above max: not as asked, not by the schedule, not by the app', async () => {
    await expect(warm({ maxContainers: 1 })).rejects.toThrow(/At least 2 containers and at most 1/);
    expect(play.app.calls).toBe(0);
    const by = parseSchedule('weekdays 9-18 UTC');
    await play.warm.setSchedule(admin, by, { containers: 3 });
    await warm({ maxContainers: 2 });
    expect(play.app.settings).toMatchObject({ minContainers: 2, maxContainers: 2 });
    play.app.deploy({ maxContainers: 1 });
    await play.warm.setSchedule(admin, null);
    await play.warm.cold(admin);
    await expect(warm({})).rejects.toThrow(InputError);
    await expect(warm({})).rejects.toThrow(/allows 1 at most.*ask for max 2/);
    expect((await warm({ maxContainers: 2 })).agreed).toBe(true);
  });
});
