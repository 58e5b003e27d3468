import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type Delivery, type LiveReply, openReply } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { WriteError } from '../../src/reply/surface.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { discordRules, type Rules, StrictPlatform, slackRules } from './strict-platform.ts';
import { type } from './typist.ts';

const log = pino({ level: 'silent' });
const text = Array.from({ length: 400 }, (_, i) => `${10_000 + i}`).join(' ');

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

interface Streamed {
  readonly reply: LiveReply;
  readonly channel: string;
  delivery: Delivery | 'pending';
  /** From the last token until the whole text stood, ms. */
  lagMs: number;
  readonly firstAt: () => number | undefined;
}

/** Replies that stream at once, and all that the platform made of them. */
class Scene {
  readonly clock = new VirtualClock();
  readonly platform: StrictPlatform;
  readonly replies: Streamed[] = [];

  constructor(rules: Rules, latencyMs?: () => number) {
    this.platform = new StrictPlatform(this.clock, rules, latencyMs);
  }

  pacer(share = 1): EditPacer {
    return new EditPacer({ clock: this.clock, log, share });
  }

  stream(pacer: EditPacer, channels: readonly string[], perSecond = 50, delayMs = 0): void {
    for (const [i, channel] of channels.entries()) {
      const turn = `turn-${this.replies.length}`;
      const { clock } = this;
      const reply = openReply(pacer, this.platform.surface(channel), { turn, clock, log });
      const streamed: Streamed = {
        reply,
        channel,
        delivery: 'pending',
        lagMs: 0,
        firstAt: () => reply.firstShownAt,
      };
      this.replies.push(streamed);
      const atEnd = async () => {
        const last = clock.monotonic();
        streamed.delivery = await reply.finish({ buttons: ['retry'] });
        streamed.lagMs = clock.monotonic() - last;
      };
      type(clock, reply, { text, perSecond, delayMs: delayMs + ((i * 977) % 1000), atEnd });
    }
  }

  /** What a reply's messages show, put together. */
  shown(turn: number): string {
    const keys = new Map(this.platform.writes.map(({ message, key }) => [message, key]));
    const own = this.platform.messages.filter(({ id }) => keys.get(id)?.startsWith(`turn-${turn}:`));
    return own.map(({ page }) => page.text.trim()).join(' ');
  }

  expectAllWhole(): void {
    for (const [i, { delivery }] of this.replies.entries()) {
      expect(delivery).toBe('stands');
      expect(this.shown(i)).toBe(text);
    }
  }
}

const oneChannel = (replies: number) => Array.from({ length: replies }, () => 'general');
const channels = (replies: number, of: number) =>
  Array.from({ length: replies }, (_, i) => `channel-${i % of}`);

