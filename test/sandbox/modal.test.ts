import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelState } from '../../sandbox/model/containers.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { type Setting, startModal } from './modal-support.ts';

describe('the local Modal, through the real SDK', () => {
  let at: Setting;
  beforeEach(async () => {
    at = await startModal();
  });
  afterEach(() => at.close());

  async function until(phase: ModelState['phase']): Promise<void> {
    while (at.model.state.phase !== phase) await once(at.model, 'change');
  }

  it('keeps the model awake as long as min_containers says, also when idle', async () => {
    expect(at.model.state.phase).toBe('asleep');
    await at.connect().update({ minContainers: 2, scaledownWindowMs: 2_000 });
    await until('awake');
    expect(at.model.state).toMatchObject({ containers: 2, sleepsInMs: null });
    expect(await at.connect().stats()).toEqual({ containers: 2, backlog: 0 });
  });

  it('lets the model sleep after the scaledown window once min_containers is 0', async () => {
    const autoscaler = at.connect();
    await autoscaler.update({ minContainers: 1 });
    await until('awake');
    await autoscaler.update({ minContainers: 0, scaledownWindowMs: 2_000 });
    expect(at.model.state).toMatchObject({ phase: 'awake', sleepsInMs: expect.any(Number) });
    await until('asleep');
    expect(at.model.billedMs).toBeGreaterThan(0);
  });

  it('keeps what an update does not name', async () => {
    const autoscaler = at.connect();
    await autoscaler.update({ maxContainers: 5, bufferContainers: 1 });
    expect(await autoscaler.update({ minContainers: 1 })).toEqual({
      minContainers: 1,
      maxContainers: 5,
      bufferContainers: 1,
      scaledownWindowMs: 60_000,
    });
  });

  it('resets everything with a deploy, as Modal does, and goes on serving the new version', async () => {
    const autoscaler = at.connect();
    await autoscaler.update({ minContainers: 1, maxContainers: 3 });
    at.modal.deploy();
    expect(at.modal.scaling).toMatchObject({ minContainers: 0, maxContainers: 0 });
    expect(await autoscaler.update({ minContainers: 1 })).toMatchObject({ minContainers: 1 });
    expect(at.modal.scaling.minContainers).toBe(1);
  });

  it('refuses no min above max, since Modal does not', async () => {
    const autoscaler = at.connect();
    await autoscaler.update({ maxContainers: 1 });
    expect(await autoscaler.update({ minContainers: 3 })).toMatchObject({
      minContainers: 3,
      maxContainers: 1,
    });
    expect(at.model.state.containers).toBe(1);
  });

  it('counts what containers cost only while there are any', async () => {
    const clock = new VirtualClock();
    const { model, connect, close } = await startModal({}, { clock, scaledownWindowMs: 60_000 });
    await clock.advance(3_600_000);
    expect(model.billedMs).toBe(0);
    await connect().update({ minContainers: 2 });
    await clock.advance(600_000);
    expect(model.billedMs).toBe(1_200_000);
    await connect().update({ minContainers: 0 });
    await clock.advance(3_600_000);
    expect(model.billedMs).toBe(1_200_000);
    await close();
  });
});
