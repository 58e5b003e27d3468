/**
 * How others decide when to write, as algorithms: what was read in llmcord's and OpenClaw's source, what a loop
 * over discord.js does, and the greedy schedule. Each is given every doubt: a budget known exactly where its
 * client library reads headers, and messages that end between words.
 */

import { BudgetWindow } from '../../src/reply/budget.ts';
import { pageLimits } from '../../src/reply/pages.ts';
import { type ReplySurface, WriteError, type WriteOp } from '../../src/reply/surface.ts';
import { StrictPlatform } from '../../test/reply/strict-platform.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type Figures, figuresOf, horizonMs, type Scenario, type Stream } from './scenario.ts';

type Wait = (ms: number) => Promise<void>;

interface World {
  readonly clock: VirtualClock;
  readonly wait: Wait;
  /** Longest text of a message. */
  readonly longest: number;
  /** A library that queues all writes of a channel and waits for a free slot, as discord.py and discord.js do. */
  queued(channel: string, op: WriteOp, run: () => Promise<void>): Promise<void>;
}

/** What one reply has so far. */
interface Peer {
  readonly index: number;
  readonly channel: string;
  readonly surface: ReplySurface;
  text: string;
  ended: boolean;
  messages: { id: string; from: number; shown: string }[];
}

type Algorithm = (
  world: World,
  peers: readonly Peer[],
) => {
  onToken(peer: Peer): Promise<void> | void;
  onEnd(peer: Peer): Promise<void> | void;
};

const spaceBefore = (text: string, limit: number) =>
  text.length <= limit ? text.length : text.lastIndexOf(' ', limit) + 1;

/** Shows what is there now: edits the last message, goes on in a new one when it is full. Throws when refused. */
async function show(
  peer: Peer,
  longest: number,
  through?: (op: WriteOp, run: () => Promise<void>) => Promise<void>,
) {
  const { text } = peer;
  for (;;) {
    const last = peer.messages.at(-1);
    const from = last?.from ?? 0;
    const end = from + spaceBefore(text.slice(from), longest);
    const next = text.slice(from, end);
    const write = (op: WriteOp, run: () => Promise<void>) => (through ? through(op, run) : run());
    const options = { turn: '', key: `${peer.index}:${peer.messages.length}`, final: false };
    const page = { text: next, source: next, buttons: [] };
    if (!last) {
      if (next.trim() === '') return;
      await write('post', async () => {
        const { message } = await peer.surface.post(page, options);
        peer.messages.push({ id: message, from: 0, shown: next });
      });
    } else if (next !== last.shown) {
      await write('edit', async () => {
        await peer.surface.edit(last.id, page, options);
        last.shown = next;
      });
    }
    if (end >= text.length) return;
    const rest = text.slice(end, end + spaceBefore(text.slice(end), longest));
    await write('post', async () => {
      const { message } = await peer.surface.post({ ...page, text: rest }, options);
      peer.messages.push({ id: message, from: end, shown: rest });
    });
  }
}

/** One second since the last edit of *any* reply, told only when that edit is done; the token loop waits for it. */
const llmcord: Algorithm = (world) => {
  let editedAt = Number.NEGATIVE_INFINITY;
  const write = async (peer: Peer) => {
    await show(peer, 4094, (op, run) => world.queued(peer.channel, op, run));
    editedAt = world.clock.monotonic();
  };
  return {
    async onToken(peer) {
      if (peer.messages.length === 0 || world.clock.monotonic() - editedAt >= 1000) await write(peer);
    },
    async onEnd(peer) {
      await world.wait(1000 - (world.clock.monotonic() - editedAt));
      await write(peer);
    },
  };
};

