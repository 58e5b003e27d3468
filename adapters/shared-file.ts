import type { HeadersInit } from 'undici';
import { get, readUpTo, UNKNOWN } from './download.ts';

/** More than a person pastes, and about as much as a model can read; bytes. */
const TEXT_LIMIT = 256 * 1024;

/** A file that is no picture. */
export interface SharedFile {
  readonly name: string;
  /** Its MIME type; empty where the platform does not tell. */
  readonly type: string;
  readonly url: string;
  readonly bytes: number;
}

/** No text whatever is in it. A platform goes by the name, and may take TypeScript (.ts) for a film. */
const NO_TEXT =
  /^(image|audio|font)\/|^video\/(?!mp2t)|^application\/(pdf|zip|gzip|msword|vnd\.(ms-|openxml|oasis)|x-(7z|bzip|gzip|rar|tar|xz|zip))/;

/** Whether a file is something to ask by itself: it is text as far as its type tells. */
export const isText = (type: string): boolean => !NO_TEXT.test(type) && type !== UNKNOWN;

export const unreadable = (name: string): string => `(The file ${name} cannot be read.)`;

/**
 * A file as Markdown for the model. Text is read, which its bytes tell better than its type; a file that cannot be is
 * named, so that the model does not guess.
 * Never rejects. `withinMs`: how long the platform may take to hand it out.
 */
export async function readFile(
  { name, type, url, bytes }: SharedFile,
  { headers = {}, withinMs }: { headers?: HeadersInit; withinMs: number },
): Promise<string> {
  if (NO_TEXT.test(type)) return unreadable(name);
  const tooLong = `(The file ${name} is too long to be read.)`;
  const failed = `(The file ${name} could not be read.)`;
  if (bytes > TEXT_LIMIT) return tooLong;
  try {
    const signal = AbortSignal.timeout(withinMs);
    const response = await get(url, { headers, signal });
    // Slack answers whoever may not see a file with its login page.
    const isPage =
      response.headers.get('content-type')?.startsWith('text/html') && !type.startsWith('text/html');
    if (!response.ok || isPage) {
      await response.body?.cancel();
      return failed;
    }
    const read = await readUpTo(TEXT_LIMIT, response);
    if (!read) return tooLong;
    const text = textOf(read, type);
    return text === undefined ? unreadable(name) : `${name}:\n\n${text.trim()}`;
  } catch {
    return failed;
  }
}

/** Undefined for what is no text. One that is called text may be in an old encoding: most of it can be read. */
function textOf(bytes: Uint8Array, type: string): string | undefined {
  const isCalledText = type.startsWith('text/');
  try {
    const text = new TextDecoder(encodingOf(bytes), { fatal: !isCalledText }).decode(bytes);
    return isCalledText || !text.includes('\0') ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Windows begins a text in UTF-16 with a byte order mark. */
function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
