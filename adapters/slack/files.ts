import { ImageError, type ImageLimits, type ImageRef } from '../../src/bot/ports.ts';
import { downloadImage } from '../download.ts';
import { readFile, type SharedFile, unreadable } from '../shared-file.ts';
import { SLACK_API } from './client.ts';

/** Slack waits 3 s until a question is stored; ms. */
const READ_WITHIN = 1_500;

/** Slack answers whoever may not see a file with its login page. */
const LOGIN_PAGE =
  'Slack shows it only to an app that has the scope files:read; whoever runs the bot can add that';

/** The token goes to Slack alone. */
interface Access {
  readonly token: string | undefined;
  /** Ends in /api/; the real service's if left out. */
  readonly apiUrl: string | undefined;
}

/**
 * Gets a picture that somebody shared; one that is kept elsewhere than in Slack is refused.
 * @throws ImageError, or the signal's reason
 */
export async function fetchImage(
  { url }: ImageRef,
  access: Access,
  limits: ImageLimits,
): Promise<Uint8Array> {
  if (!isInSlack(url, access)) throw new ImageError('it is not kept in Slack');
  return downloadImage(url, { ...limits, headers: headersOf(access), noPicture: LOGIN_PAGE });
}

/** Files that are no pictures as Markdown for the model, in their order. Does not reject. */
export function readFiles(files: readonly SharedFile[], access: Access): Promise<string[]> {
  return Promise.all(
    files.map((file) =>
      isInSlack(file.url, access)
        ? readFile(file, { headers: headersOf(access), withinMs: READ_WITHIN })
        : unreadable(file.name),
    ),
  );
}

const headersOf = ({ token }: Access) => ({ authorization: `Bearer ${token}` });

/** Slack's own files are next to the API, at files.slack.com for slack.com. */
function isInSlack(url: string, { apiUrl = SLACK_API }: Access): boolean {
  const { origin, protocol, host } = new URL(apiUrl);
  const from = URL.canParse(url) ? new URL(url).origin : undefined;
  return from === origin || from === `${protocol}//files.${host}`;
}
