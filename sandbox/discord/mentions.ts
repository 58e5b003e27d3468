import type { APIAllowedMentions } from 'discord.js';
import type { Mentions } from './records.ts';

export interface MentionContext {
  /** Ids that exist; others are just text. */
  readonly users: ReadonlySet<string>;
  /** Role id → whether the author may mention it. */
  readonly roles: ReadonlyMap<string, boolean>;
  /** The author has MENTION_EVERYONE. */
  readonly everyone: boolean;
  /** The author of the message replied to. */
  readonly repliedTo?: string;
  /** What counts when the request does not say: messages parse all, interactions and webhooks users only. */
  readonly fallback: APIAllowedMentions;
}

export const PARSE_ALL = { parse: ['users', 'roles', 'everyone'], replied_user: true } as APIAllowedMentions;
export const PARSE_USERS = { parse: ['users'], replied_user: true } as APIAllowedMentions;

export const NO_MENTIONS: Mentions = { users: [], roles: [], everyone: false, here: false };

const idsIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

/** Whom a text mentions as Discord sees it: code does not count, then allowed_mentions and permissions decide. */
export function mentionsIn(
  content: string,
  allowed: APIAllowedMentions | undefined,
  context: MentionContext,
): Mentions {
  const rules = allowed ?? context.fallback;
  const parses = (what: string) => rules.parse?.some((type) => type === what) ?? false;
  const text = content.replace(/(`{3,}|`{1,2})[\s\S]*?\1/g, ' ');
  const users = idsIn(text, /<@!?(\d{17,20})>/g)
    .filter((id) => context.users.has(id))
    .filter((id) => parses('users') || rules.users?.includes(id));
  if (context.repliedTo && rules.replied_user) users.push(context.repliedTo);
  const roles = idsIn(text, /<@&(\d{17,20})>/g)
    .filter((id) => context.roles.get(id))
    .filter((id) => parses('roles') || rules.roles?.includes(id));
  const wide = context.everyone && parses('everyone');
  return {
    users: [...new Set(users)],
    roles: [...new Set(roles)],
    everyone: wide && text.includes('@everyone'),
    here: wide && text.includes('@here'),
  };
}
