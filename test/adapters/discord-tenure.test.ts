import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Tenure } from '../../adapters/discord/tenure.ts';
import type { Clock } from '../../src/clock.ts';
import { SharedLeases } from '../support/shared-leases.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const log = pino({ level: 'silent' });

/** A process with a clock of its own, which can be paused: time goes on, and nothing of it runs. */
async function holder() {
  const clock = new VirtualClock();
  const leases = new SharedLeases(clock);
  let paused = 0;
  const own: Clock = { ...clock, monotonic: () => clock.monotonic() + paused };
  const tenure = (await Tenure.take(leases.of('first'), 'shard', { clock: own, log }))!;
  const lost = () => tenure.lost.aborted;
  const pause = (ms: number) => {
    paused += ms;
  };
  return { clock, leases, tenure, lost, pause };
}

describe('a lease', () => {
  it('is kept as long as it can be renewed, and nobody else has it meanwhile', async () => {
    const { clock, leases, tenure } = await holder();
    for (let seconds = 0; seconds < 60; seconds++) {
      await clock.advance(1_000);
      expect(await leases.of('second').hold('shard', 5_000)).toBe(false);
    }
    expect(await tenure.holds()).toBe(true);
  });

  it('is lost before another process can have it, when it cannot be renewed', async () => {
    const { clock, leases, lost, tenure } = await holder();
    leases.cutOff('first');
    while (!lost()) await clock.advance(100);
    expect(await leases.of('second').hold('shard', 5_000)).toBe(false);
    expect(await tenure.holds()).toBe(false);
    await clock.advance(2_000);
    expect(await leases.of('second').hold('shard', 5_000)).toBe(true);
  });

  it('is asked for again by a process that was paused, before it acts on it', async () => {
    const { pause, tenure } = await holder();
    pause(60_000);
    expect(await tenure.holds()).toBe(true);
  });

  it('is lost to a process that was paused when another has it by now', async () => {
    const { clock, leases, pause, tenure, lost } = await holder();
    pause(60_000);
    leases.give('shard', 'second', 5_000);
    expect(await tenure.holds()).toBe(false);
    expect(lost()).toBe(true);
    await clock.advance(60_000);
    expect(await tenure.holds()).toBe(false);
  });

  it('can be had at once when it was ended', async () => {
    const { leases, tenure, lost } = await holder();
    await tenure.end();
    expect(lost()).toBe(true);
    expect(await leases.of('second').hold('shard', 5_000)).toBe(true);
  });
});
