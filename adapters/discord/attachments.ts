import type { Attachment, Message } from 'discord.js';
import { fetch } from 'undici';
import type { ImageLimits, ImageRef } from '../../src/bot/ports.ts';
import { downloadImage } from '../download.ts';

/** More than a person pastes, and about as much as a model can read; bytes. */
const TEXT_LIMIT = 256 * 1024;

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

export const hasTextFile = ({ attachments }: Attached): boolean => attachments.some(isText);

/**
 * The files of a message that are no pictures as Markdown, in their order. Text is read; Discord's client makes a
 * long paste into a file (message.txt). One that cannot be read is named, so that the model does not guess.
 */
export async function filesOf({ attachments }: Attached): Promise<string[]> {
  return Promise.all([...attachments.filter((file) => imageOf(file).length === 0).values()].map(read));
}

const isText = ({ contentType }: Attachment): boolean =>
  /^(text\/|application\/json)/.test(contentType ?? '');

async function read(file: Attachment): Promise<string> {
  const { name, url, size } = file;
  if (!isText(file)) return `(The file ${name} cannot be read.)`;
  if (size > TEXT_LIMIT) return `(The file ${name} is too long to be read.)`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return `${name}:\n\n${(await response.text()).trim()}`;
  } catch {
    return `(The file ${name} could not be read.)`;
  }
}
