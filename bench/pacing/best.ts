/**
 * The best schedule that was found offline for a scenario: with all arrivals known, and the platform's budgets
 * used to the last slot, as no program that does not know the future could.
 *
 * `node bench/pacing/best.ts [seconds per row]` computes them anew into bench/pacing/best.json.
 * Simulated annealing from the schedule of our own policy, so that the best is never worse than it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Budget } from '../../src/reply/surface.ts';
import type { Write } from '../../test/reply/strict-platform.ts';
import { jain, lookAgainMs, randomFrom, type Scenario, type Stream } from './scenario.ts';

/** Characters of a message, as in src/reply/pages.ts. */
const pageLimits = { discord: 1800, slack: 11_000 };

export interface Best {
  /** Mean age at which a character becomes visible, s. */
  readonly age: number;
  readonly jain: number;
}

interface Planned {
  t: number;
  reply: number;
  post: boolean;
  budget: PlannedBudget;
}

interface PlannedBudget {
  readonly limits: readonly Budget[];
  readonly writes: Planned[];
}

const file = new URL('best.json', import.meta.url);

export const bestKey = (scenario: Scenario, seed: number) => `${scenario.name}, seed ${seed}`;

export function storedBest(scenario: Scenario, seed: number): Best | undefined {
  const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Best>;
  return all[bestKey(scenario, seed)];
}

export function storeBest(all: Readonly<Record<string, Best>>): void {
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
}

/** How many messages an answer may be spread over: no more than it needs, but where very many share, as ours. */
function mostMessages(scenario: Scenario, characters: number): number {
  const needed = Math.ceil(characters / pageLimits[scenario.rules.dialect]);
  return scenario.replies >= 50 && scenario.channels < 50 ? Math.max(4, needed) : needed;
}

/** One reply's tokens, prepared for adding up ages. */
/** What a write that makes no sense adds to the cost. */
const senseless = 1e10;

class Reply {
  readonly stream: Stream;
  readonly standing: boolean;
  readonly limit: number;
  readonly most: number;
  /** Nobody shares its budgets: a message is left only when it is full. */
  readonly alone: boolean;
  /** The text may begin under a message that stands. */
  readonly spills: boolean;
  readonly latencyMs: number;
  /** Characters, and characters × arrival, of the first k tokens. */
  readonly characters = [0];
  readonly arrivals = [0];
  readonly writes: Planned[] = [];
  cost = 0;

  constructor(stream: Stream, scenario: Scenario) {
    this.stream = stream;
    this.standing = scenario.standing;
    this.limit = pageLimits[scenario.rules.dialect];
    this.latencyMs = scenario.latencyMs;
    for (const [i, token] of stream.tokens.entries()) {
      const visible = token.trim().length;
      this.characters.push(this.characters.at(-1)! + visible);
      this.arrivals.push(this.arrivals.at(-1)! + visible * stream.times[i]!);
    }
    this.alone = scenario.replies === 1 || scenario.channels >= 50;
    this.spills = scenario.replies >= 50 && scenario.channels < 50;
    this.most = mostMessages(scenario, stream.tokens.join('').length);
  }

  get length(): number {
    return this.characters.at(-1)!;
  }

