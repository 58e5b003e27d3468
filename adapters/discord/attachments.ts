import type { Attachment, Message } from 'discord.js';
import type { ImageLimits, ImageRef } from '../../src/bot/ports.ts';
import { downloadImage } from '../download.ts';
import { isText, readFile } from '../shared-file.ts';

/** How long Discord may take to hand a file out; ms. */
const TIMEOUT = 5_000;

/** What a message shares, and what the one that it forwards does. */
export const attachmentsOf = (
  message: Pick<Message, 'attachments' | 'messageSnapshots'>,
): readonly Attachment[] =>
  [...message.messageSnapshots.values(), message].flatMap(({ attachments }) => [...attachments.values()]);

export const imagesIn = (shared: readonly Attachment[]): ImageRef[] => shared.flatMap(imageOf);

function imageOf({ url, size, ...file }: Attachment): ImageRef[] {
  const mimeType = typeOf(file);
  return mimeType.startsWith('image/') ? [{ url, mimeType, bytes: size }] : [];
}

/** Discord does not tell the type of all files: then their name does of pictures. Empty where neither does. */
function typeOf({ name, contentType }: Pick<Attachment, 'name' | 'contentType'>): string {
  const [, extension] = /\.(png|jpe?g|webp|gif)$/i.exec(name) ?? [];
  return contentType ?? (extension ? `image/${extension.toLowerCase().replace('jpg', 'jpeg')}` : '');
}

/**
 * Gets a picture from Discord's CDN. Its address is signed, and ends after a day.
 * @throws ImageError, or the signal's reason
 */
export const fetchImage = ({ url }: ImageRef, limits: ImageLimits): Promise<Uint8Array> =>
  downloadImage(url, { ...limits, noPicture: 'it is no picture' });

/** Whether there is something else than files that cannot be read. */
export const hasContent = (shared: readonly Attachment[]): boolean =>
  shared.some((file) => imageOf(file).length > 0 || isText(file.contentType ?? ''));

/** The files that are no pictures as Markdown; Discord's client makes one of a long paste (message.txt). */
export async function filesIn(shared: readonly Attachment[]): Promise<string[]> {
  const files = shared.filter((file) => imageOf(file).length === 0);
  return Promise.all(
    files.map(({ name, contentType, url, size }) =>
      readFile({ name, type: contentType ?? '', url, bytes: size }, { withinMs: TIMEOUT }),
    ),
  );
}
