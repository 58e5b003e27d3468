import { createHash } from 'node:crypto';
import type { ChatMessage } from './model.ts';

/** What the chat template adds to a message, tokens. */
const PER_MESSAGE = 8;
/** An image, tokens: vision models differ between 250 and 2,000. */
const PER_IMAGE = 1_000;
/** Before the first usage: a third of a token per UTF-8 byte, and a tenth more to be on the safe side. */
const FIRST_RATE = 1.1 / 3;
/** Newer counts weigh this much in the moving average. */
const WEIGHT = 0.2;
/** Less text than this says little about the rate, bytes. */
const MIN_SAMPLE = 200;
/** Counted prompts remembered, so that the next turn estimates only what is new. */
const MAX_KNOWN = 1_000;

/** Kept free for what the estimate gets wrong, tokens. */
const MARGIN = 64;
/** An answer shorter than this is not worth asking for, tokens. */
const MIN_ANSWER = 256;
/** A window with less has no room for a question beside the shortest answer, tokens. */
export const MIN_WINDOW = 512;
/** Past this share of the budget the oldest turns go … */
const HIGH = 0.9;
/** … down to this share, so that the next turns leave the prompt's beginning as it is and hit the prefix cache. */
const LOW = 0.6;

/** Estimates a prompt's tokens for nothing, and learns from what the server counts in every answer. */
export class TokenMeter {
  #rate = FIRST_RATE;
  #learned = false;
  /** Digest of a message list → its tokens as the server counted them; the oldest first. */
  readonly #known = new Map<string, number>();

  /** Tokens per UTF-8 byte. */
  get rate(): number {
    return this.#rate;
  }

  /** Tokens of these messages: exact as far as they were counted before, the rest by the rate. */
  estimate(messages: readonly ChatMessage[]): number {
    const { tokens, length } = this.#longestKnown(this.#known.size > 0 ? digests(messages) : []);
    return messages.slice(length).reduce((sum, message) => sum + this.size(message), tokens);
  }

  /** Tokens of one message by the rate. */
  size({ content }: ChatMessage): number {
    return PER_MESSAGE + bytesOf(content) * this.#rate + imagesOf(content) * PER_IMAGE;
  }

  /** The server counted these messages. */
  learn(messages: readonly ChatMessage[], promptTokens: number): void {
    const keys = digests(messages);
    const { tokens, length } = this.#longestKnown(keys);
    const fresh = messages.slice(length);
    const bytes = fresh.reduce((sum, { content }) => sum + bytesOf(content), 0);
    const images = fresh.some(({ content }) => imagesOf(content) > 0);
    const rate = (promptTokens - tokens - fresh.length * PER_MESSAGE) / bytes;
    if (bytes >= MIN_SAMPLE && !images && rate > 0) {
      this.#rate = this.#learned ? this.#rate + (rate - this.#rate) * WEIGHT : rate;
      this.#learned = true;
    }
    const key = keys.at(-1);
    if (key === undefined) return;
    this.#known.delete(key);
    this.#known.set(key, promptTokens);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value!);
  }

  /** The server refused these messages as more than so many tokens, without saying how many. */
  learnAtLeast(messages: readonly ChatMessage[], promptTokens: number): void {
    const estimate = this.estimate(messages);
    if (estimate < promptTokens) this.#rate *= promptTokens / Math.max(1, estimate);
  }

  #longestKnown(keys: readonly string[]): { tokens: number; length: number } {
    for (let length = keys.length; length > 0; length -= 1) {
      const tokens = this.#known.get(keys[length - 1]!);
      if (tokens !== undefined) return { tokens, length };
    }
    return { tokens: 0, length: 0 };
  }
}

export interface Plan {
  readonly messages: readonly ChatMessage[];
  /** Messages left out after the system prompt. */
  readonly dropped: number;
  readonly maxTokens: number;
  /** Estimated, tokens. */
  readonly promptTokens: number;
}

/**
 * What to send so that prompt and answer fit into `window` tokens: drops the oldest whole turns when they
 * do not, never the system prompt or the last turn. Null when even those leave no room for an answer.
 */
export function plan(
  messages: readonly ChatMessage[],
  meter: TokenMeter,
  window: number | undefined,
  maxTokens: number,
): Plan | null {
  const promptTokens = Math.ceil(meter.estimate(messages));
  if (window === undefined) return { messages, dropped: 0, maxTokens, promptTokens };
  const budget = window - Math.min(maxTokens, Math.floor(window / 2)) - MARGIN;
  const dropped = promptTokens > budget * HIGH ? excess(messages, meter, promptTokens, budget * LOW) : 0;
  if (dropped > 0) {
    const first = firstOf(messages);
    const kept = [...messages.slice(0, first), ...messages.slice(first + dropped)];
    return sized(kept, dropped, Math.ceil(meter.estimate(kept)), window, maxTokens);
  }
  return sized(messages, 0, promptTokens, window, maxTokens);
}

/** How long a prompt may be at most, in characters as people count them. */
export function roomInCharacters(meter: TokenMeter, window: number): number {
  return Math.max(0, Math.floor((window - MIN_ANSWER - MARGIN) / meter.rate));
}

function sized(
  messages: readonly ChatMessage[],
  dropped: number,
  promptTokens: number,
  window: number,
  maxTokens: number,
): Plan | null {
  const room = window - MARGIN - promptTokens;
  if (room < Math.min(MIN_ANSWER, maxTokens, window / 4)) return null;
  return { messages, dropped, maxTokens: Math.min(maxTokens, room), promptTokens };
}

/** How many messages to drop, in whole turns, until the prompt is about `target` tokens. */
function excess(messages: readonly ChatMessage[], meter: TokenMeter, total: number, target: number): number {
  const first = firstOf(messages);
  const sizes = messages.map((message) => meter.size(message));
  // The total may be exact where the sizes are estimates.
  const scale = total / sizes.reduce((sum, size) => sum + size, 0);
  let left = total;
  let cut = first;
  for (let index = first; index < messages.length; index += 1) {
    if (messages[index]!.role === 'user') cut = index;
    if (cut === index && left <= target) break;
    left -= sizes[index]! * scale;
  }
  return cut - first;
}

function firstOf(messages: readonly ChatMessage[]): number {
  return messages[0]?.role === 'system' ? 1 : 0;
}

function bytesOf(content: ChatMessage['content']): number {
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content.reduce((sum, part) => sum + (part.type === 'text' ? Buffer.byteLength(part.text) : 0), 0);
}

function imagesOf(content: ChatMessage['content']): number {
  return typeof content === 'string' ? 0 : content.filter(({ type }) => type === 'image_url').length;
}

/** A picture is known by its size and its end: reading all of four photographs holds up everything for 0.2 s. */
const withoutPictures = (key: string, value: unknown): unknown =>
  key === 'url' ? `${String(value).length} ${String(value).slice(-1_000)}` : value;

/** For each message the digest of the list up to it. */
function digests(messages: readonly ChatMessage[]): string[] {
  const hash = createHash('sha1');
  return messages.map((message) =>
    hash
      .update(`${JSON.stringify(message, withoutPictures)}\n`)
      .copy()
      .digest('base64'),
  );
}
