import { beforeEach, describe, expect, it } from 'vitest';
import { sleep } from '../../src/clock.ts';
import { InputError } from '../../src/modal/input-error.ts';
import { admin, colleague, HOUR, MINUTE, Play } from './warm-support.ts';

describe('warm mode', () => {
  let play: Play;
  beforeEach(() => {
    play = new Play();
  });

  it('touches nothing before somebody asks for it', async () => {
    await play.clock.advance(24 * HOUR);
    expect(play.app.said).toEqual([]);
    expect(await play.warm.status()).toMatchObject({ desired: { containers: 0 }, agreed: true, running: 0 });
  });

  it('keeps the model awake until its end, and then lets it sleep', async () => {
    const { desired, agreed } = await play.warm.warm(admin, { ms: 2 * HOUR, containers: 2 });
    expect(desired).toMatchObject({ containers: 2, until: play.clock.now() + 2 * HOUR, because: 'manual' });
    expect(agreed).toBe(true);
    await play.clock.advance(2 * HOUR - 1);
    expect(play.app.minContainers).toBe(2);
    await play.clock.advance(1);
    expect(play.app.minContainers).toBe(0);
  });

  it('ends when it should also when Modal answered slowly just before', async () => {
    await play.warm.warm(admin, { ms: 10.5 * MINUTE, containers: 1 });
    await play.clock.advance(9 * MINUTE);
    play.app.delayOnce = sleep(play.clock, 2 * MINUTE + 5_000);
    await play.clock.advance(2 * MINUTE + 5_000);
    expect(play.app.minContainers).toBe(0);
  });

  it('lets the model sleep at once when told so', async () => {
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    expect(await play.warm.cold(admin)).toMatchObject({ desired: { containers: 0 }, agreed: true });
    expect(play.app.minContainers).toBe(0);
  });

  it('makes Modal agree again within 5 minutes when a deploy has reset it', async () => {
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    await play.clock.advance(30 * MINUTE + 1);
    play.app.deploy();
    await play.clock.advance(5 * MINUTE);
    expect(play.app.minContainers).toBe(1);
  });

  it('replaces a time by a shorter one, and makes it longer', async () => {
    const start = play.clock.now();
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    expect((await play.warm.warm(admin, { ms: HOUR, containers: 1 })).desired.until).toBe(start + HOUR);
    const longer = await play.warm.extend(admin, { ms: HOUR, containers: 1 });
    expect(longer.desired.until).toBe(start + 2 * HOUR);
    const longest = await play.warm.extend(admin, { ms: 24 * HOUR, containers: 1 });
    expect(longest.desired.until).toBe(start + 24 * HOUR);
  });

  it.each([
    [{ ms: 21 * 24 * HOUR, containers: 1 }, /too long: the most is 24 h/],
    [{ ms: 0, containers: 1 }, /a minute/],
    [{ ms: Number.NaN, containers: 1 }, /a minute/],
    [{ ms: HOUR, containers: 0 }, /from 1 to 4/],
    [{ ms: HOUR, containers: 5 }, /from 1 to 4/],
    [{ ms: HOUR, containers: 1.5 }, /from 1 to 4/],
  ])('refuses %j and tells Modal nothing', async (wanted, why) => {
    await expect(play.warm.warm(admin, wanted)).rejects.toThrow(InputError);
    await expect(play.warm.warm(admin, wanted)).rejects.toThrow(why);
    expect(play.app.said).toEqual([]);
  });

  it('tells of a max_containers that keeps it from running as many as asked', async () => {
    play.app.deploy({ maxContainers: 1 });
    const { state, agreed } = await play.warm.warm(admin, { ms: HOUR, containers: 3 });
    expect(agreed).toBe(true);
    expect(state.agreed).toMatchObject({ containers: 3, settings: { minContainers: 1, maxContainers: 1 } });
  });

  it('ends in what the last of two admins asked for, and remembers both', async () => {
    await Promise.all([
      play.warm.warm(admin, { ms: 2 * HOUR, containers: 2 }),
      play.warm.warm(colleague, { ms: HOUR, containers: 1 }),
    ]);
    const { state, agreed } = await play.warm.status();
    expect(state.manual).toMatchObject({ containers: 1, by: colleague });
    expect(agreed).toBe(true);
    expect(play.app.minContainers).toBe(1);
    expect((await play.store.audit(10)).map(({ action, origin }) => [action, origin?.user])).toEqual([
      ['warm', colleague.user],
      ['warm', admin.user],
    ]);
  });

  it('tells the channel that asked shortly before the end, once, and not when it is extended in time', async () => {
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    await play.clock.advance(110 * MINUTE);
    const { until } = (await play.warm.status()).desired;
    expect(play.notices).toEqual([{ to: admin, notice: { about: 'ending', until, containers: 1 } }]);
    await play.warm.extend(admin, { ms: HOUR, containers: 1 });
    await play.clock.advance(30 * MINUTE);
    expect(play.notices).toHaveLength(1);
    await play.clock.advance(HOUR);
    expect(play.abouts).toEqual(['ending', 'ending']);
  });

  it('does not bother anybody with the end of a few minutes', async () => {
    await play.warm.warm(admin, { ms: 15 * MINUTE, containers: 1 });
    await play.clock.advance(HOUR);
    expect(play.notices).toEqual([]);
    expect(play.app.minContainers).toBe(0);
  });

  it('keeps who changed what, when and from where', async () => {
    await play.warm.warm(admin, { ms: 10 * MINUTE, containers: 1 });
    await play.clock.advance(10 * MINUTE);
    expect(await play.store.audit(10)).toMatchObject([
      { action: 'ended', origin: null },
      { action: 'warm', origin: admin, detail: '10 min, 1 container', at: Date.UTC(2026, 0, 5, 12) },
    ]);
  });
});

