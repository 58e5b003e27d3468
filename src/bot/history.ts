import { createHash } from 'node:crypto';
import type { ChatMessage, ContentPart } from '../model/model.ts';
import type { Exchange, Turn } from '../store/store.ts';
import type { Pictures } from './pictures.ts';
import type { ConversationKey, ImageRef } from './ports.ts';

/** Stands for a picture that the model does not get, so that it does not make one up. */
const UNSEEN = '(A picture that you cannot see.)';

/**
 * What the model is sent: the system prompt, the earlier turns and the question, in this order and byte
 * for byte the same from turn to turn, so that the server's prefix cache hits. An attempt that goes on
 * ends with the text so far.
 */
export function toMessages(
  system: string,
  history: readonly Exchange[],
  turn: Turn,
  pictures: Pictures,
): ChatMessage[] {
  const messages: ChatMessage[] = [{ role: 'system', content: system }];
  for (const { question, images, answer } of history) {
    messages.push(said(question, images, pictures), { role: 'assistant', content: answer });
  }
  messages.push(said(turn.question.text, turn.question.images, pictures));
  if (turn.answer) messages.push({ role: 'assistant', content: turn.answer });
  return messages;
}

/** The same for all turns of a conversation; nobody can tell from it which one it is. */
export function sessionOf({ platform, workspace, conversation }: ConversationKey): string {
  return createHash('sha256')
    .update(JSON.stringify([platform, workspace, conversation]))
    .digest('base64url');
}

/** A question with its pictures. Plain text where it has none that can be sent: many models take no more. */
function said(question: string, images: readonly ImageRef[], pictures: Pictures): ChatMessage {
  const seen = images.flatMap(({ url }) => pictures.get(url) ?? []);
  const unseen = Array<string>(images.length - seen.length).fill(UNSEEN);
  const text = [question, ...unseen].filter((part) => part.trim() !== '').join('\n\n');
  if (seen.length === 0) return { role: 'user', content: text };
  const parts: ContentPart[] = seen.map((url) => ({ type: 'image_url', image_url: { url } }));
  return { role: 'user', content: text === '' ? parts : [{ type: 'text', text }, ...parts] };
}
