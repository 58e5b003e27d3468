import { type Clock, sleep } from '../clock.ts';
import type { Signal } from '../cluster/signals.ts';
import type { Job, RunEnd } from '../cluster/turn-queue.ts';
import { type Exchange, isOver, LostTurn, type Turn, type TurnRun } from '../store/store.ts';
import { announce } from './announce.ts';
import type { BotParts } from './bot.ts';
import { HeldTurn } from './held-turn.ts';
import { sessionOf, toMessages } from './history.ts';
import { PictureCache } from './picture-cache.ts';
import { gatherPictures, type Pictures } from './pictures.ts';
import type { Begun, ChatPlatform } from './ports.ts';
import { ReadablePictures } from './readable-pictures.ts';
import { ShuttingDown, Stopped } from './stops.ts';
import { badEnd, crashedEnd, type Ending, interruptedEnd, streamAnswer } from './turn.ts';
import { tellUndelivered } from './undelivered.ts';
import * as words from './words.ts';

/** After a shutdown's grace, how long the last words may take to reach the chat; ms. */
const LAST_WORDS = 5_000;
/** Longer than it takes to get a dead process's turn; ms. */
const STOP_KEPT = 60_000;
/** A turn that is shown so soon after it was asked was not shown as waiting before; ms. */
const AT_ONCE = 1_000;
/** A turn whose process died so often is not tried any more; after more, not even its text is shown again. */
const MOST_CRASHES = { tried: 3, shown: 6 };

type Stop = Extract<Signal, { kind: 'stop' }>;

/**
 * Runs the turns that the queue hands to this process, and sees each to its end in the chat. While a turn runs
 * it also shows the ones that wait behind it, and lets go of them before the next is handed out, maybe elsewhere:
 * so every message has one writer at a time.
 */
export class TurnRunner {
  readonly #parts: Omit<BotParts, 'admins'>;
  /** The turns that this process shows, by their ids. */
  readonly #held = new Map<number, HeldTurn>();
  /** The waiting turns that this process shows, by the conversation whose turn it runs. */
  readonly #lines = new Map<number, HeldTurn[]>();
  /** What people want stopped and this process does not show: maybe it gets it. */
  readonly #stops = new Map<number, Stop>();
  readonly #pictures: PictureCache;
  /** The grace is over: everything ends now. */
  #graceOver = false;

