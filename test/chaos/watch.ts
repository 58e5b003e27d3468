/** What must be true at every moment: nothing that was shown goes away, and a conversation's answers come in order. */
import type { FakeChat } from '../../sandbox/chat.ts';
import { type Asked, answersTo, isRunning, wordsIn } from './asked.ts';

export class Watch {
  readonly faults = new Set<string>();
  readonly #asked: readonly Asked[];
  readonly #shown = new Map<Asked, number>();
  readonly #forgiven = new Set<Asked>();

  /** `asked` may grow. */
  constructor(asked: readonly Asked[], fakes: readonly FakeChat[]) {
    this.#asked = asked;
    for (const fake of fakes) fake.on('change', () => this.#look(fake));
  }

  /**
   * What is shown now may go away once. For when a process is killed which cannot reach the database: what it showed
   * meanwhile nobody knows of, so that another process begins its answers anew. It shows it all the same, since
   * answers that stand still in every outage would be worse, and the two seldom meet.
   */
  forgive(): void {
    for (const [one, shown] of this.#shown) if (shown > 0) this.#forgiven.add(one);
  }

  #look(fake: FakeChat): void {
    const growing = new Map<string, string>();
    for (const [one, messages] of answersTo(this.#asked.filter((asked) => asked.fake === fake))) {
      const { question, conversation, meddled } = one;
      if (messages.length > 0) one.seen = true;
      const shown = new Set(messages.flatMap(({ text }) => wordsIn(text, question.name))).size;
      const before = this.#shown.get(one) ?? 0;
      const isForgiven = shown < before && this.#forgiven.delete(one);
      if (shown < before && !isForgiven && meddled !== 'delete')
        this.faults.add(`${question.name}: ${before - shown} words that were shown went away`);
      this.#shown.set(one, isForgiven ? shown : Math.max(shown, before));
      if (shown === 0 || !messages.some(isRunning)) continue;
      const other = growing.get(conversation);
      if (other) this.faults.add(`${other} and ${question.name} were answered at the same time`);
      growing.set(conversation, question.name);
    }
  }
}
