import { describe, expect, it } from 'vitest';
import { admin, colleague, HOUR, MINUTE, Play } from './warm-support.ts';

describe('warm mode over a restart', () => {
  it('stays warm, and ends when it should', async () => {
    const play = new Play();
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    await play.warm.stop();
    expect(play.app.minContainers).toBe(1);
    await play.clock.advance(HOUR);
    play.app.deploy();
    play.open();
    await play.clock.advance(0);
    expect(play.app.minContainers).toBe(1);
    await play.clock.advance(HOUR);
    expect(play.app.minContainers).toBe(0);
  });

  it('lets the model sleep at once when the end has passed meanwhile', async () => {
    const play = new Play();
    await play.warm.warm(admin, { ms: 2 * HOUR, containers: 1 });
    await play.warm.stop();
    await play.clock.advance(3 * HOUR);
    expect(play.app.minContainers).toBe(1);
    play.open();
    await play.clock.advance(0);
    expect(play.app.minContainers).toBe(0);
  });

  it('after a crash too, when nobody gave the lead up', async () => {
    const play = new Play({ several: true });
    await play.warm.warm(admin, { ms: HOUR, containers: 1 });
    play.open();
    await play.clock.advance(HOUR);
    expect(play.app.minContainers).toBe(0);
  });

  it('is looked after by one of several processes, and by another when that one ends', async () => {
    const play = new Play({ several: true });
    const first = play.warm;
    play.open();
    await first.warm(admin, { ms: 3 * HOUR, containers: 1 });
    play.app.calls = 0;
    await play.clock.advance(HOUR);
    // 12 times 5 minutes
    expect(play.app.calls).toBe(12);
    await first.stop();
    play.app.deploy();
    await play.clock.advance(6 * MINUTE);
    expect(play.app.minContainers).toBe(1);
  });
});

describe('warm mode with several processes', () => {
  it('counts in one of them what the questions of another keep running', async () => {
    const play = new Play({ several: true });
    const { costs } = play;
    const other = play.open();
    await play.clock.advance(10 * MINUTE);
    play.app.settings = { minContainers: 1 }; // awake
    other.used();
    await play.clock.advance(10 * MINUTE);
    const { containerMs } = (await costs.spent()).today;
    expect(containerMs).toBeGreaterThan(9 * MINUTE);
    expect(containerMs).toBeLessThanOrEqual(10 * MINUTE);
  });

  it('goes on within seconds in another one when the one that looks after it is cut off', async () => {
    const play = new Play({ several: true });
    const first = play.warm;
    play.open();
    await first.warm(admin, { ms: HOUR, containers: 1 });
    await play.clock.advance(10 * MINUTE);
    expect(play.leases.holder('warm mode')).toBe('process 1');
    play.leases.cutOff('process 1');
    play.app.deploy();
    await play.clock.advance(7_000);
    expect(play.leases.holder('warm mode')).toBe('process 2');
    expect(play.app.minContainers).toBe(1);
    await play.clock.advance(50 * MINUTE - 7_000);
    expect(play.app.minContainers).toBe(0);
  });

  it('counts what runs once, whoever is asked for changes', async () => {
    const play = new Play({ several: true });
    const first = play.warm;
    await play.clock.advance(0);
    const second = play.open();
    await first.warm(admin, { ms: 5 * HOUR, containers: 1 });
    for (let hour = 0; hour < 3; hour += 1) {
      await play.clock.advance(HOUR);
      await second.extend(colleague, { ms: HOUR, containers: 1 });
    }
    const { containerMs } = (await second.status()).spent.month;
    expect(containerMs / HOUR).toBeCloseTo(3, 1);
  });

  it('does what the last admin wanted, whichever process was asked', async () => {
    const play = new Play({ several: true });
    const first = play.warm;
    const second = play.open();
    await Promise.all([
      first.warm(admin, { ms: 2 * HOUR, containers: 3 }),
      second.warm(colleague, { ms: HOUR, containers: 1 }),
    ]);
    await play.clock.advance(5 * MINUTE);
    const { state, agreed } = await first.status();
    expect(agreed).toBe(true);
    expect(play.app.minContainers).toBe(state.manual?.containers);
  });
});
