import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { Lead } from '../../src/modal/lead.ts';
import { Retirement } from '../../src/modal/retirement.ts';
import { admin, HOUR, MINUTE, Play, target } from './warm-support.ts';

/** The settings name another server from now on. */
function retire({ app, store, leases, clock, notices }: Play): Retirement {
  const log = pino({ level: 'silent' });
  const lead = new Lead({ leases: leases.of('new'), clock, log, onTaken: () => {} });
  const retirement = new Retirement({
    target,
    autoscaler: app,
    store,
    lead,
    clock,
    log,
    tell: async (to, notice) => void notices.push({ to, notice }),
  });
  lead.start();
  retirement.start();
  return retirement;
}

describe('a server that the settings name no more', () => {
  let play: Play;
  beforeEach(async () => {
    play = new Play({ several: true });
    play.app.deploy({ maxContainers: 6 });
    await play.warm.warm(admin, { ms: 10 * HOUR, containers: 2, tuning: { maxContainers: 2 } });
    await play.warm.stop();
  });

  it('is put to sleep as it was deployed, told of to who asked, and forgotten', async () => {
    retire(play);
    await play.clock.advance(0);
    expect(play.app.settings).toMatchObject({ minContainers: 0, maxContainers: 6 });
    expect(play.notices).toEqual([{ to: admin, notice: { about: 'let-go', isGone: false } }]);
    expect((await play.store.load())?.targets).toEqual({});
    expect((await play.store.audit(1))[0]).toMatchObject({ action: 'ended', origin: null });
  });

  it('is tried again until it sleeps when Modal cannot be reached, and people are told once', async () => {
    play.app.reachable = false;
    retire(play);
    await play.clock.advance(HOUR);
    expect(play.app.minContainers).toBe(2);
    expect(play.notices).toMatchObject([{ to: admin, notice: { about: 'not-asleep' } }]);
    play.app.reachable = true;
    await play.clock.advance(MINUTE);
    expect(play.app.minContainers).toBe(0);
    expect(play.abouts).toEqual(['not-asleep', 'let-go']);
  });

  it('is left to people when Modal knows it no more', async () => {
    play.app.missing = true;
    retire(play);
    await play.clock.advance(0);
    expect(play.notices).toEqual([{ to: admin, notice: { about: 'let-go', isGone: true } }]);
    expect((await play.store.load())?.targets).toEqual({});
  });

  it('stays warm as long as another process still looks after it', async () => {
    play.open();
    await play.clock.advance(MINUTE);
    retire(play);
    await play.clock.advance(10 * MINUTE);
    expect(play.app.minContainers).toBe(2);
    await play.warm.stop();
    await play.clock.advance(2 * MINUTE);
    expect(play.app.minContainers).toBe(0);
  });

  it('is forgotten without a word when it was asleep anyway', async () => {
    await play.open().cold(admin);
    await play.warm.stop();
    play.app.calls = 0;
    retire(play);
    await play.clock.advance(0);
    expect(play.app.calls).toBe(0);
    expect(play.notices).toEqual([]);
    expect((await play.store.load())?.targets).toEqual({});
  });
});
