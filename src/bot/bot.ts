import type { Logger } from 'pino';
import { type Clock, sleep } from '../clock.ts';
import type { Signals } from '../cluster/signals.ts';
import type { TurnQueue } from '../cluster/turn-queue.ts';
import type { Models } from '../model/models.ts';
import type { EditPacer } from '../reply/pacer.ts';
import { isOver, type Store, type Turn } from '../store/store.ts';
import { type Admins, isAdmin } from './admins.ts';
import type { Limits } from './limits.ts';
import type {
  AskedKey,
  Bot,
  ChatPlatform,
  ConversationKey,
  MessageKey,
  PlatformName,
  Press,
  Pressed,
  Question,
  User,
} from './ports.ts';
import { unfolded } from './thought.ts';
import { TurnRunner } from './turn-runner.ts';
import * as words from './words.ts';

/** Longer than a sign of life stays up after the end of its turn; ms. */
const SIGN_LEFT = 30_000;

/** How long an end that stands in the chat may take to be in the store of another process. */
const STORED_WITHIN = { looks: 6, everyMs: 200 };

export interface BotParts {
  readonly store: Store;
  readonly queue: TurnQueue;
  readonly signals: Signals;
  readonly models: Pick<Models, 'for'>;
  readonly pacer: EditPacer;
  readonly platforms: readonly ChatPlatform[];
  readonly clock: Clock;
  readonly log: Logger;
  /** What is too much to ask. */
  readonly limits: Pick<Limits, 'refusal'>;
  /** Those who may stop and retry other people's answers. */
  readonly admins: Admins;
  /** A wait longer than this ends with a message that notifies; ms, 0 never. */
  readonly announceAfterMs: number;
}

/**
 * Takes questions and what people do about their answers, in whichever process it reaches; the turns are run,
 * here or elsewhere, by a {@link TurnRunner}.
 */
export class PilotlightBot implements Bot {
  readonly #parts: BotParts;
  readonly #runner: TurnRunner;
  #closing = false;

  constructor(parts: BotParts) {
    this.#parts = parts;
    this.#runner = new TurnRunner(parts);
  }

  /** Begins to run turns, also those that an earlier process left. Call once, when the platforms are connected. */
  async start(): Promise<void> {
    const { queue, platforms } = this.#parts;
    await this.#tidy();
    await queue.start(
      (job) => this.#runner.run(job),
      platforms.map(({ platform }) => platform),
    );
  }

  async ask(question: Question): Promise<'accepted' | 'seen'> {
    const { store, queue, limits, clock, log } = this.#parts;
    const inConversation = await this.#inItsConversation(question);
    const accepted = await store.transaction(async (transaction) => {
      const turn = await transaction.accept(inConversation, clock.now());
      if (!turn) return null;
      const refusal = await limits.refusal(turn, transaction.limits);
      if (refusal === null) await queue.add(turn, transaction);
      return { turn, refusal };
    });
    if (!accepted) return 'seen';
    const { turn, refusal } = accepted;
    log.info(
      {
        turn: turn.id,
        platform: question.platform,
        channel: question.channel,
        characters: question.text.length,
      },
      'question accepted',
    );
    if (refusal === null) await this.#tellOthers(turn);
    else this.#runner.refuse(turn, refusal);
    return 'accepted';
  }

  async isEngaged(conversation: ConversationKey): Promise<boolean> {
    return this.#parts.store.isKnown(conversation);
  }