describe('the edit pacer', () => {
  it.each([
    ['one reply on Discord', discordRules, oneChannel(1)],
    ['ten in one Discord channel', discordRules, oneChannel(10)],
    ['fifty in one Discord channel', discordRules, oneChannel(50)],
    ['fifty in fifty Discord channels', discordRules, channels(50, 50)],
    ['ten in one Slack workspace', slackRules, channels(10, 2)],
    ['fifty in one Slack workspace', slackRules, channels(50, 10)],
  ])(
    'brings every text whole and is never refused by a strict limit, though latency jumps: %s',
    async (_, rules, where) => {
      const random = numbers(7);
      const scene = new Scene(rules, () => 20 + 400 * random() ** 4);
      scene.stream(scene.pacer(), where);
      await scene.clock.advance(240_000);
      expect(scene.platform.refused).toEqual([]);
      scene.expectAllWhole();
    },
  );

  it('lets a single answer in a Discord channel grow about once a second until it ends', async () => {
    const scene = new Scene(discordRules);
    scene.stream(scene.pacer(), oneChannel(1), 50);
    await scene.clock.advance(13_000);
    const at = scene.platform.writes.map((write) => write.at);
    const gaps = at.slice(1).map((time, i) => time - at[i]!);
    expect(at[0]).toBeLessThan(1000);
    expect(Math.max(...gaps)).toBeLessThan(1800);
    expect(gaps.reduce((a, b) => a + b, 0) / gaps.length).toBeLessThan(1200);
  });

  it('starves nobody: of ten replies in one channel each shows text soon and stands soon after its end', async () => {
    const scene = new Scene(discordRules);
    scene.stream(scene.pacer(), oneChannel(10));
    await scene.clock.advance(40_000);
    for (const { firstAt, lagMs, delivery } of scene.replies) {
      expect(firstAt()).toBeLessThan(8000);
      expect(delivery).toBe('stands');
      expect(lagMs).toBeLessThan(10_000);
    }
  });

  it('lets fifty answers pass the waiting lines they stand under, and leaves no line that is out of date', async () => {
    const scene = new Scene(slackRules);
    const pacer = scene.pacer();
    scene.stream(pacer, channels(50, 10), 50, 60_000);
    for (const { reply } of scene.replies) reply.notice('Waking the model');
    await scene.clock.advance(60_000);
    expect(scene.platform.messages).toHaveLength(50);
    for (const { reply } of scene.replies) reply.notice(null);
    await scene.clock.advance(30_000);
    expect(scene.replies.every(({ delivery }) => delivery === 'stands')).toBe(true);
    await scene.clock.advance(240_000);
    for (const { page } of scene.platform.messages) {
      expect(page.text).not.toContain('Waking');
      expect(page.buttons).not.toContain('stop');
    }
    for (const i of scene.replies.keys()) {
      expect(scene.shown(i).replace('The answer is below. ', '')).toBe(text);
    }
    expect(scene.platform.refused).toEqual([]);
  });

  it('has a single answer stand at once where slots are saved up, else when the next one is free', async () => {
    for (const [rules, mostMs] of [
      [slackRules, 250],
      [discordRules, 1200],
    ] as const) {
      const scene = new Scene(rules);
      scene.stream(scene.pacer(), oneChannel(1));
      await scene.clock.advance(30_000);
      expect(scene.replies[0]!.lagMs).toBeLessThan(mostMs);
    }
  });

  it('lets a final go before replies that stream on', async () => {
    const scene = new Scene(slackRules);
    const pacer = scene.pacer();
    scene.stream(pacer, channels(10, 2), 10);
    await scene.clock.advance(20_000);
    const short = openReply(pacer, scene.platform.surface('channel-0'), {
      turn: 'short',
      clock: scene.clock,
      log,
    });
    short.append('A short answer. ');
    await scene.clock.advance(4000);
    short.append('That is all.');
    let done = false;
    void short.finish({ buttons: [] }).then(() => {
      done = true;
    });
    await scene.clock.advance(500);
    expect(done).toBe(true);
  });

  it('recovers after a storm of refusals: it waits, comes back, and loses nothing', async () => {
    const scene = new Scene(discordRules);
    scene.stream(scene.pacer(), oneChannel(10));
    let storm = 0;
    scene.platform.fault = () => {
      const at = scene.clock.monotonic();
      if (at < 3000 || at > 9000) return undefined;
      storm += 1;
      return new WriteError('rate-limited', 'Too many requests', { retryAfterMs: 1500 });
    };
    await scene.clock.advance(120_000);
    expect(storm).toBeGreaterThan(0);
    expect(storm).toBeLessThan(25);
    scene.expectAllWhole();
    expect(scene.platform.refused).toEqual([]);
  });

  it('waits at least as long as it is told, and never comes back at once when told 0', async () => {
    const scene = new Scene(discordRules);
    const tries: number[] = [];
    scene.platform.fault = () => {
      tries.push(scene.clock.monotonic());
      const retryAfterMs = tries.length === 1 ? 7000 : 0;
      return tries.length < 4 ? new WriteError('rate-limited', 'Too many', { retryAfterMs }) : undefined;
    };
    scene.stream(scene.pacer(), oneChannel(1));
    await scene.clock.advance(40_000);
    expect(tries[1]! - tries[0]!).toBeGreaterThanOrEqual(7000);
    expect(tries[2]! - tries[1]!).toBeGreaterThanOrEqual(1000);
    scene.expectAllWhole();
  });

  it('lets a refusal on one budget hold up that budget alone', async () => {
    const scene = new Scene(discordRules);
    scene.platform.fault = (op, channel) =>
      channel === 'busy'
        ? new WriteError('rate-limited', 'Too many', {
            retryAfterMs: 30_000,
            budgets: [`discord ${op} busy`],
          })
        : undefined;
    scene.stream(scene.pacer(), ['busy', 'quiet']);
    await scene.clock.advance(15_000);
    expect(scene.replies.map(({ delivery }) => delivery)).toEqual(['pending', 'stands']);
    expect(scene.replies[1]!.lagMs).toBeLessThan(1200);
  });

  it('comes through an outage of a minute', async () => {
    const scene = new Scene(slackRules);
    scene.stream(scene.pacer(), channels(10, 2));
    scene.platform.fault = () => {
      const at = scene.clock.monotonic();
      return at > 5000 && at < 65_000 ? new WriteError('unavailable', '503') : undefined;
    };
    await scene.clock.advance(180_000);
    scene.expectAllWhole();
    expect(scene.platform.refused).toEqual([]);
  });

  it('goes on with the others when one message is deleted', async () => {
    const scene = new Scene(discordRules);
    scene.stream(scene.pacer(), oneChannel(3));
    await scene.clock.advance(4000);
    const deleted = scene.platform.messages[0]!.id;
    const key = scene.platform.writes.find(({ message }) => message === deleted)!.key;
    const index = Number(/turn-(\d+)/.exec(key)![1]);
    scene.platform.delete(deleted);
    await scene.clock.advance(60_000);
    expect(scene.replies[index]!.reply.gone.aborted).toBe(true);
    expect(scene.platform.messages.some(({ id }) => id === deleted)).toBe(false);
    for (const [i, { delivery }] of scene.replies.entries()) {
      expect(delivery).toBe(i === index ? 'gone' : 'stands');
      if (i !== index) expect(scene.shown(i)).toBe(text);
    }
  });

  it('shares its budgets with other processes on the same token', async () => {
    const scene = new Scene(discordRules);
    for (const pacer of [scene.pacer(1 / 2), scene.pacer(1 / 2)]) scene.stream(pacer, oneChannel(4));
    await scene.clock.advance(120_000);
    expect(scene.platform.refused).toEqual([]);
    scene.expectAllWhole();
  });

  it('slows down for another process that takes more than was agreed, once the headers say so', async () => {
    const refusals = async (tells: boolean) => {
      const scene = new Scene(discordRules);
      scene.platform.tellsLimits = tells;
      const page = { text: 'other', source: 'other', buttons: [] };
      const other = scene.platform.surface('general');
      const { message } = await Promise.resolve().then(() => {
        const posting = other.post(page, { turn: 'o', key: 'o', final: false });
        void scene.clock.advance(100);
        return posting;
      });
      const edit = () => {
        void other.edit(message, page, { turn: 'o', key: 'o', final: false }).catch(() => undefined);
        scene.clock.after(2500, edit);
      };
      edit();
      scene.stream(scene.pacer(), oneChannel(5), 20);
      await scene.clock.advance(60_000);
      scene.expectAllWhole();
      return scene.platform.refused.length;
    };
    expect(await refusals(true)).toBeLessThan(await refusals(false));
  });

  it('refuses a share that makes no sense', () => {
    const clock = new VirtualClock();
    for (const share of [0, -1, 1.5, Number.NaN]) {
      expect(() => new EditPacer({ clock, log, share })).toThrow(RangeError);
    }
  });
});
