import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { type Delivery, type LiveReply, openReply } from '../reply/live-reply.ts';
import type { EditPacer } from '../reply/pacer.ts';
import type { Store, Turn, TurnRun } from '../store/store.ts';
import type { ButtonKind, ReplySurface } from './ports.ts';
import { ReplyDeleted } from './stops.ts';
import type { Ending } from './turn.ts';

export interface HeldTurnParts {
  readonly store: Store;
  readonly pacer: EditPacer;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A turn that this process shows, running or still waiting: nobody else writes its messages until it has ended
 * or was let go.
 */
export class HeldTurn {
  readonly turn: Turn;
  readonly surface: ReplySurface;
  readonly reply: LiveReply;
  readonly abort = new AbortController();
  readonly #parts: HeldTurnParts;
  /** What the store is told counts with this; it changes when the turn starts. */
  #run: Promise<TurnRun>;
  #stored: Promise<void> = Promise.resolve();
  readonly #heldAt: number;
  #ended: Promise<Delivery> | undefined;

  constructor(turn: Turn, surface: ReplySurface, parts: HeldTurnParts) {
    this.turn = turn;
    this.surface = surface;
    this.#parts = parts;
    this.#run = Promise.resolve(turn);
    const { store, pacer, clock, log } = parts;
    this.#heldAt = clock.monotonic();
    this.reply = openReply(pacer, surface, {
      turn: `${turn.id}.${turn.attempt}`,
      clock,
      log,
      resume: { text: turn.answer, messages: turn.messages },
      onShown: ({ text, messages }) => {
        this.#stored = this.#run
          .then((run) => store.progress(run, { answer: text, messages }))
          .catch((error) => {
            log.error({ turn: turn.id, err: error }, 'cannot store what is shown');
          });
      },
    });
    this.reply.gone.addEventListener('abort', () => this.abort.abort(new ReplyDeleted()));
  }

  /** The model is about to be asked. */
  async start(): Promise<void> {
    const started = this.#parts.store.start(this.turn.id);
    this.#run = started.catch(() => this.turn);
    await started;
  }

  /** Once it ends: resolves when the end stands in the chat and in the store. */
  get ended(): Promise<Delivery> | undefined {
    return this.#ended;
  }

  /** Ends the turn, once. Rejects when the end could not be stored. */
  end(ending: Ending): Promise<Delivery> {
    this.#ended ??= this.#end(ending);
    return this.#ended;
  }

  /** Leaves the turn to whoever takes it next. Resolves when all that was shown is stored. */
  async letGo(): Promise<void> {
    await this.reply.letGo();
    await this.#stored;
  }

  /** False when there is no reasoning, or it could not be kept: then there is no button for it. */
  async #keep(reasoning: string | undefined): Promise<boolean> {
    if (reasoning === undefined) return false;
    const { store, log } = this.#parts;
    try {
      await store.keepReasoning(await this.#run, reasoning);
      return true;
    } catch (error) {
      log.error({ turn: this.turn.id, err: error }, 'cannot store what the model thought');
      return false;
    }
  }

  async #end(ending: Ending): Promise<Delivery> {
    const { turn, reply } = this;
    const { store, log, clock } = this.#parts;
    const isKept = await this.#keep(ending.reasoning);
    const buttons: readonly ButtonKind[] = isKept ? [...ending.buttons, 'reasoning'] : ending.buttons;
    const delivery = await reply.finish({ ...ending, buttons });
    if (delivery === 'let go') return delivery;
    await store.end(await this.#run, delivery === 'undeliverable' ? 'failed' : ending.end, clock.now());
    const since = (at: number) => Math.round(at - this.#heldAt);
    log.info(
      {
        turn: turn.id,
        end: ending.end,
        delivery,
        characters: reply.text.length,
        firstShownMs: reply.firstShownAt === undefined ? undefined : since(reply.firstShownAt),
        ms: since(clock.monotonic()),
      },
      'turn ended',
    );
    return delivery;
  }
}
