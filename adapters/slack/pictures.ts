import { ImageError, type ImageLimits, type ImageRef } from '../../src/bot/ports.ts';
import { downloadImage } from '../download.ts';
import { SLACK_API } from './client.ts';

/** Slack answers whoever may not see a file with its login page. */
const LOGIN_PAGE =
  'Slack shows it only to an app that has the scope files:read; whoever runs the bot can add that';

/**
 * Gets a picture that somebody shared. The token goes to Slack alone: a file kept elsewhere is refused.
 * @throws ImageError, or the signal's reason
 */
export async function fetchImage(
  { url }: ImageRef,
  { token, apiUrl = SLACK_API }: { token: string | undefined; apiUrl?: string | undefined },
  limits: ImageLimits,
): Promise<Uint8Array> {
  // Slack's own files are next to the API, at files.slack.com for slack.com.
  const { origin, protocol, host } = new URL(apiUrl);
  const from = URL.canParse(url) ? new URL(url).origin : undefined;
  if (from !== origin && from !== `${protocol}//files.${host}`)
    throw new ImageError('it is not kept in Slack');
  return downloadImage(url, {
    ...limits,
    headers: { authorization: `Bearer ${token}` },
    noPicture: LOGIN_PAGE,
  });
}
