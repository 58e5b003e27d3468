import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import type { Models } from '../model/models.ts';
import { type LiveReply, openReply } from '../reply/live-reply.ts';
import type { EditPacer } from '../reply/pacer.ts';
import type { Exchange, Store, Turn } from '../store/store.ts';
import { type Admins, isAdmin } from './admins.ts';
import { announce } from './announce.ts';
import { toMessages } from './history.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { gatherPictures } from './pictures.ts';
import type {
  Bot,
  ChatPlatform,
  ConversationKey,
  MessageKey,
  Press,
  Question,
  ReplySurface,
  User,
} from './ports.ts';
import { ReplyDeleted, ShuttingDown, Stopped } from './stops.ts';
import { badEnd, type Ending, interruptedEnd, streamAnswer } from './turn.ts';
import * as words from './words.ts';

/** After a shutdown's grace, how long the last words may take to reach the chat; ms. */
const LAST_WORDS = 5_000;

interface Running {
  readonly turn: Turn;
  readonly surface: ReplySurface;
  readonly reply: LiveReply;
  readonly abort: AbortController;
  /** When this attempt was taken up; ms of the clock's `monotonic`. */
  readonly since: number;
  /** Once the model has ended: resolves when its end stands in the chat and in the store. */
  finished?: Promise<void>;
}

export interface BotParts {
  readonly store: Store;
  readonly models: Pick<Models, 'for'>;
  readonly pacer: EditPacer;
  readonly platforms: readonly ChatPlatform[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Those who may stop and retry other people's answers. */
  readonly admins: Admins;
  /** A wait longer than this ends with a message that notifies; ms, 0 never. */
  readonly announceAfterMs: number;
}

/** Takes questions, runs their turns one at a time per conversation, and sees each to its end in the chat. */
export class PilotlightBot implements Bot {
  readonly #parts: BotParts;
  readonly #queue = new KeyedQueue();
  readonly #running = new Map<number, Running>();
  #closing = false;

  constructor(parts: BotParts) {
    this.#parts = parts;
  }