  /** The sum of the ages at which its characters become visible; much more when a write makes no sense. */
  sumOfAges(): number {
    const { times } = this.stream;
    const start = times[0]!;
    const every = times[1]! - start;
    const count = times.length;
    let shown = 0;
    let until = this.standing ? this.#fits(0) : 0;
    let messages = this.standing ? 1 : 0;
    if (this.standing && this.writes[0]?.post) messages = 0;
    let sum = 0;
    for (const { t, post } of this.writes) {
      const came = t < start ? 0 : Math.min(count, Math.floor((t - start) / every + 1e-9) + 1);
      if (post) {
        if (this.standing && shown === 0 && !this.spills) sum += senseless;
        if (++messages > this.most) sum += senseless;
        // Where an answer is spread over no more messages than it needs, each must be full.
        if (
          shown < until &&
          (this.alone || messages + Math.ceil(this.#rest(shown) / this.limit) - 1 > this.most)
        ) {
          sum += senseless;
        }
        until = this.#fits(shown);
      } else if (messages === 0) {
        sum += senseless;
        continue;
      }
      const next = Math.max(shown, Math.min(came, until));
      sum += (this.characters[next]! - this.characters[shown]!) * (t + this.latencyMs);
      sum -= this.arrivals[next]! - this.arrivals[shown]!;
      shown = next;
    }
    const missing = this.length - this.characters[shown]!;
    return (
      sum + missing * (times.at(-1)! + lookAgainMs * 4) - (this.arrivals[count]! - this.arrivals[shown]!)
    );
  }

  #rest(shown: number): number {
    return (this.length - this.characters[shown]!) * 1.34;
  }

  /** The token up to which a message fits that begins at this one. */
  #fits(from: number): number {
    if (this.limit > 5000) return this.stream.times.length;
    let to = from;
    let room = this.limit;
    while (to < this.stream.tokens.length && room >= this.stream.tokens[to]!.length) {
      room -= this.stream.tokens[to]!.length;
      to += 1;
    }
    return to;
  }
}

const byTime = (a: Planned, b: Planned) => a.t - b.t;

function insert(list: Planned[], write: Planned): void {
  let i = list.length;
  while (i > 0 && list[i - 1]!.t > write.t) i -= 1;
  list.splice(i, 0, write);
}

function remove(list: Planned[], write: Planned): void {
  list.splice(list.indexOf(write), 1);
}

function keepsLimits({ limits, writes }: PlannedBudget): boolean {
  for (const { limit, windowMs, burst = limit } of limits) {
    if (burst >= limit) {
      for (let i = limit; i < writes.length; i += 1) {
        if (writes[i]!.t - writes[i - limit]!.t < windowMs) return false;
      }
      continue;
    }
    let saved = burst;
    let at = 0;
    for (const { t } of writes) {
      saved = Math.min(burst, saved + ((t - at) * limit) / windowMs) - 1;
      at = t;
      if (saved < 0) return false;
    }
  }
  return true;
}

