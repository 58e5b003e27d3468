/** A message as a person sees it, and as the API writes it. */
import type { ShownMessage } from '../chat.ts';
import { buttonsOf, readBlocks, type SlackBlock, textsIn } from './blocks.ts';
import { readable } from './mrkdwn.ts';
import type { SlackFile, SlackMessage, Workspace } from './workspace.ts';

/** To `viewer`, if given: a stream in a channel moves for its recipient only. */
export function shown(workspace: Workspace, message: SlackMessage, viewer?: string): ShownMessage {
  const { onlyFor, threadTs, streamedTo } = message;
  const author = workspace.user(message.user);
  const nameOf = (id: string) =>
    [...workspace.users, ...workspace.channels].find((other) => other.id === id)?.name ?? id;
  const read = (text: string) => readable(text, nameOf);
  const kept = viewer !== undefined && streamedTo && viewer !== streamedTo.user;
  const blocks = kept ? streamedTo.othersSee : message.blocks;
  const lines = [
    blocks.length > 0 || kept ? readBlocks(blocks, read) : read(message.text),
    ...(message.forwards ? [quoted(read(message.forwards.text))] : []),
    ...message.files.map((file) => `[${file.name}]`),
  ];
  return {
    id: message.ts,
    channel: message.channel,
    ...(threadTs && { thread: threadTs }),
    author: { id: author.id, name: author.name, bot: author.isBot },
    text: lines.filter((line) => line !== '').join('\n\n'),
    buttons: buttonsOf(blocks).map(({ id, label }) => ({ id, label })),
    reactions: [...message.reactions.keys()],
    edits: message.edits,
    ...(onlyFor && { onlyFor }),
    pending: message.streaming,
    at: message.at,
  };
}

const quoted = (text: string) => text.replace(/^/gm, '> ');

/** All text of a message in which Slack would look for mentions. */
export const mentionable = (message: { text: string; blocks: readonly SlackBlock[] }): string =>
  [message.text, ...textsIn(message.blocks, true)].join('\n');

export function messageJson(
  workspace: Workspace,
  message: SlackMessage,
  options: { metadata?: boolean; baseUrl?: string } = {},
): Record<string, unknown> {
  const { bot, teamId, appId } = workspace;
  const replies = message.threadTs ? [] : workspace.replies(message.channel, message.ts);
  const parent = workspace.messages(message.channel).find(({ ts }) => ts === message.threadTs);
  const author = workspace.user(message.user);
  return {
    type: 'message',
    ...(message.files.length > 0 && { subtype: 'file_share' }),
    user: message.user,
    ts: message.ts,
    team: teamId,
    text: message.text,
    ...(message.user === bot.id && {
      bot_id: bot.botId,
      app_id: appId,
      bot_profile: { id: bot.botId, app_id: appId, name: bot.name, team_id: teamId },
    }),
    ...(author.isBot &&
      author.id !== bot.id && {
        bot_id: author.id.replace('U', 'B'),
        bot_profile: { id: author.id.replace('U', 'B'), name: author.name, team_id: teamId },
      }),
    ...(message.clientMsgId && { client_msg_id: message.clientMsgId }),
    ...(message.blocks.length > 0 && { blocks: message.blocks }),
    ...(message.threadTs && { thread_ts: message.threadTs, ...(parent && { parent_user_id: parent.user }) }),
    ...(replies.length > 0 && {
      thread_ts: message.ts,
      reply_count: replies.length,
      reply_users: [...new Set(replies.map(({ user }) => user))],
      latest_reply: replies.at(-1)!.ts,
    }),
    ...(message.editedTs && { edited: { user: message.user, ts: message.editedTs } }),
    ...(message.reactions.size > 0 && {
      reactions: [...message.reactions].map(([name, users]) => ({
        name,
        users: [...users],
        count: users.size,
      })),
    }),
    ...(message.files.length > 0 && {
      files: message.files.map((file) =>
        workspace.channel(message.channel).shared ? stubJson(file) : fileJson(file, options.baseUrl ?? ''),
      ),
    }),
    ...(message.attachments && { attachments: message.attachments }),
    ...(message.forwards && {
      attachments: [forwardJson(workspace, message.forwards, options.baseUrl ?? '')],
    }),
    ...(message.streaming && { streaming_state: 'in_progress' }),
    ...(options.metadata && message.metadata ? { metadata: message.metadata } : {}),
  };
}

/** A link's preview looks the same, but for `is_share`; it comes in a later event, as a change of the message. */
function forwardJson(workspace: Workspace, message: SlackMessage, baseUrl: string): Record<string, unknown> {
  const { user, text, ts, channel, files } = message;
  const { name } = workspace.user(user);
  return {
    id: 1,
    is_share: true,
    is_msg_unfurl: true,
    ts,
    channel_id: channel,
    channel_team: workspace.teamId,
    author_id: user,
    author_name: name,
    author_subname: name,
    text,
    fallback: `${name}: ${text}`,
    from_url: `https://sandbox.slack.test/archives/${channel}/p${ts.replace('.', '')}`,
    mrkdwn_in: ['text'],
    ...(files.length > 0 && { files: files.map((file) => fileJson(file, baseUrl)) }),
  };
}

/** What a shared channel's messages tell of a file: files.info has the rest. */
const stubJson = ({ id }: SlackFile) => ({
  id,
  mode: 'file_access',
  file_access: 'check_file_info',
  created: 0,
  timestamp: 0,
  user: '',
});

export function fileJson(file: SlackFile, baseUrl: string): Record<string, unknown> {
  const url = `${baseUrl}/files/${file.id}/${encodeURIComponent(file.name)}`;
  return {
    id: file.id,
    name: file.name,
    title: file.name,
    mimetype: file.mimetype,
    filetype: file.mimetype.split('/').at(-1),
    size: file.content.length,
    mode: 'hosted',
    url_private: url,
    url_private_download: url,
  };
}