  constructor(parts: Omit<BotParts, 'admins'>) {
    this.#parts = parts;
    this.#pictures = new PictureCache(parts.clock);
    parts.signals.listen((signal) => this.#hear(signal));
  }

  /** Runs one turn. Rejects when the store cannot be asked for it. */
  async run({ turn: id, since, crashes, lost }: Job): Promise<RunEnd> {
    const { store, clock } = this.#parts;
    const stored = await store.turn(id);
    if (!stored || isOver(stored) || lost.aborted) return 'over';
    const turn = stored.answer !== '' && crashes >= MOST_CRASHES.shown ? await this.#anew(stored) : stored;
    // Showing its text again may be what its process dies of: that counts, too.
    const run = turn && turn.answer !== '' ? await store.start(id) : undefined;
    if (!turn || lost.aborted) return 'over';
    const held = this.#hold(turn, begunOf(turn, clock), run);
    const line: HeldTurn[] = [];
    this.#lines.set(turn.conversationId, line);
    const lose = () => {
      for (const each of [held, ...line]) each.lose();
    };
    lost.addEventListener('abort', lose);
    let over = false;
    try {
      void this.#showLine(store.waiting(turn.conversationId), line);
      const ending = await this.#ending(held, crashes);
      over = ending !== undefined && (await this.#end(held, ending, since));
      return over ? 'over' : 'back';
    } finally {
      if (!over) await held.letGo();
      this.#release(held);
      if (this.#lines.get(turn.conversationId) === line) this.#lines.delete(turn.conversationId);
      await Promise.all(line.map((waiting) => this.#letGo(waiting)));
      lost.removeEventListener('abort', lose); // the signal may live as long as the process
    }
  }

  /** Ends a turn that is not to be run with what the person is told, ahead of what its conversation waits for. */
  refuse(turn: Turn, refusal: string): void {
    const held = this.#hold(turn);
    const ending: Ending = { end: 'failed', footer: refusal, buttons: ['retry'] };
    // Started, so that no other process shows it as waiting.
    const started = held.start().catch((error) => {
      this.#parts.log.warn({ turn: turn.id, err: error }, 'cannot take a turn that is refused');
    });
    void started.then(() => this.#end(held, ending)).finally(() => this.#release(held));
  }

  /** Resolves when this turn's end, if one is under way here, stands in the chat and in the store. */
  async ended(turn: number): Promise<void> {
    await this.#held.get(turn)?.ended;
  }

  /**
   * Lets running answers finish for `graceMs`. What shows no text by then goes on in another process where there
   * can be one; the rest ends as interrupted, said in the chat.
   */
  async drain(graceMs: number): Promise<void> {
    const { queue, clock } = this.#parts;
    const idle = queue.stop();
    await Promise.race([idle, sleep(clock, graceMs)]);
    this.#graceOver = true;
    for (const held of this.#held.values()) this.#cutShort(held);
    await Promise.race([idle, sleep(clock, LAST_WORDS)]);
    for (const held of this.#held.values()) held.lose();
  }

  #hear(signal: Signal): void {
    if (signal.kind === 'stop') this.#stop(signal);
    else if (signal.kind === 'deleted') this.#held.get(signal.turn)?.reply.deleted();
    else {
      const line = this.#lines.get(signal.conversation);
      if (line) void this.#showLine([signal.turn], line);
    }
  }

  /** A turn that nobody has in hand at the moment is stopped as soon as somebody has. */
  #stop(stop: Stop): void {
    const held = this.#held.get(stop.turn);
    held?.abort.abort(new Stopped(stop.by));
    if (held) return;
    this.#stops.set(stop.turn, stop);
    this.#parts.clock.after(STOP_KEPT, () => {
      if (this.#stops.get(stop.turn) === stop) this.#stops.delete(stop.turn);
    });
  }

  /** Shows that these turns wait; the line is that of the turn before them. */
  async #showLine(waiting: readonly number[] | Promise<readonly number[]>, line: HeldTurn[]): Promise<void> {
    try {
      for (const turn of await waiting) await this.#showWaiting(turn, line);
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'cannot look who waits behind a turn');
    }
  }

  async #showWaiting(id: number, line: HeldTurn[]): Promise<void> {
    const turn = await this.#parts.store.turn(id);
    if (turn?.state !== 'queued' || this.#held.has(id)) return;
    if (this.#lines.get(turn.conversationId) !== line) return;
    const waiting = this.#hold(turn, begunOf(turn, this.#parts.clock));
    line.push(waiting);
    waiting.reply.notice(words.afterEarlier);
    const { reply, abort } = waiting;
    const end = () => {
      if (!waiting.left)
        void this.#end(waiting, badEnd(abort.signal.reason, turn, reply.text, this.#parts.log));
    };
    abort.signal.addEventListener('abort', end);
    if (abort.signal.aborted) end();
  }

  async #letGo(waiting: HeldTurn): Promise<void> {
    await waiting.ended;
    await waiting.letGo();
    this.#release(waiting);
  }

  /** Leaves what stands of a turn as it is, for a new message; null when somebody else does. */
  async #anew({ id }: Turn): Promise<Turn | null> {
    const { store, clock } = this.#parts;
    const run = await store.start(id);
    await store.end(run, 'failed', clock.now());
    return store.again(run, false);
  }

  /** `run`: of a turn that is started already. */
  #hold(turn: Turn, begun: Begun = 'nothing', run?: TurnRun): HeldTurn {
    const surface = this.#platform(turn).open(turn.question.address, turn.attempt, begun);
    const held = new HeldTurn(turn, surface, this.#parts, run);
    this.#held.set(turn.id, held);
    const stop = this.#stops.get(turn.id);
    if (stop?.run === turn.run) held.abort.abort(new Stopped(stop.by));
    if (this.#graceOver) this.#cutShort(held);
    return held;
  }

  #release(held: HeldTurn): void {
    if (this.#held.get(held.turn.id) === held) this.#held.delete(held.turn.id);
  }

  #cutShort(held: HeldTurn): void {
    const goesOn = this.#parts.queue.handsOn && (!held.started || held.reply.text === '');
    if (goesOn && !held.ended) held.leave();
    else held.abort.abort(new ShuttingDown());
  }

  /** Undefined when somebody else is to go on with the turn. */
  async #ending(held: HeldTurn, crashes: number): Promise<Ending | undefined> {
    const { turn, reply, abort } = held;
    const { log, queue } = this.#parts;
    try {
      reply.working(words.working);
      await held.start();
      log.info({ turn: turn.id, conversation: turn.conversationId, crashes }, 'turn started');
      if (crashes >= MOST_CRASHES.tried) return crashedEnd(turn.answer);
      abort.signal.throwIfAborted();
      // It was running when its process ended.
      if (turn.state === 'running' && turn.answer !== '') return interruptedEnd(turn.answer);
      const ending = await this.#answer(held);
      return held.left ? undefined : ending;
    } catch (error) {
      if (held.left || error instanceof LostTurn) return undefined;
      // The store does not answer: while nothing is shown, the turn can be run again.
      if (queue.handsOn && reply.text === '' && !abort.signal.aborted) throw error;
      return badEnd(error, turn, reply.text, log);
    }
  }

  /** True when the turn has ended, false when somebody else goes on with it. */
  async #end(held: HeldTurn, ending: Ending, since?: number): Promise<boolean> {
    const { turn, surface } = held;
    const { pacer, clock, log, announceAfterMs } = this.#parts;
    const delivery = await held.end(ending);
    const late = since !== undefined && announceAfterMs > 0 && clock.now() - since >= announceAfterMs;
    if (late && delivery === 'stands' && ending.end === 'done')
      announce(pacer, surface, { turn: `${turn.id}.${turn.attempt}.announcement`, clock, log });
    if (delivery === 'undeliverable') void tellUndelivered(this.#platform(turn), turn, log);
    return delivery !== 'let go';
  }

  async #answer({ turn, reply, abort }: HeldTurn): Promise<Ending> {
    const { store, models, clock, log } = this.#parts;
    if (turn.question.text.trim() === '' && turn.question.images.length === 0) {
      return { end: 'done', footer: words.emptyPrompt(turn.question.platform), buttons: [] };
    }
    reply.notice(null);
    const history = await store.history(turn);
    const { model, name, systemPrompt, takesImages, showReasoning } = models.for(turn.question);
    const { signal } = abort;
    const platform = takesImages ? this.#platform(turn) : undefined;
    const { pictures, notes, blank } = await gatherPictures(turn, history, {
      platform,
      cache: this.#pictures,
      signal,
      clock,
      log,
    });
    if (blank) return { end: 'failed', footer: notes.join(' '), buttons: takesImages ? ['retry'] : [] };
    const messagesWith = (some: Pictures) => toMessages(systemPrompt, history, turn, some);
    const reader = new ReadablePictures({ model, turn, pictures, messagesWith, log });
    let leftOut = false;
    const request = {
      messages: messagesWith(pictures),
      session: sessionOf(turn.question),
      continueFrom: turn.answer !== '',
      signal,
      onTrimmed: (messages: number) => {
        leftOut = true;
        this.#cut(turn, history, messages);
      },
    };
    const parts = { model: reader, reply, showReasoning, clock, log: log.child({ model: name }) };
    const ending = await streamAnswer(turn, request, parts);
    const told = [
      ending.footer,
      ...notes,
      reader.leftOut && words.picturesRefused,
      leftOut && words.leftOut,
    ].filter(Boolean);
    return told.length > 0 ? { ...ending, footer: told.join(' ') } : ending;
  }

  /** Two messages a turn: the last one of those left out is where the conversation begins from now on. */
  #cut(turn: Turn, history: readonly Exchange[], messages: number): void {
    const last = history[Math.ceil(messages / 2) - 1];
    if (!last) return;
    this.#parts.store.cut(turn.conversationId, last.turn).catch((error) => {
      this.#parts.log.error({ turn: turn.id, err: error }, 'cannot store where the conversation begins');
    });
  }

  /** It is here: the queue hands out no turns of others. */
  #platform({ question }: Turn): ChatPlatform {
    return this.#parts.platforms.find(({ platform }) => platform === question.platform)!;
  }
}

/**
 * A dead process may have posted something and not stored it; one that showed a turn as waiting, too. (One that
 * lives and is in doubt marks the turn as running: see HeldTurn.letGo.)
 */
function begunOf({ state, run, messages, askedAt }: Turn, clock: Clock): Begun {
  if (state === 'running') return 'text';
  const shown = run > 0 || (messages.length === 0 && clock.now() - askedAt > AT_ONCE);
  return shown ? 'line' : 'nothing';
}
