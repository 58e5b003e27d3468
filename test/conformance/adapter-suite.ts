/** What every chat adapter promises to the bot core, in one list. A platform brings a harness and passes. */
import { connection } from './connection.ts';
import type { Chat, Harness } from './harness.ts';
import { questions } from './questions.ts';
import { replies } from './replies.ts';

export function conformance<Fake extends Chat>(harness: Harness<Fake>): void {
  questions(harness);
  replies(harness);
  connection(harness);
}
