import { Agent, fetch, type HeadersInit, type RequestInit, type Response } from 'undici';
import { ImageError, type ImageLimits } from '../src/bot/ports.ts';

/** What platforms call a file that they do not know. */
export const UNKNOWN = 'application/octet-stream';

export interface Download extends ImageLimits {
  readonly headers?: HeadersInit;
  /** What it means when a page comes, or leads elsewhere, in place of the picture. */
  readonly noPicture: string;
}

/**
 * HTTP/1.1: an HTTP/2 connection that died silently would take every download with it, one after the other, for a
 * request that is given up tells undici nothing of its connection.
 */
const agent = new Agent({ allowH2: false });

/** Asks for a file; whoever answers with a redirect is not followed. */
export const get = (
  url: string,
  { headers, signal }: Pick<RequestInit, 'headers' | 'signal'>,
): Promise<Response> => fetch(url, { headers, signal, redirect: 'manual', dispatcher: agent });

/** Gets one picture. @throws ImageError, or the signal's reason */
export async function downloadImage(
  url: string,
  { headers = {}, maxBytes, noPicture, signal }: Download,
): Promise<Uint8Array> {
  try {
    const response = await get(url, { headers, signal });
    const fault = faultOf(response, noPicture);
    if (fault === undefined) return (await readUpTo(maxBytes, response)) ?? tooLarge();
    await response.body?.cancel();
    throw new ImageError(fault, { status: response.status });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ImageError) throw error;
    throw new ImageError('it could not be downloaded', {}, error);
  }
}

function faultOf({ status, headers }: Response, noPicture: string): string | undefined {
  if ([403, 404, 410].includes(status)) return 'it is no longer there';
  if (status >= 400) return 'it could not be downloaded';
  const type = headers.get('content-type') ?? UNKNOWN;
  return status === 200 && (type === UNKNOWN || type.startsWith('image/')) ? undefined : noPicture;
}

const tooLarge = (): never => {
  throw new ImageError('it is too large');
};

/** The whole body; undefined when it has more bytes than that, whatever was said of it. */
export async function readUpTo(maxBytes: number, { body }: Response): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    size += part.length;
    if (size > maxBytes) return undefined;
  }
  return Buffer.concat(parts, size);
}
