import { pino } from 'pino';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Costs } from '../../src/modal/costs.ts';
import type { Notice } from '../../src/modal/notices.ts';
import { type WarmModel, WarmModes } from '../../src/modal/warm-modes.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { SharedLeases } from '../support/shared-leases.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { AppDouble, admin, HOUR, MINUTE } from './warm-support.ts';

const chat = { name: 'default', app: 'app', server: 'Chat' };
const coder = { name: 'coder', app: 'app', server: 'Coder' };

describe('warm mode for several models', () => {
  let clock: VirtualClock;
  let store: SqliteStore;
  let leases: SharedLeases;
  let apps: Record<string, AppDouble>;
  let told: [string, Notice['about']][];
  let modes: WarmModes;

  /** A process whose settings name these. */
  function open(models: readonly WarmModel[], process = 'one'): WarmModes {
    modes = new WarmModes(models, {
      store: store.warm,
      leases: leases.of(process),
      clock,
      log: pino({ level: 'silent' }),
      scale: ({ server }) => apps[server]!,
      costs: (gpu) => {
        const price = gpu ? { gpu, count: 1, usdPerSecond: 0.001 } : undefined;
        return new Costs({ price, budgetUsd: 100, store: store.warm, clock });
      },
      tell:
        ({ name }) =>
        async (_to, { about }) =>
          void told.push([name, about]),
      maxMs: 24 * HOUR,
      maxContainers: 4,
    });
    return modes;
  }
  const warm = (model: WarmModel, hours: number) =>
    modes.of(model)!.mode.warm(admin, { ms: hours * HOUR, containers: 1 });
  const awake = () => Object.keys(apps).filter((name) => apps[name]!.minContainers > 0);

  beforeEach(async () => {
    clock = new VirtualClock();
    leases = new SharedLeases(clock);
    store = new SqliteStore(':memory:');
    apps = { Chat: new AppDouble(), Coder: new AppDouble() };
    told = [];
    await open([chat, coder]).start();
  });

  it('keeps each by itself, until its own end', async () => {
    await warm(chat, 1);
    await warm(coder, 3);
    expect(awake()).toEqual(['Chat', 'Coder']);
    await clock.advance(HOUR);
    expect(awake()).toEqual(['Coder']);
    await clock.advance(2 * HOUR);
    expect(awake()).toEqual([]);
  });

  it('takes all of them up again after a restart', async () => {
    await warm(chat, 1);
    await warm(coder, 3);
    await modes.stop();
    await open([chat, coder]).start();
    apps.Coder!.deploy();
    await clock.advance(5 * MINUTE);
    expect(awake()).toEqual(['Chat', 'Coder']);
    await clock.advance(3 * HOUR);
    expect(awake()).toEqual([]);
  });

  it('says in the audit which of them was meant', async () => {
    await warm(coder, 1);
    await clock.advance(HOUR);
    expect(await store.warm.audit(2)).toMatchObject([
      { action: 'ended', detail: '(coder)' },
      { action: 'warm', detail: '1 h, 1 container (coder)' },
    ]);
  });

  it('counts what all of them cost into one budget', async () => {
    await modes.stop();
    await open([
      { ...chat, gpu: 'X' },
      { ...coder, gpu: 'X' },
    ]).start();
    await warm(chat, 2);
    await warm(coder, 2);
    await clock.advance(HOUR);
    const { month } = await modes.of(chat)!.costs.spent();
    expect(month.microUsd / 1e6).toBeCloseTo(7.2, 0);
  });

  it('lets one sleep that the settings name no more, and takes it up again when they do', async () => {
    await warm(chat, 5);
    await warm(coder, 5);
    await modes.use([chat]);
    await clock.advance(MINUTE);
    expect(awake()).toEqual(['Chat']);
    expect(modes.of(coder)).toBeUndefined();
    expect(told).toEqual([['app/Coder', 'let-go']]);
    await modes.use([chat, coder]);
    await warm(coder, 1);
    expect(awake()).toEqual(['Chat', 'Coder']);
  });

  it('lets it sleep also when the store does not answer at first', async () => {
    await warm(coder, 5);
    vi.spyOn(store.warm, 'load').mockRejectedValueOnce(new Error('the connection was lost'));
    await modes.use([chat]);
    await clock.advance(2 * MINUTE);
    expect(awake()).toEqual([]);
  });

  it('does not let one sleep whose entry changed in its name alone', async () => {
    await warm(coder, 5);
    await modes.use([chat, { ...coder, name: 'programmer' }]);
    await clock.advance(10 * MINUTE);
    expect(awake()).toEqual(['Coder']);
    expect(modes.of(coder)?.model.name).toBe('programmer');
  });

  it('looks after models that share a server as one', async () => {
    await modes.use([chat, { ...chat, name: 'reviewer' }]);
    expect(modes.all.map(({ model }) => model.name)).toEqual(['default']);
  });

  it('gives up the retries of one that is named again', async () => {
    await warm(coder, 5);
    apps.Coder!.reachable = false;
    await modes.use([chat]);
    await clock.advance(5 * MINUTE);
    await modes.use([chat, coder]);
    apps.Coder!.reachable = true;
    await clock.advance(10 * MINUTE);
    expect(awake()).toEqual(['Coder']);
  });

  it('lets sleep what a process with older settings kept warm before it was replaced', async () => {
    let old = modes;
    await open([chat], 'new').start();
    for (const another of ['two', 'three']) {
      await old.of(coder)!.mode.warm(admin, { ms: 20 * HOUR, containers: 1 });
      await old.stop();
      expect(awake()).toEqual(['Coder']);
      await clock.advance(15 * MINUTE);
      expect(awake()).toEqual([]);
      old = open([chat, coder], another);
      await old.start();
    }
  });

  it('leaves alone what a process with newer settings keeps warm that will replace it', async () => {
    await modes.use([chat]);
    const old = modes;
    await open([chat, coder], 'two').start();
    await warm(coder, 5);
    await clock.advance(6 * MINUTE);
    await old.stop();
    await clock.advance(HOUR);
    expect(awake()).toEqual(['Coder']);
    expect(told).toEqual([]);
  });
});
