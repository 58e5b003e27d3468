import type { StreamFault } from '../../sandbox/model/stream-faults.ts';
import { Random } from './random.ts';
import type { Failure } from './wire.ts';

export type PlaceName = 'slack-channel' | 'slack-dm' | 'discord-channel' | 'discord-dm' | 'discord-command';
export type PlatformName = 'slack' | 'discord';
export type Side = PlatformName | 'model' | 'database';

export interface PlannedQuestion {
  /** Each word of its answer begins with it. */
  readonly name: string;
  /** ms after the first */
  readonly at: number;
  readonly place: PlaceName;
  /** How long its answer is. */
  readonly words: number;
  /** Goes on in this question's conversation, once it has been answered with something. */
  readonly after?: string;
  /** The platform brings its events twice. */
  readonly duplicate: boolean;
  /** Slack's two events of a mention come the other way round. */
  readonly reordered: boolean;
}

export type Trouble =
  | { readonly type: 'kill'; readonly process: number; readonly downMs: number }
  /** SIGTERM, and another process in its place. */
  | { readonly type: 'restart'; readonly process: number }
  | {
      readonly type: 'wire';
      readonly side: Side;
      /** Whose wire, if it is that to the database: each process has its own. */
      readonly process: number;
      readonly how: Failure;
      readonly ms: number;
    }
  | {
      readonly type: 'refuse';
      readonly platform: PlatformName;
      readonly status: 429 | 500;
      readonly calls: number;
    }
  /** Writes are carried out, and their answers lost. */
  | { readonly type: 'lose-answers'; readonly platform: PlatformName; readonly calls: number }
  | {
      readonly type: 'reconnect';
      readonly platform: PlatformName;
      readonly how: 'drop' | 'ask' | 'invalidate';
    }
  | { readonly type: 'stream'; readonly fault: StreamFault }
  | { readonly type: 'model'; readonly how: 'crash' | 'busy' | 'slow' }
  | { readonly type: 'database'; readonly downMs: number }
  /** A person presses Stop under an answer that grows, or deletes it. */
  | { readonly type: 'stop' | 'delete'; readonly platform: PlatformName };

export interface Plan {
  readonly seed: number;
  readonly processes: number;
  readonly questions: readonly PlannedQuestion[];
  readonly troubles: readonly { readonly at: number; readonly trouble: Trouble }[];
  readonly tokensPerSecond: number;
  /** ms */
  readonly firstTokenMs: number;
}

/** All that happens in a run, from its seed alone. */
export function planOf(
  seed: number,
  { processes, postgres }: { processes: number; postgres: boolean },
): Plan {
  const random = new Random(seed);
  const questions: PlannedQuestion[] = [];
  const count = random.whole(3, 6);
  for (let i = 0; i < count; i++) {
    const earlier = questions.filter(({ place }) => place !== 'discord-command');
    const after = earlier.length > 0 && random.chance(0.3) ? random.pick(earlier) : undefined;
    questions.push({
      name: `q${i}`,
      at: i === 0 ? 0 : random.whole(0, 900),
      place: after?.place ?? random.pick(PLACES),
      words: random.weighted([
        [6, random.whole(5, 120)],
        [1, random.whole(250, 420)],
      ]),
      ...(after && { after: after.name }),
      duplicate: random.chance(0.15),
      reordered: random.chance(0.3),
    });
  }
  const troubles = [];
  for (let i = random.whole(1, 4); i > 0; i--) {
    troubles.push({ at: random.whole(20, 1_500), trouble: troubleOf(random, processes, postgres) });
  }
  return {
    seed,
    processes,
    questions,
    troubles: troubles.sort((a, b) => a.at - b.at),
    tokensPerSecond: random.pick([150, 400, 1_000]),
    firstTokenMs: random.pick([5, 40, 200]),
  };
}

const PLACES: readonly PlaceName[] = [
  'slack-channel',
  'slack-dm',
  'discord-channel',
  'discord-dm',
  'discord-command',
];

function troubleOf(random: Random, processes: number, postgres: boolean): Trouble {
  const platform = random.pick(['slack', 'discord'] as const);
  const calls = random.whole(1, 4);
  const ms = random.whole(50, 700);
  const process = random.whole(0, processes - 1);
  return random.weighted<Trouble>([
    [6, { type: 'kill', process, downMs: random.whole(0, 400) }],
    [2, { type: 'restart', process }],
    [
      3,
      {
        type: 'wire',
        side: random.pick(['slack', 'discord', 'model'] as const),
        process,
        how: random.pick(['cut', 'cut', 'hang'] as const),
        ms,
      },
    ],
    [2, { type: 'refuse', platform, status: random.pick([429, 429, 500] as const), calls }],
    [2, { type: 'lose-answers', platform, calls: random.whole(1, 2) }],
    [1, { type: 'reconnect', platform, how: random.pick(['drop', 'ask', 'invalidate'] as const) }],
    [2, { type: 'stream', fault: streamFault(random) }],
    [1, { type: 'model', how: random.pick(['crash', 'busy', 'slow'] as const) }],
    [1, { type: 'stop', platform }],
    [0.5, { type: 'delete', platform }],
    [postgres ? 2 : 0, { type: 'database', downMs: random.whole(0, 500) }],
    [
      postgres ? 2 : 0,
      { type: 'wire', side: 'database', process, how: random.pick(['cut', 'hang'] as const), ms },
    ],
  ]);
}

function streamFault(random: Random): StreamFault {
  const after = random.whole(0, 12);
  return random.pick<StreamFault>([
    { type: 'cut', after, how: 'reset' },
    { type: 'cut', after, how: 'end' },
    { type: 'error', after },
    { type: 'no-done' },
    { type: 'empty' },
    { type: 'drip', bytes: 9, everyMs: 1 },
  ]);
}
