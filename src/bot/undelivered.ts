import type { Logger } from 'pino';
import type { Turn } from '../store/store.ts';
import type { ChatPlatform } from './ports.ts';
import * as words from './words.ts';

/** Tells who asked, directly, that the answer cannot stand where it was asked. Best effort: never rejects. */
export async function tellUndelivered(
  platform: ChatPlatform,
  { id, question }: Turn,
  log: Logger,
): Promise<void> {
  try {
    const direct = await platform.directChannel?.(question.author.id);
    // Who asked directly cannot be told either.
    if (!direct || direct.channel === question.channel) return;
    await platform.tell?.(direct, { text: words.undelivered(question.text), buttons: [] });
  } catch (error) {
    log.warn({ turn: id, err: error }, 'cannot tell who asked that the answer could not be written');
  }
}
