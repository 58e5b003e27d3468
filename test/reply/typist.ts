import type { Clock } from '../../src/clock.ts';
import type { LiveReply } from '../../src/reply/live-reply.ts';

/** A model that writes `tokens` tokens of about four characters at `perSecond` tokens a second. */
export function type(
  clock: Clock,
  reply: Pick<LiveReply, 'append'>,
  options: { text: string; perSecond?: number; delayMs?: number; atEnd?: () => void },
): void {
  const { text, perSecond = 50, delayMs = 0, atEnd } = options;
  const start = clock.monotonic() + delayMs;
  const next = (from: number) => {
    if (from >= text.length) return atEnd?.();
    const at = start + (from / 4) * (1000 / perSecond);
    clock.after(at - clock.monotonic(), () => {
      reply.append(text.slice(from, from + 4));
      next(from + 4);
    });
  };
  next(0);
}