/** An edit each 500 ms, not awaited: the library queues them all, and none is ever merged. */
const discordJs: Algorithm = (world) => {
  const last = new Map<Peer, number>();
  const write = (peer: Peer) => {
    const text = peer.text;
    void show({ ...peer, text }, world.longest, (op, run) => world.queued(peer.channel, op, run)).catch(
      () => undefined,
    );
  };
  return {
    async onToken(peer) {
      if (peer.messages.length === 0)
        await show(peer, world.longest, (op, run) => world.queued(peer.channel, op, run));
      const now = world.clock.monotonic();
      if (now - (last.get(peer) ?? Number.NEGATIVE_INFINITY) < 500) return;
      last.set(peer, now);
      write(peer);
    },
    onEnd: write,
  };
};

/**
 * A timer for each reply (1.2 s on Discord, 1 s on Slack), latest wins, no budget in common. The first failed
 * edit ends the live part for good; the final edit that fails becomes a new post, tried three times.
 */
const openClaw: Algorithm = (world, peers) => {
  const everyMs = peers[0]!.surface.dialect === 'slack' ? 1000 : 1200;
  const state = new Map<Peer, { wroteAt: number; busy: Promise<void> | undefined; stopped: boolean }>();
  const of = (peer: Peer) => {
    const known = state.get(peer) ?? { wroteAt: Number.NEGATIVE_INFINITY, busy: undefined, stopped: false };
    state.set(peer, known);
    return known;
  };
  const preview = (peer: Peer) => {
    const own = of(peer);
    if (own.stopped || own.busy || peer.ended) return;
    if (world.clock.monotonic() - own.wroteAt < everyMs) return;
    own.wroteAt = world.clock.monotonic();
    own.busy = show(peer, world.longest)
      .catch(() => {
        own.stopped = true;
      })
      .finally(() => {
        own.busy = undefined;
      });
  };
  return {
    onToken: preview,
    async onEnd(peer) {
      await of(peer).busy;
      let rest = peer;
      for (let attempt = 0; attempt < 4; attempt += 1) {
        try {
          return await show(rest, world.longest);
        } catch (error) {
          const last = peer.messages.at(-1);
          if (attempt === 0 && last)
            rest = { ...peer, messages: [], text: peer.text.slice(last.from + last.shown.length) };
          if (error instanceof WriteError) await world.wait(error.retryAfterMs ?? 1000);
        }
      }
    },
  };
};

/** Whenever a slot is free: finals, then replies that show nothing, then the most unseen character seconds. */
const greedy: Algorithm = (world, peers) => {
  const windows = new Map<string, BudgetWindow>();
  const busy = new Set<Peer>();
  const unseen = (peer: Peer) =>
    peer.text.length - (peer.messages.at(-1)?.from ?? 0) - (peer.messages.at(-1)?.shown.length ?? 0);
  const since = new Map<Peer, number>();
  const used = (peer: Peer, op: WriteOp) =>
    peer.surface.budgets(op).map((budget) => {
      const window = windows.get(budget.id) ?? new BudgetWindow(budget);
      windows.set(budget.id, window);
      return window;
    });
  const longest = pageLimits[peers[0]!.surface.dialect];
  let looking = false;
  let cancel = () => {};
  const look = () => {
    looking = false;
    const now = world.clock.monotonic();
    const waiting = peers.filter((peer) => !busy.has(peer) && unseen(peer) > 0);
    const worth = (peer: Peer) =>
      (peer.ended ? 1e15 : 0) +
      (peer.messages.length === 0 ? 1e12 : 0) +
      unseen(peer) * (now - (since.get(peer) ?? now));
    let next = Number.POSITIVE_INFINITY;
    for (const peer of waiting.sort((a, b) => worth(b) - worth(a))) {
      const last = peer.messages.at(-1);
      const full = last !== undefined && last.shown.length > longest - 30;
      const op = !last || full ? 'post' : 'edit';
      const budgets = used(peer, op);
      const at = Math.max(...budgets.map((window) => window.freeAt(1, now)));
      next = Math.min(next, at);
      if (at > now) continue;
      for (const window of budgets) window.take(now);
      busy.add(peer);
      since.set(peer, now);
      void once(peer, op).finally(() => {
        for (const window of budgets) window.answered(world.clock.monotonic());
        busy.delete(peer);
        soon();
      });
    }
    cancel();
    if (next > now && next < Number.POSITIVE_INFINITY) cancel = world.clock.after(next - now, soon);
  };
  const soon = () => {
    if (looking) return;
    looking = true;
    world.clock.after(0, look);
  };
  const once = async (peer: Peer, op: WriteOp) => {
    const last = peer.messages.at(-1);
    const from = last ? (op === 'post' ? last.from + last.shown.length : last.from) : 0;
    const text = peer.text.slice(from, from + spaceBefore(peer.text.slice(from), longest));
    const page = { text, source: text, buttons: [] };
    const options = { turn: '', key: `${peer.index}:${peer.messages.length}`, final: false };
    if (op === 'edit') {
      await peer.surface.edit(last!.id, page, options);
      last!.shown = text;
    } else {
      const { message } = await peer.surface.post(page, options);
      peer.messages.push({ id: message, from, shown: text });
    }
  };
  return { onToken: soon, onEnd: soon };
};