/** Improves on `first` for so many steps. */
export function anneal(
  scenario: Scenario,
  streams: readonly Stream[],
  first: readonly Pick<Write, 'at' | 'op' | 'key'>[],
  steps: number,
  seed: number,
): Best {
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const replies = streams.map((stream) => new Reply(stream, scenario));
  const budgets = new Map<string, PlannedBudget>();
  const budgetOf = (reply: number, post: boolean) => {
    const limits = scenario.rules.budgets(post ? 'post' : 'edit', streams[reply]!.channel);
    let budget = budgets.get(limits[0]!.id);
    if (!budget) {
      // The global limit binds nobody here; figures of every schedule are checked against it in the end.
      budget = { limits: limits.filter(({ id }) => !id.includes('global')), writes: [] };
      budgets.set(limits[0]!.id, budget);
    }
    return budget;
  };
  const all: Planned[] = [];
  for (const { at, op, key } of first) {
    const reply = Number(/\d+/.exec(key)![0]);
    const write = {
      t: at - scenario.latencyMs / 2,
      reply,
      post: op === 'post',
      budget: budgetOf(reply, op === 'post'),
    };
    all.push(write);
    replies[reply]!.writes.push(write);
    write.budget.writes.push(write);
  }
  for (const { writes } of [...replies, ...budgets.values()]) writes.sort(byTime);
  for (const reply of replies) reply.cost = reply.sumOfAges();
  const characters = replies.reduce((sum, { length }) => sum + length, 0);
  const total = () => replies.reduce((sum, { cost }) => sum + cost, 0);
  let cost = total();
  let best = { cost, means: replies.map((reply) => reply.cost / reply.length) };
  // Heat is measured in the cost of one reply's gap: λ·gap²/2 with gaps of about a second.
  const hot = (cost / replies.length) * 0.02;

  for (let step = 0; step < steps; step += 1) {
    const heat = hot * (1 - step / steps) ** 2 + 1e-9;
    const undo: (() => void)[] = [];
    const touched = new Set<Reply>();
    const used = new Set<PlannedBudget>();
    const place = (write: Planned) => {
      insert(replies[write.reply]!.writes, write);
      insert(write.budget.writes, write);
      used.add(write.budget);
      touched.add(replies[write.reply]!);
    };
    const lift = (write: Planned) => {
      remove(replies[write.reply]!.writes, write);
      remove(write.budget.writes, write);
      touched.add(replies[write.reply]!);
    };
    const change = (write: Planned, to: Partial<Planned>) => {
      const before = { ...write };
      lift(write);
      Object.assign(write, to);
      place(write);
      undo.push(() => {
        lift(write);
        Object.assign(write, before);
        place(write);
      });
    };
    const dice = random();
    const wide = random() < 0.3 ? 3000 : random() < 0.5 ? 400 : 60;
    const jump = () => (random() + random() - 1) * wide;
    if (all.length === 0 || dice < 0.08) {
      const reply = Math.floor(random() * replies.length);
      const post = random() < 0.3;
      const { times } = streams[reply]!;
      const t = times[0]! + random() * (times.at(-1)! - times[0]! + (random() < 0.3 ? 100_000 : 300));
      const write: Planned = { t, reply, post, budget: budgetOf(reply, post) };
      all.push(write);
      place(write);
      undo.push(() => {
        lift(write);
        all.pop();
      });
    } else if (dice < 0.14) {
      const i = Math.floor(random() * all.length);
      const write = all[i]!;
      lift(write);
      all[i] = all.at(-1)!;
      all.pop();
      undo.push(() => {
        all.push(all[i]!);
        all[i] = write;
        if (i === all.length - 1) all[i] = write;
        place(write);
      });
    } else if (dice < 0.45) {
      const write = pick(all);
      change(write, { t: Math.max(0, write.t + jump()) });
    } else if (dice < 0.6) {
      // A row of writes on one budget moves together.
      const { budget } = pick(all);
      const from = Math.floor(random() * budget.writes.length);
      const by = jump();
      const run = budget.writes.slice(from, from + 1 + Math.floor(random() * 12));
      for (const write of run) change(write, { t: Math.max(0, write.t + by) });
    } else if (dice < 0.8) {
      const one = pick(all);
      const other = pick(one.budget.writes);
      if (one.reply === other.reply) continue;
      const { reply } = one;
      change(one, { reply: other.reply });
      change(other, { reply });
    } else if (dice < 0.9) {
      const write = pick(all);
      const reply = Math.floor(random() * replies.length);
      change(write, { reply, budget: budgetOf(reply, write.post) });
    } else {
      const write = pick(all);
      change(write, { post: !write.post, budget: budgetOf(write.reply, !write.post) });
    }
    const ok = [...used].every(keepsLimits);
    let next = cost;
    const costs = new Map<Reply, number>();
    if (ok) {
      for (const reply of touched) {
        costs.set(reply, reply.sumOfAges());
        next += costs.get(reply)! - reply.cost;
      }
    }
    if (!ok || !(next < cost || random() < Math.exp((cost - next) / heat))) {
      for (const back of undo.reverse()) back();
      continue;
    }
    for (const [reply, sum] of costs) reply.cost = sum;
    cost = next;
    if (cost < best.cost - 1e-6) best = { cost, means: replies.map((reply) => reply.cost / reply.length) };
  }
  if (process.env.SHOW)
    console.log(
      all
        .sort(byTime)
        .map((w) => `${(w.t / 1000).toFixed(2)}${w.post ? 'P' : 'e'}${w.reply}`)
        .join(' '),
    );
  return { age: best.cost / characters / 1000, jain: jain(best.means) };
}
