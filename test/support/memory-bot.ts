import { vi } from 'vitest';
import type {
  AskedKey,
  Bot,
  MessageKey,
  PlatformName,
  Press,
  Pressed,
  Question,
  User,
} from '../../src/bot/ports.ts';

/** A bot that only remembers what it was told, for tests of adapters. */
export class MemoryBot implements Bot {
  /** Each once, as the real bot takes them. */
  readonly questions: Question[] = [];
  /** All that were brought, also those that were taken before. */
  readonly offered: Question[] = [];
  readonly presses: Press[] = [];
  readonly stops: { conversation: string; user: User }[] = [];
  readonly deleted: MessageKey[] = [];
  /** Conversations that the bot takes part in. */
  readonly engaged = new Set<string>();
  /** Messages that show its answers: "channel message". */
  readonly own = new Set<string>();
  /** Set to make every call fail, as a broken store would. */
  broken = false;
  pressAnswer: string | null = null;
  /** What is pressed is a button of an answer that went on in new messages. */
  pressSpends = false;

  async ask(question: Question): Promise<'accepted' | 'seen'> {
    this.#check();
    this.offered.push(question);
    const same = ({ channel, message }: Question) =>
      channel === question.channel && message === question.message;
    if (this.questions.some(same)) return 'seen';
    this.questions.push(question);
    this.engaged.add(question.conversation);
    return 'accepted';
  }

  async isEngaged({ conversation }: { conversation: string }): Promise<boolean> {
    this.#check();
    return this.engaged.has(conversation);
  }

  async isOwnReply({ channel, message }: MessageKey): Promise<boolean> {
    this.#check();
    return this.own.has(`${channel} ${message}`);
  }

  async isTaken({ channel, message }: MessageKey): Promise<boolean> {
    return this.questions.some((question) => question.channel === channel && question.message === message);
  }

  async lastAsked(platform: PlatformName): Promise<readonly AskedKey[]> {
    this.#check();
    const newest = new Map(this.questions.map((question) => [question.conversation, question]));
    return [...newest.values()].filter((question) => question.platform === platform).reverse();
  }

  async press(press: Press): Promise<Pressed> {
    this.#check();
    this.presses.push(press);
    return { answer: this.pressAnswer, spent: this.pressSpends };
  }

  async stopConversation({ conversation }: { conversation: string }, user: User): Promise<void> {
    this.stops.push({ conversation, user });
  }

  async messageDeleted(message: MessageKey): Promise<void> {
    this.deleted.push(message);
  }

  /** The question after those that were taken before. */
  async next(): Promise<Question> {
    const { length } = this.questions;
    return vi.waitUntil(() => this.questions[length], { timeout: 10_000 });
  }

  #check(): void {
    if (this.broken) throw new Error('the disk is full');
  }
}
