import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Workspaces } from '../../adapters/slack/workspaces.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

it('what a workspace holds is kept while it is used, and forgotten after an hour without', async () => {
  const clock = new VirtualClock();
  const accounts = {
    only: undefined,
    authorize: undefined,
    open: async () => {},
    credentials: async () => undefined,
  };
  const log = pino({ level: 'silent' });
  const spare = new EditPacer({ clock, log });
  const workspaces = new Workspaces({ accounts, clientOptions: {}, spare, clock, log, stopped: () => {} });
  const [used, unused] = [workspaces.of({ team: 'T1' }), workspaces.of({ team: 'T2' })];
  await clock.advance(3_000_000);
  expect(workspaces.of({ team: 'T1' })).toBe(used);
  await clock.advance(3_000_000);
  workspaces.of({ team: 'T3' });
  expect(workspaces.size).toBe(2);
  expect(workspaces.of({ team: 'T1' })).toBe(used);
  expect(workspaces.of({ team: 'T2' })).not.toBe(unused);
  workspaces.forget({ team: 'T1' });
  expect(workspaces.of({ team: 'T1' })).not.toBe(used);
});
