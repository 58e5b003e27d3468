import type { ServerResponse } from 'node:http';

/** What whoever wanted to install the bot is told when it did not work, by Bolt's code for it. */
const reasons: Readonly<Record<string, string>> = {
  slack_oauth_installer_authorization_error: 'It was cancelled in Slack, so nothing was installed.',
  slack_oauth_missing_state: 'This address belongs to an installation that was begun elsewhere.',
  slack_oauth_invalid_state: 'This installation was begun in another browser, or more than ten minutes ago.',
  slack_oauth_missing_code: 'Slack did not say that you agreed.',
};

/** Bolt's own page shows the code alone. */
export function showFailure({ code }: { code: string }, response: ServerResponse): void {
  const known = reasons[code];
  const why = known ?? 'Slack could not be asked, or refused.';
  response.writeHead(known ? 400 : 500, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Not installed</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 32em; margin: 15vh auto; padding: 0 1em }</style>
<h1>Not installed</h1>
<p>${why}</p>
<p><a href="/slack/install">Install it again</a></p>
`);
}
