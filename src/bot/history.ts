import type { ChatMessage } from '../model/model.ts';
import type { Exchange, Turn } from '../store/store.ts';

/**
 * What the model is sent: the system prompt, the earlier turns and the question, in this order and byte
 * for byte the same from turn to turn, so that the server's prefix cache hits. An attempt that goes on
 * ends with the text so far.
 */
export function toMessages(system: string, history: readonly Exchange[], turn: Turn): ChatMessage[] {
  const messages: ChatMessage[] = [{ role: 'system', content: system }];
  for (const { question, answer } of history) {
    messages.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  }
  messages.push({ role: 'user', content: turn.question.text });
  if (turn.answer) messages.push({ role: 'assistant', content: turn.answer });
  return messages;
}
