import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const manifest = parse(readFileSync(new URL('../../docs/slack-manifest.yaml', import.meta.url), 'utf8'));

/** What the manifest that people paste asks for: an app has no more. */
export const manifestScopes: readonly string[] = manifest.oauth_config.scopes.bot;

/** What it subscribes to. */
export const manifestEvents: readonly string[] = manifest.settings.event_subscriptions.bot_events;

/** Its slash commands. */
export const manifestCommands: readonly string[] = manifest.features.slash_commands.map(
  ({ command }: { command: string }) => command,
);
