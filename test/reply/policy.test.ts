import { describe, expect, it } from 'vitest';
import { BudgetWindow } from '../../src/reply/budget.ts';
import { decide, type ReplyState, tuning } from '../../src/reply/policy.ts';

const window = (limit: number, windowMs: number, burst = limit) =>
  new BudgetWindow({ id: 'x', limit, windowMs, burst });
const used = (window: BudgetWindow, writes: number) => {
  for (let i = 0; i < writes; i += 1) {
    window.take(0);
    window.answered(0);
  }
  return window;
};

const edit = window(50, 60_000, 5);
const post = window(5, 5000);

/** A reply that streams 200 characters a second and shows something; each test says what differs. */
const reply = (differs: Partial<ReplyState<BudgetWindow>> = {}): ReplyState<BudgetWindow> => ({
  want: 'text',
  busy: false,
  live: true,
  shows: true,
  notBefore: 0,
  unseen: 1000,
  unseenMs: 2_500_000,
  waitedMs: 5000,
  sinceWriteMs: 5000,
  rate: 200,
  filled: 200,
  room: 10_000,
  canEdit: true,
  canPost: false,
  edit: [edit],
  post: [post],
  ...differs,
});
const fresh = (differs: Partial<ReplyState<BudgetWindow>> = {}) =>
  reply({ shows: false, canEdit: false, canPost: true, ...differs });
const finished = (differs: Partial<ReplyState<BudgetWindow>> = {}) => reply({ want: 'final', ...differs });

describe('the policy', () => {
  it('writes finished replies first, then the one with the most unseen', () => {
    const one = [used(window(50, 60_000, 5), 4)];
    const order = [reply({ edit: one, unseenMs: 9e6 }), finished({ edit: one, unseenMs: 10 })];
    expect(decide(order, 0).writes).toEqual([{ reply: 1, op: 'edit' }]);
    const open = [window(50, 60_000, 4)];
    const live = [reply({ edit: open, unseenMs: 3e6 }), reply({ edit: open, unseenMs: 9e6 })];
    expect(decide(live, 0).writes[0]).toEqual({ reply: 1, op: 'edit' });
  });

  it('keeps slots free for replies that are about to finish', () => {
    const edit = [window(50, 60_000, 5)];
    const streaming = Array.from({ length: 20 }, () => reply({ edit, unseenMs: 1e8 }));
    const { writes } = decide(streaming, 0);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBeLessThan(5);
    expect(
      decide(
        Array.from({ length: 20 }, () => finished({ edit })),
        0,
      ).writes,
    ).toHaveLength(5);
  });

  it('waits until what is unseen is worth a slot, and says when that will be', () => {
    const { writes, lookAt } = decide([reply({ unseen: 4, unseenMs: 40, waitedMs: 10 })], 1000);
    expect(writes).toEqual([]);
    expect(lookAt).toBeGreaterThan(1100);
    expect(lookAt).toBeLessThan(3000);
  });

  it('shows a first text soon, however little there is', () => {
    const slow = { unseen: 2, unseenMs: 2, rate: 200, edit: [used(window(50, 60_000, 5), 5)] };
    const { lookAt } = decide([fresh({ ...slow, waitedMs: 0 })], 0);
    expect(lookAt).toBeLessThanOrEqual(tuning.firstTextMs);
    expect(decide([fresh({ ...slow, waitedMs: tuning.firstTextMs })], 0).writes).toHaveLength(1);
  });

  it('never writes to a message while a write is in flight, nor while backing off', () => {
    expect(decide([finished({ busy: true })], 0)).toEqual({ writes: [], lookAt: undefined });
    expect(decide([finished({ notBefore: 700 })], 0)).toEqual({ writes: [], lookAt: 700 });
  });

  it('posts the rest as a new message only when many share a budget and edits are queued for long', () => {
    const late = used(window(50, 60_000, 5), 50);
    const alone = finished({ canPost: true, edit: [late] });
    expect(decide([alone], 0).writes).toEqual([]);
    const others = (edit: BudgetWindow) =>
      Array.from({ length: 9 }, () => reply({ edit: [edit], busy: true }));
    expect(decide([alone, ...others(late)], 0).writes).toEqual([{ reply: 0, op: 'post' }]);
    const free = window(50, 60_000, 5);
    const soon = [finished({ canPost: true, edit: [free] }), ...others(free)];
    expect(decide(soon, 0).writes).toEqual([{ reply: 0, op: 'edit' }]);
  });

  it('leaves no live message for a new one before it is worth reading', () => {
    const late = used(window(50, 60_000, 5), 50);
    const others = Array.from({ length: 60 }, () => reply({ edit: [late], busy: true }));
    const spilling = (filled: number) => reply({ canPost: true, edit: [late], filled, unseenMs: 1e8 });
    expect(decide([spilling(tuning.spillSoonAfter - 1), ...others], 0).writes).toEqual([]);
    expect(decide([spilling(tuning.spillSoonAfter), ...others], 0).writes).toHaveLength(1);
  });

  it('spreads edits in a window instead of emptying it at once, but lets a final go at once', () => {
    const open = window(5, 5000);
    open.take(0);
    const text = reply({ edit: [open], unseenMs: 1e8 });
    expect(decide([text], 10).writes).toEqual([]);
    expect(decide([text], 10).lookAt).toBeGreaterThan(800);
    expect(decide([{ ...text, want: 'final' }], 10).writes).toHaveLength(1);
  });

  it('does not let a budget that is used up hold back replies on another', () => {
    const stuck = finished({ edit: [used(window(5, 5000), 5)] });
    expect(decide([stuck, reply({ edit: [window(5, 5000)] })], 0).writes).toEqual([{ reply: 1, op: 'edit' }]);
  });

  it('counts every budget that a write uses, and gives no slot away twice', () => {
    const global = window(3, 1000);
    const finals = Array.from({ length: 5 }, () => finished({ edit: [window(5, 5000), global] }));
    expect(decide(finals, 0).writes).toHaveLength(3);
  });

  it('changes waiting lines rarely, the more rarely the more wait, and never before text', () => {
    const waiting = { want: 'notice', live: false, unseen: 0, unseenMs: 0 } as const;
    expect(decide([fresh(waiting)], 0).writes).toHaveLength(1);
    const early = decide([reply({ ...waiting, sinceWriteMs: 1000 })], 0);
    expect(early).toEqual({ writes: [], lookAt: tuning.noticeMs - 1000 });
    const many = Array.from({ length: 50 }, () => reply({ ...waiting, sinceWriteMs: 5000 }));
    expect(decide(many, 0).writes).toEqual([]);
    const one = [used(window(50, 60_000, 5), 4)];
    const both = [reply({ ...waiting, edit: one, sinceWriteMs: 60_000 }), finished({ edit: one })];
    expect(decide(both, 0).writes).toEqual([{ reply: 1, op: 'edit' }]);
  });

  it('tidies up last, but not never', () => {
    const edit = [used(window(50, 60_000, 5), 4)];
    const tidy = reply({ want: 'tidy', live: false, unseen: 0, unseenMs: 0, edit, waitedMs: 10 });
    expect(decide([tidy, finished({ edit })], 0).writes).toEqual([{ reply: 1, op: 'edit' }]);
    expect(decide([{ ...tidy, waitedMs: tuning.tidyMs }], 0).writes).toHaveLength(1);
  });
});
