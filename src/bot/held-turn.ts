import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import { type Delivery, type LiveReply, openReply, type ShownState } from '../reply/live-reply.ts';
import type { EditPacer } from '../reply/pacer.ts';
import { LostTurn, type Store, type Turn, type TurnRun } from '../store/store.ts';
import type { ButtonKind, ReplySurface } from './ports.ts';
import { Left, ReplyDeleted } from './stops.ts';
import type { Ending } from './turn.ts';

/** Until a write that the store refused is tried again, doubled up to the most; ms. */
const STORE_AGAIN = { first: 200, most: 5_000 };

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
  readonly #heldAt: number;
  /** With this the store knows that it is us who write. */
  #run: Promise<TurnRun>;
  readonly #began: TurnRun | undefined;
  #started = false;
  #left = false;
  #lost = false;
  #unstored: ShownState | undefined;
  #storing: Promise<void> | undefined;
  #ended: Promise<Delivery> | undefined;

  /** `began`: where it is started already. */
  constructor(turn: Turn, surface: ReplySurface, parts: HeldTurnParts, began?: TurnRun) {
    this.turn = turn;
    this.surface = surface;
    this.#began = began;
    this.#run = Promise.resolve(began ?? turn);
    this.#parts = parts;
    const { pacer, clock, log } = parts;
    this.#heldAt = clock.monotonic();
    this.reply = openReply(pacer, surface, {
      turn: `${turn.id}.${turn.attempt}`,
      clock,
      log,
      resume: { text: turn.answer, messages: turn.messages },
      onShown: (shown) => this.#store(shown),
    });
    this.reply.gone.addEventListener('abort', () => this.abort.abort(new ReplyDeleted()));
  }

  /** Once it ends: resolves when the end stands in the chat and in the store. */
  get ended(): Promise<Delivery> | undefined {
    return this.#ended;
  }

  /** True once it runs; until then it waits in line. */
  get started(): boolean {
    return this.#started;
  }

  /** True when another process goes on with it. */
  get left(): boolean {
    return this.#left;
  }

  /** Takes the turn from whoever had it before. Rejects with LostTurn when it has ended. */
  async start(): Promise<void> {
    this.#started = true;
    if (this.#began) return;
    const started = this.#parts.store.start(this.turn.id);
    this.#run = started.catch(() => this.turn);
    await started;
  }

  /** Ends the turn, once; 'let go' when somebody else goes on with it. */
  end(ending: Ending): Promise<Delivery> {
    this.#ended ??= this.#end(ending);
    return this.#ended;
  }

  /** Stops what goes on, for another process to go on with; then comes `letGo`. */
  leave(): void {
    this.#left = true;
    this.abort.abort(new Left());
  }

  /** Resolves when nothing is written any more and all that was shown, or may be, is stored. */
  async letGo(): Promise<void> {
    const inDoubt = await this.reply.letGo();
    await this.#storing;
    // Whoever goes on with a turn that was started looks for its messages before it posts them.
    if (inDoubt && !this.#started) await this.#untilStored(() => this.start());
  }

  /** Another process has the turn already: nothing is written any more, nor stored. */
  lose(): void {
    this.#lost = true;
    this.leave();
    void this.reply.letGo();
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
    await this.#storing;
    const end = delivery === 'undeliverable' ? 'failed' : ending.end;
    if (!(await this.#untilStored(async () => store.end(await this.#run, end, clock.now())))) return 'let go';
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

  /** The latest is stored; what comes in meanwhile replaces what waits. */
  #store(shown: ShownState): void {
    this.#unstored = shown;
    this.#storing ??= this.#storeAll().finally(() => {
      this.#storing = undefined;
    });
  }

  async #storeAll(): Promise<void> {
    const { store } = this.#parts;
    while (this.#unstored) {
      const { text, messages } = this.#unstored;
      this.#unstored = undefined;
      await this.#untilStored(async () => store.progress(await this.#run, { answer: text, messages }));
    }
  }

  /** Tries again until the store has taken it. False when it is another process's to write. */
  async #untilStored(write: () => Promise<void>): Promise<boolean> {
    const { clock, log } = this.#parts;
    for (let wait = STORE_AGAIN.first; !this.#lost; wait = Math.min(2 * wait, STORE_AGAIN.most)) {
      try {
        await write();
        return true;
      } catch (error) {
        if (error instanceof LostTurn) this.lose();
        else log.error({ turn: this.turn.id, err: error }, 'cannot store how a turn goes; trying again');
      }
      if (!this.#lost) await sleep(clock, wait);
    }
    return false;
  }
}