describe('warm mode when Modal cannot be reached', () => {
  let play: Play;
  beforeEach(() => {
    play = new Play();
  });

  it('says so, never shows it as warm, and goes on trying', async () => {
    play.app.reachable = false;
    const standing = await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    expect(standing).toMatchObject({ agreed: false, problem: expect.stringContaining('cannot be reached') });
    play.app.reachable = true;
    // The first tries follow each other quickly.
    await play.clock.advance(5_000);
    expect(await play.warm.status()).toMatchObject({ agreed: true, running: 1 });
  });

  it('does not go on calling it warm when it can no longer say so', async () => {
    await play.warm.warm(admin, { ms: 5 * HOUR, containers: 1 });
    play.app.reachable = false;
    await play.clock.advance(6 * MINUTE);
    expect(await play.warm.status()).toMatchObject({
      desired: { containers: 1 },
      agreed: false,
      problem: expect.stringContaining('cannot be reached'),
    });
  });

  it('at the end: tries until it holds, tells who asked once, and once more when it has worked', async () => {
    await play.warm.warm(admin, { ms: 10 * MINUTE, containers: 1 });
    await play.clock.advance(9 * MINUTE);
    play.app.reachable = false;
    await play.clock.advance(HOUR);
    expect(play.app.minContainers).toBe(1);
    expect(await play.warm.status()).toMatchObject({ desired: { containers: 0 }, agreed: false });
    expect(play.notices).toMatchObject([{ to: admin, notice: { about: 'not-asleep' } }]);
    play.app.reachable = true;
    await play.clock.advance(MINUTE);
    expect(play.app.minContainers).toBe(0);
    expect(play.abouts).toEqual(['not-asleep', 'asleep-after-all']);
  });

  it('for an hour: all is as wanted a minute later, and the hour was counted', async () => {
    await play.warm.warm(admin, { ms: 5 * HOUR, containers: 1 });
    await play.clock.advance(HOUR);
    play.app.reachable = false;
    await play.clock.advance(HOUR);
    play.app.reachable = true;
    play.app.deploy({ minContainers: 1 });
    await play.clock.advance(MINUTE);
    expect(await play.warm.status()).toMatchObject({ agreed: true, running: 1 });
    expect(play.notices).toEqual([]);
    const { month } = (await play.warm.status()).spent;
    expect(month.containerMs / MINUTE).toBeGreaterThan(115);
    expect(month.containerMs / MINUTE).toBeLessThanOrEqual(121);
  });
});

describe('warm mode when the clock is set', () => {
  it('back: it does not last longer than was asked for', async () => {
    const play = new Play();
    await play.warm.warm(admin, { ms: HOUR, containers: 1 });
    await play.clock.advance(30 * MINUTE);
    play.clock.shiftWall(-5 * HOUR);
    await play.clock.advance(30 * MINUTE);
    expect(play.app.minContainers).toBe(0);
  });

  it('back, with several processes: the end moves along once', async () => {
    const play = new Play({ several: true });
    const first = play.warm;
    const second = play.open();
    await first.warm(admin, { ms: 8 * HOUR, containers: 1 });
    const end = play.clock.monotonic() + 8 * HOUR;
    await play.clock.advance(HOUR);
    play.clock.shiftWall(-2 * HOUR);
    await play.clock.advance(5 * MINUTE);
    await first.stop();
    await play.clock.advance(5 * MINUTE);
    const { until } = (await second.status()).desired;
    expect(until! - play.clock.now()).toBe(end - play.clock.monotonic());
  });

  it('forward: it ends, since that costs nothing', async () => {
    const play = new Play();
    await play.warm.warm(admin, { ms: HOUR, containers: 1 });
    play.clock.shiftWall(5 * HOUR);
    await play.clock.advance(MINUTE);
    expect(play.app.minContainers).toBe(0);
  });
});
