/** What the app's manifest asks for. */
export const manifestScopes: readonly string[] = [
  'app_mentions:read',
  'assistant:write',
  'channels:history',
  'groups:history',
  'im:history',
  'im:write',
  'chat:write',
  'commands',
  'users:read',
  'files:read',
  'reactions:write',
];

/** What the app's manifest subscribes to. */
export const manifestEvents: readonly string[] = [
  'app_mention',
  'app_home_opened',
  'message.im',
  'message.channels',
  'message.groups',
  'agent_session_stopped',
  'app_uninstalled',
  'tokens_revoked',
];
