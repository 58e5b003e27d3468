import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { LocalTurnQueue } from '../../src/cluster/local-turn-queue.ts';
import type { Job } from '../../src/cluster/turn-queue.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aQuestion } from '../support/chat-double.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const log = pino({ level: 'silent' });
const platforms = ['slack'] as const;

describe('the turn queue of a process that is alone', () => {
  const clock = new VirtualClock();

  async function withTurns(...conversations: string[]) {
    const store = new SqliteStore(':memory:');
    const turns = [];
    for (const conversation of conversations)
      turns.push((await store.accept(aQuestion('Hello?', { conversation }), 1))!);
    return { store, turns, queue: new LocalTurnQueue({ store, clock, log }) };
  }

  it('hands out what the store has when it starts, one at a time per conversation and in order', async () => {
    const { queue, turns } = await withTurns('a', 'b', 'a');
    for (const turn of turns) await queue.add(turn);
    const seen: string[] = [];
    await queue.start(async ({ turn }) => {
      seen.push(`${turn} starts`);
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      seen.push(`${turn} ends`);
      return 'over';
    }, platforms);
    await clock.advance(5_000);
    expect(seen).toEqual(['1 starts', '2 starts', '1 ends', '3 starts', '2 ends', '3 ends']);
  });

  it('hands a turn out again when its run failed, before the next of its conversation', async () => {
    const { queue } = await withTurns('a', 'a');
    const seen: number[] = [];
    await queue.start(async ({ turn }: Job) => {
      seen.push(turn);
      if (seen.length === 1) throw new Error('the disk is full');
      return 'over';
    }, platforms);
    await clock.advance(5_000);
    expect(seen).toEqual([1, 1, 2]);
  });

  it('says how often a process ended while it ran a turn, so that it is given up at last', async () => {
    const { store, turns } = await withTurns('poison', 'harmless');
    const crashes: Record<number, number[]> = { [turns[0]!.id]: [], [turns[1]!.id]: [] };
    for (let starts = 0; starts < 6; starts += 1) {
      await store.start(turns[0]!.id);
      await new LocalTurnQueue({ store, clock, log }).start(async ({ turn, crashes: times }) => {
        crashes[turn]!.push(times);
        return 'over';
      }, platforms);
      await clock.advance(0);
    }
    expect(Object.values(crashes)).toEqual([
      [0, 1, 1, 2, 2, 3],
      [0, 0, 0, 0, 0, 0],
    ]);
  });

  it('leaves a turn in the store whose platform is switched off', async () => {
    const { queue } = await withTurns('a');
    const seen: number[] = [];
    await queue.start(
      async ({ turn }) => {
        seen.push(turn);
        return 'over';
      },
      ['discord'],
    );
    await clock.advance(5_000);
    expect(seen).toEqual([]);
  });

  it('is empty once all that was put in line is over', async () => {
    const { queue } = await withTurns('a', 'a');
    let over = 0;
    await queue.start(async () => {
      await new Promise<void>((resolve) => clock.after(1_000, resolve));
      over += 1;
      return 'over';
    }, platforms);
    void clock.advance(5_000);
    await queue.stop();
    expect(over).toBe(2);
  });
});
