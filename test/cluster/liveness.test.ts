import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sleep } from '../../src/clock.ts';
import type { Link } from '../../src/cluster/link.ts';
import { Liveness } from '../../src/cluster/liveness.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

describe('the signs of life of a process', () => {
  let clock: VirtualClock;
  let postgresAhead: number;
  let liveness: Liveness;
  const query = vi.fn<Link['query']>();
  let connected: () => void;
  const onFenced = vi.fn();
  const onSure = vi.fn<() => Promise<void>>();

  beforeEach(async () => {
    clock = new VirtualClock();
    postgresAhead = 1e12;
    query
      .mockReset()
      .mockImplementation(async () => [{ least: null, now: clock.monotonic() + postgresAhead }]);
    onFenced.mockReset();
    onSure.mockReset().mockResolvedValue();
    const listen: Link['listen'] = (_hear, again = () => {}) => {
      connected = again;
    };
    const link = { query, listen } as Partial<Link> as Link;
    const log = pino({ level: 'silent' });
    liveness = new Liveness({ link, clock, log, jobs: () => [], onFenced, onSure });
    await liveness.start();
  });
  afterEach(() => liveness.close());

  it('go on while it looks after the turns of others, however long that takes', async () => {
    onSure.mockImplementationOnce(() => sleep(clock, 20_000));
    await clock.advance(20_000);
    expect(onSure).toHaveBeenCalledOnce();
    expect(liveness.alive).toBe(true);
    expect(onFenced).not.toHaveBeenCalled();
    await clock.advance(10_000);
    expect(onSure.mock.calls.length).toBeGreaterThan(1);
  });

  it('go on after a look that failed, and so do the looks', async () => {
    onSure.mockRejectedValueOnce(new Error('no connection is free'));
    await clock.advance(10_000);
    expect(onSure.mock.calls.length).toBeGreaterThan(1);
    expect(onFenced).not.toHaveBeenCalled();
  });

  it('say nothing of others for a while after a restart of Postgres, who may not be back yet', async () => {
    await clock.advance(9_500);
    onSure.mockClear();
    connected();
    await clock.advance(7_000);
    expect(onSure).not.toHaveBeenCalled();
    await clock.advance(2_000);
    expect(onSure).toHaveBeenCalled();
  });

  it.each([10_000, -10_000])(
    'say nothing of others for a while after the clock of Postgres was set by %i ms',
    async (step) => {
      await clock.advance(9_500);
      onSure.mockClear();
      postgresAhead += step;
      await clock.advance(7_000);
      expect(onSure).not.toHaveBeenCalled();
      await clock.advance(2_000);
      expect(onSure).toHaveBeenCalled();
    },
  );

  it('are given up before others count the process as dead, when none arrives', async () => {
    query.mockRejectedValue(new Error('no route to host'));
    await clock.advance(5_500);
    expect(onFenced).toHaveBeenCalledOnce();
    expect(liveness.alive).toBe(false);
  });
});
