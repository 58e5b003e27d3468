import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listing, needed, wanted } from '../../adapters/slack/tokens.ts';

const read = (name: string) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('the Slack app that docs/slack.md has people make', () => {
  const manifest = parse(read('slack-manifest.yaml'));

  it('asks for the scopes that are used, and for no other', () => {
    expect(manifest.oauth_config.scopes.bot.toSorted()).toEqual(
      [...needed, ...wanted, ...listing].toSorted(),
    );
  });

  it('explains each scope', () => {
    for (const scope of manifest.oauth_config.scopes.bot) expect(read('slack.md')).toContain(`\`${scope}\``);
  });

  it('is told what the adapter listens for', () => {
    expect(manifest.settings.event_subscriptions.bot_events).toEqual([
      'agent_session_stopped',
      'app_home_opened',
      'app_mention',
      'app_uninstalled',
      'message.channels',
      'message.groups',
      'message.im',
      'message.mpim',
      'tokens_revoked',
    ]);
    expect(manifest.settings).toMatchObject({
      interactivity: { is_enabled: true },
      socket_mode_enabled: true,
      token_rotation_enabled: false,
    });
    expect(manifest.features.app_home).toMatchObject({
      messages_tab_enabled: true,
      messages_tab_read_only_enabled: false,
    });
  });
});
