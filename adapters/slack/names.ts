import { codeOf } from './faults.ts';
import { inTime } from './in-time.ts';
import { escapeText } from './text.ts';
import { lacking, type Workspace } from './workspace.ts';

/** What people are called, by id; those whom Slack does not tell of within `ms` are left out. Does not reject. */
export async function namesOf(
  users: Iterable<string>,
  { client, clock, features }: Workspace,
  ms: number,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  const ask = async (id: string) => {
    try {
      const { user } = await inTime(client.users.info({ user: id }), clock, ms);
      const name = user?.profile?.display_name || user?.real_name;
      if (name) names.set(id, name);
    } catch (error) {
      if (lacking.has(codeOf(error))) features.names = false;
    }
  };
  if (features.names) await Promise.all([...new Set(users)].map(ask));
  return names;
}

/** The text with the names of those whom it mentions. */
export function withNames(mrkdwn: string, names: ReadonlyMap<string, string>): string {
  return mrkdwn.replace(/<@(\w+)>/g, (mention, id: string) => {
    const name = names.get(id);
    return name === undefined ? mention : `<@${id}|${escapeText(name)}>`;
  });
}
