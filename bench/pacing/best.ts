/**
 * The best schedule that was found offline for a scenario: with all arrivals known, and the platform's budgets
 * used to the last slot, as no program that does not know the future could. Found by simulated annealing from
 * the better of our own policy's schedule and the greedy one.
 *
 * `node bench/pacing/best.ts` computes all of them anew into bench/pacing/best.json, in about half an hour;
 * `node bench/pacing/best.ts 'Slack, N=1$'` those whose name matches.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pageLimits } from '../../src/reply/pages.ts';
import { tuning } from '../../src/reply/policy.ts';
import type { Budget } from '../../src/reply/surface.ts';
import type { Write } from '../../test/reply/strict-platform.ts';
import { ours } from './ours.ts';
import { algorithms, peer } from './peers.ts';
import {
  jain,
  lookAgainMs,
  randomFrom,
  type Scenario,
  type Stream,
  scenarios,
  seeds,
  streamsOf,
} from './scenario.ts';

export interface Best {
  /** Mean age at which a character becomes visible, s. */
  readonly age: number;
  readonly jain: number;
  /** From each last token until the whole text was visible, s. */
  readonly lags: readonly number[];
  /** Visible characters over time, for the plot: [ms, characters]; kept where it is drawn. */
  readonly curve?: readonly (readonly [number, number])[];
}

interface Planned {
  t: number;
  reply: number;
  post: boolean;
  budget: PlannedBudget;
}

interface PlannedBudget {
  readonly limit: Budget;
  readonly writes: Planned[];
}

const file = new URL('best.json', import.meta.url);

export const bestKey = (scenario: Scenario, seed: number) => `${scenario.name}, seed ${seed}`;

let stored: Readonly<Record<string, Best>> | undefined;

/** Throws when it was never computed. */
export function storedBest(scenario: Scenario, seed: number): Best {
  stored ??= JSON.parse(readFileSync(file, 'utf8')) as Record<string, Best>;
  const best = stored[bestKey(scenario, seed)];
  if (!best) throw new Error(`No best for ${bestKey(scenario, seed)}: run node bench/pacing/best.ts`);
  return best;
}

/** What a write that makes no sense adds to the cost. */
const senseless = 1e10;

/** A round of edits that takes so long lets an answer go on in a new message before it must, as in our policy. */
const crowded = ({ rules, replies, channels }: Scenario) => {
  const [{ limit, windowMs }] = rules.budgets('edit', '') as [Budget];
  const sharing = rules.dialect === 'slack' ? replies : replies / channels;
  return (sharing * windowMs) / limit > tuning.spillSoonMs;
};

/**
 * One reply's tokens, prepared for adding up ages. It goes on in a new message by the product's rule, since
 * nobody wants an answer in a dozen pieces: when its page is full, when it needs no more messages for it, when it
 * is finished, and where very many share a budget when the last message has some text.
 */
class Reply {
  readonly stream: Stream;
  readonly standing: boolean;
  readonly limit: number;
  /** How many messages the answer needs. */
  readonly needs: number;
  /** Nobody shares its budgets: a message is left only when it is full. */
  readonly alone: boolean;
  readonly crowded: boolean;
  readonly latencyMs: number;
  /** Visible characters, those × arrival, and all characters, of the first k tokens. */
  readonly characters = [0];
  readonly arrivals = [0];
  readonly source = [0];
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
      this.source.push(this.source.at(-1)! + token.length);
    }
    this.alone = scenario.replies === 1 || scenario.channels === scenario.replies;
    this.crowded = crowded(scenario);
    this.needs = Math.ceil(this.source.at(-1)! / this.limit);
  }

  get length(): number {
    return this.characters.at(-1)!;
  }

  /** The sum of the ages at which its characters become visible; much more when a write makes no sense. */
  sumOfAges(shows?: (at: number, characters: number) => void): number {
    const { times } = this.stream;
    const start = times[0]!;
    const every = times[1]! - start;
    const count = times.length;
    let shown = 0;
    let from = 0;
    let until = this.standing ? this.#fits(0) : 0;
    let messages = this.standing ? 1 : 0;
    let sum = 0;
    for (const { t, post } of this.writes) {
      const came = t < start ? 0 : Math.min(count, Math.floor((t - start) / every + 1e-9) + 1);
      if (post) {
        if (messages > 0 && !this.#mayLeave(from, shown, until, messages, came === count)) sum += senseless;
        // Under a line that stands the text begins anew.
        if (shown > 0 || messages === 0) messages += 1;
        from = shown;
        until = this.#fits(shown);
      } else if (messages === 0) {
        sum += senseless;
        continue;
      }
      const next = Math.max(shown, Math.min(came, until));
      sum += (this.characters[next]! - this.characters[shown]!) * (t + this.latencyMs);
      sum -= this.arrivals[next]! - this.arrivals[shown]!;
      shows?.(t + this.latencyMs, this.characters[next]! - this.characters[shown]!);
      shown = next;
    }
    const missing = this.length - this.characters[shown]!;
    return (
      sum + missing * (times.at(-1)! + lookAgainMs * 4) - (this.arrivals[count]! - this.arrivals[shown]!)
    );
  }

  #mayLeave(from: number, shown: number, until: number, messages: number, finished: boolean): boolean {
    if (shown === 0) return this.crowded;
    if (shown >= until) return true;
    if (this.alone) return false;
    if (finished) return true;
    if (this.crowded) return this.source[shown]! - this.source[from]! >= tuning.spillSoonAfter;
    return messages + Math.ceil((this.source.at(-1)! - this.source[shown]!) / this.limit) <= this.needs;
  }

  /** The token up to which a message fits that begins at this one. */
  #fits(from: number): number {
    const { source, limit } = this;
    if (source.at(-1)! - source[from]! <= limit) return source.length - 1;
    let to = from;
    while (source[to + 1]! - source[from]! <= limit) to += 1;
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