export const algorithms: Readonly<Record<string, { run: Algorithm; dialects: readonly string[] }>> = {
  greedy: { run: greedy, dialects: ['slack', 'discord'] },
  llmcord: { run: llmcord, dialects: ['discord'] },
  OpenClaw: { run: openClaw, dialects: ['slack', 'discord'] },
  'discord.js, 500 ms': { run: discordJs, dialects: ['discord'] },
};

/** Runs an algorithm against the same platform, arrivals and budgets as ours. */
export async function peer(
  scenario: Scenario,
  streams: readonly Stream[],
  algorithm: Algorithm,
): Promise<Figures> {
  const clock = new VirtualClock();
  const platform = new StrictPlatform(clock, scenario.rules, () => scenario.latencyMs);
  // Embeds, as llmcord uses them, take more than a message's 2,000.
  if (algorithm === llmcord) platform.longest = 4096;
  const wait: Wait = (ms) => new Promise((resolve) => void clock.after(ms, resolve));
  const tails = new Map<string, Promise<void>>();
  const windows = new Map<string, BudgetWindow>();
  const world: World = {
    clock,
    wait,
    longest: scenario.rules.dialect === 'slack' ? 11_000 : 1900,
    queued(channel, op, run) {
      const turn = (tails.get(channel) ?? Promise.resolve()).then(async () => {
        const budgets = scenario.rules.budgets(op, channel).map((budget) => {
          const window = windows.get(budget.id) ?? new BudgetWindow(budget);
          windows.set(budget.id, window);
          return window;
        });
        for (;;) {
          const now = clock.monotonic();
          const at = Math.max(...budgets.map((window) => window.freeAt(1, now)));
          if (at <= now) break;
          await wait(at - now);
        }
        for (const window of budgets) window.take(clock.monotonic());
        await run();
        for (const window of budgets) window.answered(clock.monotonic());
      });
      tails.set(
        channel,
        turn.catch(() => undefined),
      );
      return turn;
    },
  };
  const peers: Peer[] = streams.map(({ channel }, index) => ({
    index,
    channel,
    surface: platform.surface(channel),
    text: '',
    ended: false,
    messages: [],
  }));
  const { onToken, onEnd } = algorithm(world, peers);
  for (const [i, { tokens, times }] of streams.entries()) {
    const own = peers[i]!;
    let reading = Promise.resolve();
    const next = (token: number) => {
      reading = reading.then(async () => {
        own.text += tokens[token]!;
        await onToken(own);
      });
      if (token + 1 < tokens.length) {
        clock.after(times[token + 1]! - clock.monotonic(), () => next(token + 1));
        return;
      }
      void reading
        .then(() => {
          own.ended = true;
          return onEnd(own);
        })
        .catch(() => undefined);
    };
    clock.after(times[0]!, () => next(0));
  }
  await clock.advance(horizonMs);
  return figuresOf(scenario, streams, platform.writes, platform.refused.length);
}
