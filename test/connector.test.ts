import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChatPlatform, PlatformName } from '../src/bot/ports.ts';
import { Connector } from '../src/connector.ts';
import { OperatorError, Unreachable } from '../src/errors.ts';
import { MemoryBot } from './support/memory-bot.ts';
import { VirtualClock } from './support/virtual-clock.ts';

/** A platform that starts as it is told: one outcome for each try, and the last of them from then on. */
class PlatformDouble implements Pick<ChatPlatform, 'platform' | 'start'> {
  readonly platform: PlatformName;
  /** When it was tried; ms. */
  readonly tries: number[] = [];
  readonly #clock: VirtualClock;
  readonly #outcomes: (() => Promise<void>)[];

  constructor(platform: PlatformName, clock: VirtualClock, ...outcomes: (() => Promise<void>)[]) {
    this.platform = platform;
    this.#clock = clock;
    this.#outcomes = outcomes;
  }

  start(): Promise<void> {
    this.tries.push(this.#clock.monotonic());
    return (this.#outcomes.length > 1 ? this.#outcomes.shift()! : this.#outcomes[0]!)();
  }

  /** Between the tries; ms. */
  get pauses(): number[] {
    return this.tries.slice(1).map((at, i) => at - this.tries[i]!);
  }
}

const connected = async () => {};
const unreachable = async () => {
  throw new Unreachable('nobody there');
};
const mistaken = async () => {
  throw new OperatorError('get another token');
};
const silent = () => new Promise<void>(() => {});

describe('the chat platforms at the start', () => {
  let clock: VirtualClock;
  let lines: Record<string, unknown>[];

  beforeEach(() => {
    clock = new VirtualClock();
    lines = [];
  });

  const connectorOf = (...platforms: PlatformDouble[]) =>
    new Connector({
      platforms: platforms as unknown as ChatPlatform[],
      clock,
      log: pino({}, { write: (line) => void lines.push(JSON.parse(line)) }),
    });
  const slack = (...outcomes: (() => Promise<void>)[]) => new PlatformDouble('slack', clock, ...outcomes);
  const discord = (...outcomes: (() => Promise<void>)[]) => new PlatformDouble('discord', clock, ...outcomes);
  const about = (platform: PlatformName) => lines.filter((line) => line.platform === platform);

  it('that cannot be reached are tried again, after ever longer pauses, until they can be', async () => {
    const away = discord(...Array.from({ length: 12 }, () => unreachable), connected);
    await connectorOf(slack(connected), away).start(new MemoryBot());
    await clock.advance(20 * 60_000);
    expect(away.tries).toHaveLength(13);
    for (const [i, pause] of away.pauses.entries()) {
      const longest = Math.min(60_000, 1_000 * 2 ** i);
      expect(pause).toBeGreaterThanOrEqual(0.75 * longest);
      expect(pause).toBeLessThanOrEqual(longest);
    }
    expect(about('discord').at(0)).toMatchObject({ level: 50, msg: 'nobody there', retryInMs: 1_000 });
    expect(about('discord').at(-1)).toMatchObject({ msg: 'connected' });
  });

  it('do not hold each other up when one does not answer', async () => {
    const connector = connectorOf(slack(connected), discord(silent));
    await connector.start(new MemoryBot());
    const tried = connector.tried(10_000);
    await clock.advance(10_000);
    await tried;
    expect(about('slack')).toMatchObject([{ msg: 'connected' }]);
  });

  it('are tried until one is connected, also when another is given up later', async () => {
    const late = () =>
      new Promise<void>((_, reject) => clock.after(5_000, () => reject(new Unreachable('no'))));
    const started = connectorOf(slack(unreachable, connected), discord(late)).start(new MemoryBot());
    await clock.advance(6_000);
    await started;
    expect(about('slack').at(-1)).toMatchObject({ msg: 'connected' });
  });

  it('with a wrong token are told of once, and not tried again', async () => {
    const wrong = discord(mistaken);
    await connectorOf(slack(connected), wrong).start(new MemoryBot());
    await clock.advance(60 * 60_000);
    expect(wrong.tries).toHaveLength(1);
    expect(about('discord')).toMatchObject([{ level: 50, msg: 'get another token' }]);
  });

  it('that turn out to have a wrong token are tried no more', async () => {
    const wrong = discord(unreachable, mistaken);
    await connectorOf(slack(connected), wrong).start(new MemoryBot());
    await clock.advance(60 * 60_000);
    expect(wrong.tries).toHaveLength(2);
    expect(about('discord').at(-1)).toMatchObject({ level: 50, msg: 'get another token' });
  });

  it('are tried no more once the bot stops', async () => {
    const away = discord(unreachable);
    const connector = connectorOf(slack(connected), away);
    await connector.start(new MemoryBot());
    await clock.advance(5_000);
    const { length } = away.tries;
    expect(length).toBeGreaterThan(1);
    connector.stop();
    await clock.advance(60 * 60_000);
    expect(away.tries).toHaveLength(length);
  });

  it('end the start when there is none, saying what each lacks, for whoever starts the bot again', async () => {
    const away = discord(unreachable);
    const started = connectorOf(slack(mistaken), away).start(new MemoryBot());
    await expect(started).rejects.toThrow(/get another token\nnobody there/);
    await expect(started).rejects.toBeInstanceOf(OperatorError);
    await clock.advance(60 * 60_000);
    expect(away.tries).toHaveLength(1);
  });

  it('that fail in a way nobody thought of end the start with it when there is no other', async () => {
    const odd = async () => {
      throw new TypeError('odd');
    };
    await expect(connectorOf(slack(odd)).start(new MemoryBot())).rejects.toThrow(TypeError);
  });
});
