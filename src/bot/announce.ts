import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { openReply } from '../reply/live-reply.ts';
import type { EditPacer } from '../reply/pacer.ts';
import { type ReplySurface, WriteError } from '../reply/surface.ts';
import * as words from './words.ts';

/**
 * Tells the asker that the answer is there: edits notify nobody, so after a long wait one short message does.
 * It is paced like any reply, and sent at most once: rather missed than twice.
 */
export function announce(
  pacer: EditPacer,
  surface: ReplySurface,
  options: { turn: string; clock: Clock; log: Logger },
): void {
  const announcement = openReply(pacer, onceOnly(surface), options);
  announcement.append(words.ready);
  void announcement.finish({ buttons: [] });
}

/** A surface whose one message is the announcement. */
function onceOnly(surface: ReplySurface): ReplySurface {
  return {
    dialect: surface.dialect,
    budgets: () => surface.budgets('post'),
    async post(page) {
      try {
        await surface.announce(page.text);
        return { message: 'announcement' };
      } catch (error) {
        if (error instanceof WriteError && error.fault === 'rate-limited') throw error;
        throw new WriteError('denied', 'The announcement may have been sent.', { cause: error });
      }
    },
    async edit() {
      throw new WriteError('gone', 'An announcement is not edited.');
    },
    activity() {},
    announce: (text) => surface.announce(text),
  };
}
