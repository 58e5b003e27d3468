/**
 * Installs the bot as somebody with a browser does: visits its link, decides on Slack's page (`decide` gets the
 * link to it, and gives where Slack sends the browser), and comes back with the bot's cookie.
 */
export async function install(
  bot: string,
  decide: (link: string) => string,
  { sameBrowser = true } = {},
): Promise<Response> {
  const begun = await fetch(new URL('/slack/install', bot), { redirect: 'manual' });
  const back = decide(begun.headers.get('location') ?? '');
  const cookie = begun.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  return fetch(back, { headers: sameBrowser ? { cookie } : {} });
}