  async ask(question: Question): Promise<'accepted' | 'seen'> {
    const { store, clock, log } = this.#parts;
    const turn = await store.accept(await this.#inItsConversation(question), clock.now());
    if (!turn) return 'seen';
    log.info(
      {
        turn: turn.id,
        platform: question.platform,
        channel: question.channel,
        characters: question.text.length,
      },
      'question accepted',
    );
    this.#enqueue(turn);
    return 'accepted';
  }

  /** Takes up what an earlier process left unfinished. Call once, when the platforms are connected. */
  async resume(): Promise<void> {
    for (const turn of await this.#parts.store.unfinished()) {
      if (!this.#platform(turn)) continue;
      this.#parts.log.info({ turn: turn.id, state: turn.state }, 'taking up an unfinished turn');
      if (turn.answer === '') this.#enqueue(turn);
      else this.#inLine(this.#open(turn), async () => interruptedEnd(turn.answer));
    }
  }

  async isEngaged(conversation: ConversationKey): Promise<boolean> {
    return this.#parts.store.isKnown(conversation);
  }

  async isOwnReply(message: MessageKey): Promise<boolean> {
    return (await this.#parts.store.turnShowing(message)) !== null;
  }

  async press({ button, turn: shown, platform, user }: Press): Promise<string | null> {
    const [id, attempt] = shown.split('.').map(Number);
    const turn = id === undefined ? null : await this.#parts.store.turn(id);
    if (!turn || turn.question.platform !== platform) return words.alreadyOver;
    if (!this.#may(user, turn)) return words.onlyAsker;
    if (turn.attempt !== attempt) return words.alreadyRetried;
    if (button === 'stop') {
      const running = this.#running.get(turn.id);
      running?.abort.abort(new Stopped(user.name));
      return running ? null : words.alreadyOver;
    }
    // The buttons are on screen before the platform has told us so.
    await this.#running.get(turn.id)?.finished;
    if (this.#closing) return words.shuttingDown;
    // With no text to keep, a retry repairs the message that tells of the failure.
    const keep = button === 'continue' || turn.answer === '';
    const again = await this.#parts.store.again(turn.id, turn.attempt, keep);
    if (!again) return words.alreadyRetried;
    this.#enqueue(again);
    return null;
  }

  async stopConversation({ platform, workspace, conversation }: ConversationKey, user: User): Promise<void> {
    for (const { turn, abort } of this.#running.values()) {
      const { question } = turn;
      const same =
        question.platform === platform &&
        question.workspace === workspace &&
        question.conversation === conversation;
      if (same && this.#may(user, turn)) abort.abort(new Stopped(user.name));
    }
  }

  async messageDeleted(message: MessageKey): Promise<void> {
    const turn = await this.#parts.store.turnShowing(message);
    if (turn) this.#running.get(turn.id)?.reply.deleted();
  }

  /** Lets running answers finish for `graceMs`, then ends the rest as interrupted, said in the chat. */
  async drain(graceMs: number): Promise<void> {
    const { clock } = this.#parts;
    this.#closing = true;
    const idle = this.#queue.idle();
    await Promise.race([idle, sleep(clock, graceMs)]);
    for (const { abort } of this.#running.values()) abort.abort(new ShuttingDown());
    await Promise.race([idle, sleep(clock, LAST_WORDS)]);
  }

  /** A reply to one of our messages goes on in that message's conversation. */
  async #inItsConversation(question: Question): Promise<Question> {
    const { inReplyTo } = question;
    if (inReplyTo === undefined) return question;
    const answered = await this.#parts.store.turnShowing({ ...question, message: inReplyTo });
    return answered ? { ...question, conversation: answered.question.conversation } : question;
  }

  #enqueue(turn: Turn): void {
    const running = this.#open(turn);
    if (this.#queue.isIdle(String(turn.conversationId))) running.reply.working(words.working);
    else running.reply.notice(words.afterEarlier);
    this.#inLine(running, () => this.#answer(running));
  }

  /** Behind the earlier turns of its conversation. */
  #inLine(running: Running, answer: () => Promise<Ending>): void {
    const { turn } = running;
    this.#running.set(turn.id, running);
    void this.#queue.run(String(turn.conversationId), () => this.#run(running, answer));
  }

  #open(turn: Turn): Running {
    const { store, pacer, clock, log } = this.#parts;
    const platform = this.#platform(turn);
    if (!platform) throw new Error(`no platform ${turn.question.platform}`);
    const surface = platform.open(turn.question.address, turn.attempt);
    const reply = openReply(pacer, surface, {
      turn: `${turn.id}.${turn.attempt}`,
      clock,
      log,
      resume: { text: turn.answer, messages: turn.messages },
      onShown: ({ text, messages }) => {
        store.progress(turn.id, { answer: text, messages }).catch((error) => {
          log.error({ turn: turn.id, err: error }, 'cannot store what is shown');
        });
      },
    });
    const abort = new AbortController();
    reply.gone.addEventListener('abort', () => abort.abort(new ReplyDeleted()));
    return { turn, surface, reply, abort, since: clock.monotonic() };
  }

  async #run(running: Running, answer: () => Promise<Ending>): Promise<void> {
    const { turn, reply } = running;
    const { clock, log } = this.#parts;
    const started = clock.monotonic();
    try {
      const ending = await answer().catch((error) => badEnd(error, turn, reply.text, log));
      running.finished = this.#finish(running, ending, started);
      await running.finished;
    } catch (error) {
      log.error({ turn: turn.id, err: error }, 'a turn could not be ended');
    } finally {
      this.#running.delete(turn.id);
    }
  }

  async #finish(running: Running, ending: Ending, started: number): Promise<void> {
    const { turn, reply } = running;
    const { store, log, clock } = this.#parts;
    const delivery = await reply.finish(ending);
    if (delivery === 'stands' && ending.end === 'done') this.#announceIfLate(running);
    await store.end(turn.id, delivery === 'undeliverable' ? 'failed' : ending.end, clock.now());
    log.info(
      {
        turn: turn.id,
        end: ending.end,
        delivery,
        characters: reply.text.length,
        firstShownMs: reply.firstShownAt === undefined ? undefined : Math.round(reply.firstShownAt - started),
        ms: Math.round(clock.monotonic() - started),
      },
      'turn ended',
    );
  }

  #announceIfLate({ turn, surface, since }: Running): void {
    const { pacer, clock, log, announceAfterMs } = this.#parts;
    if (announceAfterMs === 0 || clock.monotonic() - since < announceAfterMs) return;
    announce(pacer, surface, { turn: `${turn.id}.${turn.attempt}.announcement`, clock, log });
  }

  async #answer({ turn, reply, abort }: Running): Promise<Ending> {
    const { store, models, clock, log } = this.#parts;
    if (turn.question.text.trim() === '' && turn.question.images.length === 0) {
      return { end: 'done', footer: words.emptyPrompt, buttons: [] };
    }
    reply.working(words.working);
    reply.notice(null);
    await store.start(turn.id);
    const history = await store.history(turn);
    const { model, name, systemPrompt, takesImages, showReasoning } = models.for(turn.question);
    const { signal } = abort;
    const platform = takesImages ? this.#platform(turn) : undefined;
    const { pictures, notes, blank } = await gatherPictures(turn, history, { platform, signal, clock, log });
    if (blank) return { end: 'failed', footer: notes.join(' '), buttons: takesImages ? ['retry'] : [] };
    let leftOut = false;
    const request = {
      messages: toMessages(systemPrompt, history, turn, pictures),
      continueFrom: turn.answer !== '',
      signal,
      onTrimmed: (messages: number) => {
        leftOut = true;
        this.#cut(turn, history, messages);
      },
    };
    const parts = { model, reply, showReasoning, clock, log: log.child({ model: name }) };
    const ending = await streamAnswer(turn, request, parts);
    const told = [ending.footer, ...notes, leftOut && words.leftOut].filter(Boolean);
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

  #platform(turn: Turn): ChatPlatform | undefined {
    return this.#parts.platforms.find(({ platform }) => platform === turn.question.platform);
  }

  #may(user: User, { question }: Turn): boolean {
    return user.id === question.author.id || isAdmin(this.#parts.admins, question.platform, user);
  }
}