function keepsLimit({ limit: { limit, windowMs, burst = limit }, writes }: PlannedBudget): boolean {
  if (burst >= limit) {
    for (let i = limit; i < writes.length; i += 1) {
      if (writes[i]!.t - writes[i - limit]!.t < windowMs) return false;
    }
    return true;
  }
  let saved = burst;
  let at = 0;
  for (const { t } of writes) {
    saved = Math.min(burst, saved + ((t - at) * limit) / windowMs) - 1;
    at = t;
    if (saved < 0) return false;
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
  const planned = (limit: Budget) => {
    const budget = budgets.get(limit.id) ?? { limit, writes: [] };
    budgets.set(limit.id, budget);
    return budget;
  };
  const budgetOf = (reply: number, post: boolean) =>
    planned(scenario.rules.budgets(post ? 'post' : 'edit', streams[reply]!.channel)[0]!);
  // What all channels share binds only where there are many.
  const shared = scenario.rules.budgets('edit', '')[1];
  const everywhere = shared && scenario.channels >= 50 ? planned(shared) : undefined;
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
    everywhere?.writes.push(write);
  }
  for (const { writes } of [...replies, ...budgets.values()]) writes.sort(byTime);
  for (const reply of replies) reply.cost = reply.sumOfAges();
  const characters = replies.reduce((sum, { length }) => sum + length, 0);
  const total = () => replies.reduce((sum, { cost }) => sum + cost, 0);
  let cost = total();
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
      if (everywhere) {
        insert(everywhere.writes, write);
        used.add(everywhere);
      }
      touched.add(replies[write.reply]!);
    };
    const lift = (write: Planned) => {
      remove(replies[write.reply]!.writes, write);
      remove(write.budget.writes, write);
      if (everywhere) remove(everywhere.writes, write);
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
    const ok = [...used].every(keepsLimit);
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
  }
  return {
    age: total() / characters / 1000,
    jain: jain(replies.map((reply) => reply.cost / reply.length)),
    ...seen(replies),
  };
}

/** Visible characters over time, and how long after its last token the whole of a text was visible, s. */
function seen(replies: readonly Reply[]): Pick<Best, 'lags' | 'curve'> {
  const steps: { at: number; characters: number }[] = [];
  const lags = replies.map((reply) => {
    let end = 0;
    reply.sumOfAges((at, characters) => {
      if (characters === 0) return;
      steps.push({ at, characters });
      end = at;
    });
    return Math.round(end - reply.stream.times.at(-1)!) / 1000;
  });
  let visible = 0;
  const curve = steps
    .sort((a, b) => a.at - b.at)
    .map(({ at, characters }): [number, number] => {
      visible += characters;
      return [Math.round(at), visible];
    });
  return { lags, curve };
}

async function bestOf(scenario: Scenario, seed: number): Promise<Best> {
  const streams = streamsOf(scenario, seed);
  const schedules = [await ours(scenario, streams)];
  if (!scenario.standing) schedules.push(await peer(scenario, streams, algorithms.greedy!.run));
  const { log } = schedules.reduce((one, other) => (other.age < one.age ? other : one));
  return anneal(scenario, streams, log, 300_000 + 25_000 * Math.min(log.length, 100), seed);
}

if (import.meta.main) {
  const only = new RegExp(process.argv[2] ?? '');
  const all: Record<string, Best> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  for (const scenario of scenarios.filter(({ name }) => only.test(name))) {
    for (const seed of seeds) {
      const { curve = [], ...figures } = await bestOf(scenario, seed);
      const { age, jain, lags } = figures;
      const rounded = { age: Number(age.toFixed(4)), jain: Number(jain.toFixed(4)), lags };
      const drawn = scenario.replies === 10 && !scenario.standing && seed === seeds[0];
      all[bestKey(scenario, seed)] = drawn ? { ...rounded, curve } : rounded;
      console.log(bestKey(scenario, seed), rounded.age, rounded.jain);
    }
    const lines = Object.entries(all).map(
      ([key, best]) => `  ${JSON.stringify(key)}: ${JSON.stringify(best)}`,
    );
    writeFileSync(file, `{\n${lines.join(',\n')}\n}\n`);
  }
}
