import { fetch, type HeadersInit } from 'undici';
import { readUpTo } from './download.ts';

/** More than a person pastes, and about as much as a model can read; bytes. */
const TEXT_LIMIT = 256 * 1024;

/** A file that is no picture. */
export interface SharedFile {
  readonly name: string;
  /** Its MIME type, where the platform tells. */
  readonly type: string;
  readonly url: string;
  readonly bytes: number;
}

export const isText = (type: string): boolean => /^(text\/|application\/json)/.test(type);

/**
 * A file as Markdown for the model. Text is read; one that cannot be is named, so that the model does not guess.
 * Never rejects. `withinMs`: how long the platform may take to hand it out.
 */
export async function readFile(
  { name, type, url, bytes }: SharedFile,
  { headers = {}, withinMs }: { headers?: HeadersInit; withinMs: number },
): Promise<string> {
  if (!isText(type)) return `(The file ${name} cannot be read.)`;
  const tooLong = `(The file ${name} is too long to be read.)`;
  const unreadable = `(The file ${name} could not be read.)`;
  if (bytes > TEXT_LIMIT) return tooLong;
  try {
    const signal = AbortSignal.timeout(withinMs);
    const response = await fetch(url, { headers, redirect: 'manual', signal });
    // Slack answers whoever may not see a file with its login page.
    const isPage =
      response.headers.get('content-type')?.startsWith('text/html') && !type.startsWith('text/html');
    if (!response.ok || isPage) {
      await response.body?.cancel();
      return unreadable;
    }
    const text = await readUpTo(TEXT_LIMIT, response);
    return text ? `${name}:\n\n${new TextDecoder().decode(text).trim()}` : tooLong;
  } catch {
    return unreadable;
  }
}
