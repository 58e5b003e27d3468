import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import type { ImageRef, Question } from './ports.ts';

/** Of all pictures together, bytes: those of one conversation at their largest, or about a dozen photographs. */
const MOST_BYTES = 32 * 1024 * 1024;
/** People go on about a picture sooner than that, and what they delete should be forgotten; ms. */
const KEPT = 30 * 60_000;

/** Keeps the pictures of conversations under way, so that the next turns need not download them again. */
export class PictureCache {
  readonly #pictures: LRUCache<string, Uint8Array>;

  constructor(clock: Clock) {
    this.#pictures = new LRUCache({
      maxSize: MOST_BYTES,
      sizeCalculation: ({ byteLength }) => Math.max(1, byteLength),
      ttl: KEPT,
      // Old ones make room by themselves, and not only when new ones come.
      ttlAutopurge: true,
      perf: { now: () => clock.monotonic() },
      // Else a time once asked for counts for a real millisecond.
      ttlResolution: 0,
    });
  }

  /** Gets it by `download` if it is not kept. Each workspace downloads its own, since not all may see it. */
  async get(
    { platform, workspace }: Pick<Question, 'platform' | 'workspace'>,
    { url }: ImageRef,
    download: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const key = JSON.stringify([platform, workspace, url]);
    const kept = this.#pictures.get(key);
    if (kept) return kept;
    const picture = await download();
    this.#pictures.set(key, picture);
    return picture;
  }
}
