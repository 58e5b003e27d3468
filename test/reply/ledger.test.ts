import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { Full, Ledger, Slot } from '../../src/reply/ledger.ts';
import { openReply } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { type Budget, WriteError } from '../../src/reply/surface.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { discordRules, StrictPlatform, slackRules } from './strict-platform.ts';

const log = pino({ level: 'silent' });

/** Gives a slot after 5 ms unless told otherwise. */
class LedgerDouble implements Ledger {
  readonly asked: string[][] = [];
  answered = 0;
  givenBack = 0;
  /** What the next requests get instead. */
  readonly answers: (Full | Error)[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  async reserve(budgets: readonly Budget[]): Promise<Slot | Full> {
    this.asked.push(budgets.map(({ id }) => id));
    await new Promise<void>((resolve) => void this.#clock.after(5, resolve));
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    if (answer) return answer;
    return {
      full: false,
      seen: [],
      answered: () => {
        this.answered += 1;
      },
      giveBack: () => {
        this.givenBack += 1;
      },
    };
  }
}

function open() {
  const clock = new VirtualClock();
  const platform = new StrictPlatform(clock, discordRules);
  const ledger = new LedgerDouble(clock);
  const pacer = new EditPacer({ clock, log, ledger });
  const reply = openReply(pacer, platform.surface(), { turn: 'turn-1', clock, log });
  return { clock, platform, ledger, pacer, reply };
}

const full = (retryAfterMs: number): Full => ({
  full: true,
  budgets: [{ id: 'discord post general', retryAfterMs }],
});

describe('a pacer that shares its budgets with other processes', () => {
  it('asks for a slot before each write, and says when the write was answered', async () => {
    const { clock, platform, ledger, reply } = open();
    reply.append('All of it.');
    void reply.finish({ buttons: [] });
    await clock.advance(1_000);
    expect(platform.text()).toBe('All of it.');
    expect(ledger.asked).toEqual([['discord post general', 'discord global']]);
    expect(ledger.answered).toBe(1);
  });

  it('writes what is the text by then, once others leave room', async () => {
    const { clock, platform, ledger, reply } = open();
    ledger.answers.push(full(2_000));
    reply.append('One ');
    void clock.advance(0);
    await clock.advance(1_500);
    expect(platform.messages).toEqual([]);
    reply.append('two.');
    void reply.finish({ buttons: [] });
    await clock.advance(1_000);
    expect(platform.writes.map(({ page }) => page.text)).toEqual(['One two.']);
    expect(ledger.asked).toHaveLength(2);
  });

  it('is not made cautious by others: after the wait it writes as fast as before', async () => {
    const { clock, platform, ledger, reply } = open();
    for (let i = 0; i < 5; i += 1) ledger.answers.push(full(100));
    reply.append('word '.repeat(10));
    await clock.advance(2_000);
    expect(platform.writes.length).toBeGreaterThan(0);
    for (let i = 0; i < 100; i += 1) {
      reply.append('word '.repeat(4));
      await clock.advance(100);
    }
    // 5 edits in 5 s is what the platform allows.
    expect(platform.writes.length).toBeGreaterThanOrEqual(9);
    expect(platform.refused).toEqual([]);
  });

  it('waits for the other processes when they cannot be asked, and loses nothing', async () => {
    const { clock, platform, ledger, reply } = open();
    for (let i = 0; i < 4; i += 1) ledger.answers.push(new Error('no connection'));
    reply.append('All of it.');
    const ended = reply.finish({ buttons: [] });
    await clock.advance(10_000);
    expect(await ended).toBe('stands');
    expect(platform.text()).toBe('All of it.');
    expect(ledger.asked).toHaveLength(5);
  });

  it('writes nothing for a reply that was let go meanwhile, and gives its slot back', async () => {
    const { clock, platform, ledger, reply } = open();
    reply.append('One two three ');
    while (ledger.asked.length === 0) await clock.advance(1);
    await reply.letGo();
    await clock.advance(5_000);
    expect(platform.writes).toEqual([]);
    expect(ledger.givenBack).toBe(1);
  });
});

describe('a call that may be left out', () => {
  const budget: Budget = { id: 'reactions', limit: 2, windowMs: 1_000 };
  const wholeWindow = 1_100;

  it('is made while its budget has room, and counts', async () => {
    const clock = new VirtualClock();
    const pacer = new EditPacer({ clock, log });
    const call = () => pacer.spare([budget], async () => 'made');
    expect([await call(), await call(), await call()]).toEqual(['made', 'made', undefined]);
    await clock.advance(wholeWindow);
    expect(await call()).toBe('made');
  });

  it('is left out when answers have used the budget up', async () => {
    const clock = new VirtualClock();
    const pacer = new EditPacer({ clock, log });
    const platform = new StrictPlatform(clock, slackRules);
    const reply = openReply(pacer, platform.surface(), { turn: 'turn-1', clock, log });
    reply.append('one two ');
    while (platform.messages.length === 0) await clock.advance(1);
    const call = () => pacer.spare(platform.surface().budgets('post'), async () => 'made');
    expect(await call()).toBeUndefined();
    await clock.advance(wholeWindow);
    expect(await call()).toBe('made');
  });

  it('is left out when the other processes have used the budget up, or cannot be asked', async () => {
    const { clock, ledger, pacer } = open();
    let made = 0;
    const call = async () => {
      const spared = pacer.spare([budget], async () => (made += 1));
      await clock.advance(10);
      return spared;
    };
    ledger.answers.push({ full: true, budgets: [{ id: budget.id, retryAfterMs: 5_000 }] });
    expect(await call()).toBeUndefined();
    await clock.advance(4_000);
    expect(await call()).toBeUndefined();
    expect(ledger.asked).toHaveLength(1);
    await clock.advance(1_000);
    ledger.answers.push(new Error('the database is away'));
    expect(await call()).toBeUndefined();
    await clock.advance(1_000);
    expect(await call()).toBe(1);
    expect(ledger.answered).toBe(1);
  });

  it('asks nobody where the budget is not shared', async () => {
    const { ledger, pacer } = open();
    expect(await pacer.spare([{ ...budget, unshared: true }], async () => 'made')).toBe('made');
    expect(ledger.asked).toEqual([]);
  });

  it('that the platform refuses is not made again before it may be', async () => {
    const clock = new VirtualClock();
    const pacer = new EditPacer({ clock, log });
    const refused = new WriteError('rate-limited', 'too many', { retryAfterMs: 30_000 });
    await expect(pacer.spare([budget], () => Promise.reject(refused))).rejects.toBe(refused);
    await clock.advance(29_000);
    expect(await pacer.spare([budget], async () => 'made')).toBeUndefined();
    await clock.advance(4_000);
    expect(await pacer.spare([budget], async () => 'made')).toBe('made');
  });
});
