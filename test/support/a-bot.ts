import { pino } from 'pino';
import { type BotParts, PilotlightBot } from '../../src/bot/bot.ts';
import type { Clock } from '../../src/clock.ts';
import { LocalTurnQueue } from '../../src/cluster/local-turn-queue.ts';
import { LocalSignals } from '../../src/cluster/signals.ts';
import type { Model } from '../../src/model/model.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import type { Store } from '../../src/store/store.ts';
import type { ChatDouble } from './chat-double.ts';

interface Parts extends Partial<BotParts> {
  readonly store: Store;
  readonly clock: Clock;
  readonly chat: ChatDouble;
  readonly model: Model;
  readonly takesImages?: boolean;
  readonly showReasoning?: boolean;
}

/** The real bot with one model for everybody, as the only process unless told otherwise. */
export function aBot({ chat, model, takesImages = false, showReasoning = false, ...parts }: Parts) {
  const { store, clock, log = pino({ level: 'silent' }) } = parts;
  return new PilotlightBot({
    queue: new LocalTurnQueue({ store, clock, log }),
    signals: new LocalSignals(),
    models: {
      for: () => ({ model, name: 'default', systemPrompt: 'Be brief.', takesImages, showReasoning }),
    },
    pacer: new EditPacer({ clock, log }),
    platforms: [chat],
    log,
    admins: { slack: ['U9'], discord: [] },
    limits: { refusal: async () => null },
    announceAfterMs: 60_000,
    ...parts,
  });
}
