import { pino } from 'pino';
import { openReply } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import type { tuning } from '../../src/reply/policy.ts';
import { StrictPlatform } from '../../test/reply/strict-platform.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type Figures, figuresOf, horizonMs, type Scenario, type Stream } from './scenario.ts';

const log = pino({ level: 'silent' });
/** How long a status message has stood when the first token comes: its post weighs on no budget any more. */
export const standsForMs = 60_000;

/** The real pacer and live replies on a virtual clock. */
export async function ours(
  scenario: Scenario,
  streams: readonly Stream[],
  tune: Partial<typeof tuning> = {},
): Promise<Figures> {
  const clock = new VirtualClock();
  const platform = new StrictPlatform(clock, scenario.rules, () => scenario.latencyMs);
  const pacer = new EditPacer({ clock, log, tune });
  const replies = streams.map(({ channel }, i) =>
    openReply(pacer, platform.surface(channel), { turn: `${i}`, clock, log }),
  );
  if (scenario.standing) {
    for (const reply of replies) reply.notice('Waking the model');
    await clock.advance(standsForMs);
  }
  const start = clock.monotonic();
  const statusWrites = platform.writes.length;
  for (const [i, reply] of replies.entries()) {
    const { tokens, times } = streams[i]!;
    const write = (token: number) => {
      if (token === 0) reply.notice(null);
      reply.append(tokens[token]!);
      if (token === tokens.length - 1) void reply.finish({ buttons: ['retry'] });
      else clock.after(start + times[token + 1]! - clock.monotonic(), () => write(token + 1));
    };
    clock.after(times[0]!, () => write(0));
  }
  await clock.advance(horizonMs);
  const writes = platform.writes.slice(statusWrites).map((write) => ({ ...write, at: write.at - start }));
  return figuresOf(scenario, streams, writes, platform.refused.length);
}
