import type { Attachment, Message } from 'discord.js';
import type { ImageLimits, ImageRef } from '../../src/bot/ports.ts';
import { downloadImage } from '../download.ts';
import { isText, readFile } from '../shared-file.ts';

/** How long Discord may take to hand a file out; ms. */
const TIMEOUT = 5_000;

type Attached = Pick<Message, 'attachments'>;

export const imagesOf = ({ attachments }: Attached): ImageRef[] => [...attachments.values()].flatMap(imageOf);

export const imageOf = ({ url, contentType, size }: Attachment): ImageRef[] =>
  contentType?.startsWith('image/') ? [{ url, mimeType: contentType, bytes: size }] : [];

/**
 * Gets a picture from Discord's CDN. Its address is signed, and ends after a day.
 * @throws ImageError, or the signal's reason
 */
export const fetchImage = ({ url }: ImageRef, limits: ImageLimits): Promise<Uint8Array> =>
  downloadImage(url, { ...limits, noPicture: 'it is no picture' });

export const hasTextFile = ({ attachments }: Attached): boolean =>
  attachments.some(({ contentType }) => isText(contentType ?? ''));

/** The files of a message that are no pictures, in their order; Discord's client makes one of a long paste (message.txt). */
export async function filesOf({ attachments }: Attached): Promise<string[]> {
  const files = [...attachments.values()].filter((file) => imageOf(file).length === 0);
  return Promise.all(
    files.map(({ name, contentType, url, size }) =>
      readFile({ name, type: contentType ?? '', url, bytes: size }, { withinMs: TIMEOUT }),
    ),
  );
}
