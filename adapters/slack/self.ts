import type { Context } from '@slack/bolt';
import type { Self } from './workspace.ts';

/** Where an event comes from, and who we are there, as Bolt's authorization found it. */
export function selfIn({ teamId, enterpriseId, isEnterpriseInstall, botUserId, botId }: Context): Self {
  return {
    team: teamId!,
    ...(isEnterpriseInstall && enterpriseId !== undefined && { enterprise: enterpriseId }),
    user: botUserId!,
    bot: botId!,
  };
}
