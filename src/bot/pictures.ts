import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { Exchange, Turn } from '../store/store.ts';
import type { PictureCache } from './picture-cache.ts';
import { type ChatPlatform, ImageError, type ImageRef, type Question } from './ports.ts';
import * as words from './words.ts';

/** Pictures in one request to the model: the newest of the conversation. Each costs about 1,000 tokens. */
const MOST = 4;
/** Of one picture; a phone's photograph has 2 to 5 MB. */
const MAX_BYTES = 8 * 1024 * 1024;
/** For all of them, ms. */
const PATIENCE = 15_000;

/** What vLLM and llama-server read, WebP not everywhere. */
const READABLE: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);

/** The address of a picture in the chat → the picture itself, as a data URL. */
export type Pictures = ReadonlyMap<string, string>;

export interface Gathered {
  readonly pictures: Pictures;
  /** What the person has to know: which of the question's pictures the model does not see, and why. */
  readonly notes: readonly string[];
  /** True when the question is pictures alone and none of them can be had: there is nothing to ask. */
  readonly blank: boolean;
}

export interface PictureParts {
  /** Where the pictures are; undefined for a model that sees none. */
  readonly platform: Pick<ChatPlatform, 'fetchImage'> | undefined;
  readonly cache: PictureCache;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Fetches the pictures of a conversation. Never throws: a picture that cannot be had is left out, and the
 * person is told when it belongs to the question.
 */
export async function gatherPictures(
  turn: Turn,
  history: readonly Exchange[],
  { platform, cache, signal, clock, log }: PictureParts,
): Promise<Gathered> {
  const { images: asked, address } = turn.question;
  const pictures = new Map<string, string>();
  if (!platform) {
    const blank = isBlank(turn.question, pictures);
    const notes = asked.length > 0 ? [blank ? words.onlyPictures : words.cannotSee] : [];
    return { pictures, notes, blank };
  }
  const faults: string[] = [];
  const late = new AbortController();
  const cancel = clock.after(PATIENCE, () => late.abort(new ImageError('it took too long to download')));
  const within = AbortSignal.any([signal, late.signal]);
  const newest = [...history.flatMap(({ images }) => images), ...asked].slice(-MOST);
  await Promise.all(
    newest.map(async (image) => {
      try {
        pictures.set(
          image.url,
          await dataUrl(image, () =>
            cache.get(turn.question, image, () =>
              platform.fetchImage(image, { maxBytes: MAX_BYTES, signal: within }, address),
            ),
          ),
        );
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ turn: turn.id, bytes: image.bytes, err: error }, 'a picture could not be fetched');
        const fault = error instanceof ImageError ? error.message : 'it could not be downloaded';
        if (asked.includes(image)) faults.push(fault);
      }
    }),
  );
  cancel();
  const notes = faults.length > 0 ? [words.picturesNotRead(faults)] : [];
  if (asked.length > MOST) notes.push(words.tooManyPictures(MOST));
  // A question that was stopped meanwhile ends as that.
  return { pictures, notes, blank: !signal.aborted && isBlank(turn.question, pictures) };
}

/** True for a question without words when the model gets none of its pictures. */
export const isBlank = ({ text, images }: Question, pictures: Pictures): boolean =>
  text.trim() === '' && !images.some(({ url }) => pictures.has(url));

async function dataUrl(image: ImageRef, get: () => Promise<Uint8Array>): Promise<string> {
  if (!READABLE.has(image.mimeType)) throw new ImageError('only PNG, JPEG, WebP and GIF are understood');
  if (image.bytes > MAX_BYTES) throw new ImageError(`it is larger than ${MAX_BYTES / 1024 / 1024} MB`);
  const bytes = await get();
  return `data:${image.mimeType};base64,${Buffer.from(bytes).toString('base64')}`;
}