  async isOwnReply(message: MessageKey): Promise<boolean> {
    return (await this.#parts.store.turnShowing(message)) !== null;
  }

  async isTaken(question: MessageKey): Promise<boolean> {
    return this.#parts.store.isTaken(question);
  }

  async lastAsked(platform: PlatformName, since: number): Promise<readonly AskedKey[]> {
    return this.#parts.store.lastAsked(platform, since);
  }

  async press({ button, turn: shown, platform, user }: Press): Promise<Pressed> {
    const { store, queue, limits } = this.#parts;
    const [id, attempt] = shown.split('.').map(Number);
    const turn = id === undefined ? null : await store.turn(id);
    if (!turn || turn.question.platform !== platform) return answered(words.alreadyOver);
    if (button === 'reasoning') {
      return answered(words.thought(unfolded(await store.reasoning(turn.id), platform)));
    }
    if (!this.#may(user, turn)) return answered(words.onlyAsker);
    if (turn.attempt !== attempt) return { answer: words.alreadyRetried, spent: true };
    if (button === 'stop') {
      if (isOver(turn)) return answered(words.alreadyOver);
      await this.#stop(turn, user);
      return answered(null);
    }
    const over = await this.#whenOver(turn);
    if (this.#closing) return answered(words.shuttingDown);
    const refusal = await limits.refusal(turn, store.limits);
    if (refusal !== null) return answered(refusal);
    // With no text to keep, a retry repairs the message that tells of the failure.
    const keep = button === 'continue' || over.answer === '';
    const again = await store.transaction(async (transaction) => {
      const again = await transaction.again(turn, keep);
      if (again) await queue.add(again, transaction);
      return again;
    });
    if (!again) return answered(words.alreadyRetried);
    await this.#tellOthers(again);
    // Where text came in meanwhile, the message shows more than the adapter was told of with the press.
    return { answer: null, spent: !keep && over.answer === turn.answer };
  }

  async stopConversation({ platform, workspace, conversation }: ConversationKey, user: User): Promise<void> {
    for (const turn of await this.#parts.store.unfinished()) {
      const { question } = turn;
      const same =
        question.platform === platform &&
        question.workspace === workspace &&
        question.conversation === conversation;
      if (same && this.#may(user, turn)) await this.#stop(turn, user);
    }
  }

  async messageDeleted(message: MessageKey): Promise<void> {
    const turn = await this.#parts.store.turnShowing(message);
    if (turn) await this.#parts.signals.send({ kind: 'deleted', turn: turn.id });
  }

  /** Lets running answers finish for `graceMs`, then ends the rest as interrupted, said in the chat. */
  async drain(graceMs: number): Promise<void> {
    this.#closing = true;
    await this.#runner.drain(graceMs);
  }

  /** Takes away the signs of life of a process that was killed just after its last answers had ended. */
  async #tidy(): Promise<void> {
    const { store, platforms, log } = this.#parts;
    try {
      for (const { question, attempt } of await store.lastEnded(SIGN_LEFT)) {
        const platform = platforms.find((one) => one.platform === question.platform);
        platform?.open(question.address, attempt, 'text').activity(null);
      }
    } catch (error) {
      log.warn({ err: error }, 'cannot tell which answers ended last; signs of life may stay');
    }
  }

  /** A reply to one of our messages goes on in that message's conversation. */
  async #inItsConversation(question: Question): Promise<Question> {
    const { inReplyTo } = question;
    if (inReplyTo === undefined) return question;
    const answered = await this.#parts.store.turnShowing({ ...question, message: inReplyTo });
    return answered ? { ...question, conversation: answered.question.conversation } : question;
  }

  /** The buttons are on screen before the platform has told us so, and the store knows after that. */
  async #whenOver({ id, ...turn }: Turn): Promise<Turn> {
    const { store, clock } = this.#parts;
    await this.#runner.ended(id);
    for (let looks = 1; ; looks += 1) {
      const now = (await store.turn(id)) ?? { id, ...turn };
      if (now.state !== 'running' || looks === STORED_WITHIN.looks) return now;
      await sleep(clock, STORED_WITHIN.everyMs);
    }
  }

  /** That there is a turn in line, to be run or to be shown as waiting. */
  async #tellOthers({ id, conversationId }: Turn): Promise<void> {
    const { queue, signals, log } = this.#parts;
    await queue.wake();
    await signals.send({ kind: 'waiting', turn: id, conversation: conversationId }).catch((error) => {
      log.warn({ turn: id, err: error }, 'cannot say that a turn waits');
    });
  }

  async #stop({ id, run }: Turn, { name }: User): Promise<void> {
    await this.#parts.signals.send({ kind: 'stop', turn: id, run, ...(name !== undefined && { by: name }) });
  }

  #may(user: User, { question }: Turn): boolean {
    return user.id === question.author.id || isAdmin(this.#parts.admins, question.platform, user);
  }
}

const answered = (answer: string | null): Pressed => ({ answer, spent: false });
