import type { Budget, WriteOp } from '../../src/reply/surface.ts';
import { discordRules, type Rules, type Write } from '../../test/reply/strict-platform.ts';

/** Replies that begin within a second and stream at once on one platform. Times are ms. */
export interface Scenario {
  readonly name: string;
  readonly rules: Rules;
  /** From sending a write until it is visible, and until its answer is here. */
  readonly latencyMs: number;
  readonly replies: number;
  /** Replies are dealt out to so many channels. */
  readonly channels: number;
  /** A message with a waiting line stands already when the first token comes. */
  readonly standing: boolean;
}

/** What one model wrote, and when. */
export interface Stream {
  readonly channel: string;
  /** The text of each token … */
  readonly tokens: readonly string[];
  /** … and when it came. */
  readonly times: readonly number[];
}

/** Each row is measured for these. */
export const seeds = [1, 2, 3];
const tokens = 600;
const everyMs = 20;
/** Characters never shown count as if somebody had looked again this long after the last token. */
export const lookAgainMs = 60_000;
export const horizonMs = 1000 + tokens * everyMs + 150_000;

/** Discord's 5 and 1 a second, as its users measure it: 5 saved up, refilled evenly … */
const discordBucket = (op: WriteOp, channel: string): Budget[] => [
  { id: `discord ${op} ${channel}`, limit: 60, windowMs: 60_000, burst: 5 },
  { id: 'discord global', limit: 50, windowMs: 1000 },
];
/** … and Slack's chat.update with 50 a minute, 5 at once. */
const slackBudgets = (op: WriteOp, channel: string): Budget[] => [
  op === 'edit'
    ? { id: 'slack chat.update', limit: 50, windowMs: 60_000, burst: 5 }
    : { id: `slack chat.postMessage ${channel}`, limit: 1, windowMs: 1000 },
];

const bucket: Rules = { dialect: 'discord', budgets: discordBucket, longest: 2000 };
const slack: Rules = { dialect: 'slack', budgets: slackBudgets, longest: 12_000 };

const discord = (reading: string, rules: Rules) =>
  (
    [
      ['1 channel', 1, 1],
      ['1 channel', 10, 1],
      ['1 channel', 50, 1],
      ['50 channels', 50, 50],
    ] as const
  ).map(([where, replies, channels]) => ({
    name: `Discord ${reading}, ${where}, N=${replies}`,
    rules,
    latencyMs: 60,
    replies,
    channels,
  }));

const inSlack = [1, 10, 50].map((replies) => ({
  name: `Slack, N=${replies}`,
  rules: slack,
  latencyMs: 100,
  replies,
  channels: Math.ceil(replies / 5),
}));

/**
 * Discord in both readings of its limits: strict is how Pilotlight paces there, since nothing better is
 * promised; with the even reading a platform really refills evenly and says so.
 */
export const scenarios: readonly Scenario[] = [
  ...discord('5 in any 5 s', discordRules),
  ...discord('5 + 1/s', bucket),
  ...inSlack,
].flatMap((scenario) => [
  { ...scenario, standing: false },
  { ...scenario, name: `${scenario.name}, status stands`, standing: true },
]);

/** Numbers between 0 and 1 that are the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 600 tokens of a space and 3 letters on average, 50 a second, for each reply. */
export function streamsOf(scenario: Scenario, seed: number): Stream[] {
  const random = randomFrom(seed * 1000 + scenario.replies);
  return Array.from({ length: scenario.replies }, (_, i) => {
    const start = scenario.replies === 1 ? 0 : random() * 1000;
    const letter = () => String.fromCharCode(97 + Math.floor(random() * 26));
    return {
      channel: `channel-${i % scenario.channels}`,
      tokens: Array.from({ length: tokens }, () => {
        const letters = 1 + Math.floor(random() * 5);
        return `${Array.from({ length: letters }, letter).join('')} `;
      }),
      times: Array.from({ length: tokens }, (_, token) => start + token * everyMs),
    };
  });
}

/** What was seen of all replies of one run. */
export interface Figures {
  /** Mean age at which a character became visible, s. */
  readonly age: number;
  /** From the last token until the whole text was visible, s, for each reply; Infinity: never. */
  readonly lags: readonly number[];
  /** Replies whose whole text was never visible. */
  readonly lost: number;
  readonly refused: number;
  /** Jain's index over the mean ages of the replies. */
  readonly jain: number;
  readonly writes: number;
  readonly messages: number;
  /** What was written, as the platform saw it. */
  readonly log: readonly Write[];
  /** Visible characters of all replies over time, for the plot. */
  readonly curve: readonly { readonly at: number; readonly visible: number }[];
}

const bare = (text: string) => text.replace(/\s+/g, '');

/** Reads from the platform's log what a person would have seen; spaces don't count. */
export function figuresOf(
  scenario: Scenario,
  streams: readonly Stream[],
  writes: readonly Write[],
  refused: number,
): Figures {
  const shown = new Map<string, Map<string, string>>();
  const visibleUntil = streams.map(() => 0);
  const ages = streams.map(() => 0);
  const ends = streams.map(() => Number.POSITIVE_INFINITY);
  const texts = streams.map(({ tokens }) => bare(tokens.join('')));
  const arrivals = streams.map(({ tokens, times }) =>
    tokens.flatMap((token, i) => Array.from({ length: bare(token).length }, () => times[i]!)),
  );
  const curve: { at: number; visible: number }[] = [];
  let total = 0;
  for (const { at: reached, key, message, page } of writes) {
    const index = Number(/\d+/.exec(key)![0]);
    const at = reached + scenario.latencyMs / 2;
    const messages = shown.get(`${index}`) ?? new Map<string, string>();
    shown.set(`${index}`, messages);
    messages.set(message, bare(page.text));
    const visible = commonStart([...messages.values()].join(''), texts[index]!);
    for (let i = visibleUntil[index]!; i < visible; i += 1) ages[index]! += at - arrivals[index]![i]!;
    total += Math.max(0, visible - visibleUntil[index]!);
    visibleUntil[index] = Math.max(visible, visibleUntil[index]!);
    if (visible === texts[index]!.length) ends[index] = Math.min(ends[index]!, at);
    curve.push({ at, visible: total });
  }
  for (const [index, { times }] of streams.entries()) {
    const seenAt = times.at(-1)! + lookAgainMs;
    for (const at of arrivals[index]!.slice(visibleUntil[index])) ages[index]! += seenAt - at;
  }
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  const means = ages.map((age, i) => age / texts[i]!.length);
  return {
    age: ages.reduce((a, b) => a + b, 0) / characters / 1000,
    lags: ends.map((end, i) => (end - streams[i]!.times.at(-1)!) / 1000),
    lost: ends.filter((end) => end === Number.POSITIVE_INFINITY).length,
    refused,
    jain: jain(means),
    writes: writes.length,
    messages: [...shown.values()].reduce((sum, messages) => sum + messages.size, 0),
    log: writes,
    curve,
  };
}

export function jain(values: readonly number[]): number {
  const sum = values.reduce((a, b) => a + b, 0);
  return sum ** 2 / (values.length * values.reduce((a, b) => a + b * b, 0));
}

function commonStart(shown: string, text: string): number {
  if (text.startsWith(shown)) return shown.length;
  let i = 0;
  while (shown[i] === text[i]) i += 1;
  return i;
}
