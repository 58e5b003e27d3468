/** auth, apps, users, team, conversations, files, reactions, assistant and agents. */
import { type Args, invalidArgument } from './args.ts';
import {
  type Methods,
  oneOf,
  readableChannel,
  type SlackContext,
  threadOf,
  writableChannel,
} from './method.ts';
import { fileJson, messageJson } from './shown.ts';
import { SlackError } from './slack-error.ts';
import { sessionStatuses } from './streams.ts';
import type { ChannelType, SlackChannel, SlackMessage } from './workspace.ts';

export function otherMethods(
  slack: SlackContext,
  options: { openSocket: () => string; baseUrl: string },
): Methods {
  const { workspace, statuses } = slack;
  const { bot, teamId, teamName } = workspace;

  const shown = (args: Args) => (message: SlackMessage) =>
    messageJson(workspace, message, {
      metadata: args.flag('include_all_metadata'),
      baseUrl: options.baseUrl,
    });

  /** `most`: what a page holds by default and at most. */
  const listed = (args: Args, messages: readonly SlackMessage[], most: [usual: number, max: number]) => {
    const [oldest, latest, inclusive] = [args.text('oldest'), args.text('latest'), args.flag('inclusive')];
    if (!isTime(oldest)) throw new SlackError('invalid_ts_oldest');
    if (!isTime(latest)) throw new SlackError('invalid_ts_latest');
    const inRange = messages.filter(({ ts }) => {
      if ((ts === oldest || ts === latest) && !inclusive) return false;
      return Number(ts) >= Number(oldest ?? 0) && Number(ts) <= Number(latest ?? Infinity);
    });
    const { page, next } = paged(args, inRange, most);
    return {
      messages: page.map(shown(args)),
      has_more: next !== undefined,
      ...(next !== undefined && { response_metadata: { next_cursor: next } }),
    };
  };

  /** E.g. channels:history for a public channel, im:history for a DM. */
  const scopeByType = (right: 'read' | 'history') => (args: Args) => {
    const { type } = workspace.channel(args.required('channel'));
    return `${scopeOf[type]}:${right}`;
  };

  const reacted = (args: Args) => {
    const name = args.required('name').replaceAll(':', '');
    if (!/^[a-z0-9_+'-]+$/.test(name)) throw new SlackError('invalid_name');
    const channel = writableChannel(workspace, args.required('channel'));
    const message = workspace.message(channel.id, args.required('timestamp'));
    const users = message.reactions.get(name) ?? new Set<string>();
    return { name, message, users };
  };

  const thread = (args: Args) => {
    const channel = writableChannel(workspace, args.required('channel_id'));
    const threadTs = args.required('thread_ts');
    try {
      return { channel, threadTs: threadOf(workspace, channel, threadTs)! };
    } catch {
      throw new SlackError('invalid_thread_ts');
    }
  };

  return {
    'auth.test': {
      run: () => ({
        url: 'https://sandbox.slack.test/',
        team: teamName,
        team_id: teamId,
        user: bot.name,
        user_id: bot.id,
        bot_id: bot.botId,
        is_enterprise_install: false,
      }),
    },
    'apps.connections.open': { token: 'app', run: () => ({ url: options.openSocket() }) },
    'team.info': {
      scope: 'team:read',
      run: () => ({ team: { id: teamId, name: teamName, domain: teamName } }),
    },
    'users.info': {
      scope: 'users:read',
      run(args) {
        const { id, name, isAdmin, isBot } = workspace.user(args.required('user'));
        const profile = { real_name: name, display_name: name };
        const rights = { is_admin: isAdmin, is_owner: false, is_bot: isBot, is_restricted: false };
        return {
          user: { id, team_id: teamId, name, real_name: name, deleted: false, ...rights, profile, tz: 'UTC' },
        };
      },
    },
    'users.conversations': {
      scope: (args) => typesIn(args).map((type) => `${scopeOf[type]}:read`),
      run(args) {
        const types = typesIn(args);
        const without = args.flag('exclude_archived');
        const all = workspace.channels.filter(
          ({ type, members, archived }) =>
            types.includes(type) && members.has(bot.id) && !(archived && without),
        );
        const { page, next = '' } = paged(args, all, [100, 999]);
        // Docs: is_member and num_members are left out here.
        const channels = page.map((one) => ({ ...channelJson(one, bot.id), is_member: undefined }));
        return { channels, response_metadata: { next_cursor: next } };
      },
    },
    'conversations.info': {
      scope: scopeByType('read'),
      run(args) {
        const channel = workspace.channel(args.required('channel'));
        const hidden = channel.type !== 'channel' && !channel.members.has(bot.id);
        if (hidden) throw new SlackError('channel_not_found');
        return { channel: channelJson(channel, bot.id) };
      },
    },
    'conversations.open': {
      scope: 'im:write',
      run(args) {
        const users = args.required('users').split(',');
        if (users.length > 1) throw invalidArgument('the sandbox knows no group messages');
        if (workspace.user(users[0]!).isBot) throw new SlackError('cannot_dm_bot');
        const known = workspace.channels.length;
        const channel = workspace.dm(users[0]!);
        const already = workspace.channels.length === known;
        return { ...(already && { no_op: true, already_open: true }), channel: channelJson(channel, bot.id) };
      },
    },
    'conversations.history': {
      scope: scopeByType('history'),
      run(args) {
        const channel = readableChannel(workspace, args.required('channel'));
        const top = workspace.messages(channel.id).filter(({ threadTs, onlyFor }) => !threadTs && !onlyFor);
        return listed(args, top.toReversed(), [100, 999]);
      },
    },
    'conversations.replies': {
      scope: scopeByType('history'),
      run(args) {
        const channel = readableChannel(workspace, args.required('channel'));
        const ts = threadOf(workspace, channel, args.required('ts'))!;
        const parent = workspace
          .messages(channel.id)
          .filter((message) => message.ts === ts && !message.onlyFor);
        const page = listed(args, [...parent, ...workspace.replies(channel.id, ts)], [1000, 1000]);
        // The thread's first message heads each page, also one from `oldest` or a cursor on [I].
        const heads = page.messages[0]?.ts === ts ? [] : parent.map(shown(args));
        return { ...page, messages: [...heads, ...page.messages] };
      },
    },
    'files.info': {
      scope: 'files:read',
      run(args) {
        const file = workspace.file(args.required('file'));
        if (!file) throw new SlackError('file_not_found');
        return { file: fileJson(file, options.baseUrl) };
      },
    },
    'reactions.add': {
      scope: 'reactions:write',
      run(args) {
        const { name, message, users } = reacted(args);
        if (users.has(bot.id)) throw new SlackError('already_reacted');
        message.reactions.set(name, users.add(bot.id));
        workspace.changed();
        return {};
      },
    },
    'reactions.remove': {
      scope: 'reactions:write',
      run(args) {
        const { name, message, users } = reacted(args);
        if (!users.delete(bot.id)) throw new SlackError('no_reaction');
        if (users.size === 0) message.reactions.delete(name);
        workspace.changed();
        return {};
      },
    },
    'assistant.threads.setStatus': {
      scope: 'chat:write',
      run(args) {
        const { channel, threadTs } = thread(args);
        const loading = args.json('loading_messages', 'invalid_arguments') ?? [];
        if (!Array.isArray(loading) || loading.length > 10)
          throw invalidArgument('at most 10 loading_messages');
        if (loading.some((one) => typeof one !== 'string' || one.length > 50)) {
          throw invalidArgument('a loading message has at most 50 characters');
        }
        if (args.text('status') === undefined) throw invalidArgument('missing required field: status');
        statuses.set(channel.id, threadTs, args.text('status')!);
        return {};
      },
    },
    'assistant.threads.setSuggestedPrompts': {
      scope: 'assistant:write',
      run(args) {
        const channel = writableChannel(workspace, args.required('channel_id'));
        threadOf(workspace, channel, args.text('thread_ts'));
        const prompts = args.json('prompts', 'invalid_arguments');
        if (!Array.isArray(prompts) || prompts.length > 4) throw invalidArgument('at most 4 prompts');
        if (
          prompts.some((prompt) => typeof prompt?.title !== 'string' || typeof prompt?.message !== 'string')
        ) {
          throw invalidArgument('a prompt needs title and message');
        }
        return {};
      },
    },
    'agents.sessions.setStatus': {
      scope: 'chat:write',
      run(args) {
        const { channel, threadTs } = thread(args);
        const status = oneOf(args, 'status', sessionStatuses);
        if ((args.text('title') ?? '').length > 200)
          throw invalidArgument('a title has at most 200 characters');
        statuses.setSession(channel.id, threadTs, status, args.text('title'));
        const { title } = statuses.session(channel.id, threadTs)!;
        const unheard = status === 'processing' && !slack.events.subscriptions.has('agent_session_stopped');
        const warning = 'missing_agent_session_stopped_event_subscription';
        return { status, agent_status: status, title, ...(unheard && { warning }) };
      },
    },
  };
}

/** A page of a list: `most` is what it holds by default and at most, `next` the cursor of the page after it. */
function paged<T>(args: Args, all: readonly T[], most: [usual: number, max: number]) {
  const from = Number(Buffer.from(args.text('cursor') ?? '', 'base64').toString() || 0);
  if (!Number.isInteger(from)) throw new SlackError('invalid_cursor');
  const to = from + args.count('limit', ...most);
  const next = to < all.length ? Buffer.from(String(to)).toString('base64') : undefined;
  return { page: all.slice(from, to), next };
}

/** As scopes call the kinds of channels, and as `types` does. */
const scopeOf = { channel: 'channels', group: 'groups', im: 'im', mpim: 'mpim' } as const;
const typeNames: Readonly<Record<string, ChannelType>> = {
  public_channel: 'channel',
  private_channel: 'group',
  mpim: 'mpim',
  im: 'im',
};

/** The kinds of channels that are asked for. Throws invalid_types. */
function typesIn(args: Args): ChannelType[] {
  return (args.text('types') ?? 'public_channel').split(',').map((name) => {
    const type = typeNames[name.trim()];
    if (!type) throw new SlackError('invalid_types');
    return type;
  });
}

const isTime = (ts = '0') => /^\d+(\.\d+)?$/.test(ts);

function channelJson(channel: SlackChannel, bot: string): Record<string, unknown> {
  const { id, name, type, members, archived } = channel;
  if (type === 'im') {
    return { id, is_im: true, user: [...members].find((user) => user !== bot), is_archived: archived };
  }
  return {
    id,
    name,
    is_channel: type === 'channel',
    is_group: type === 'group',
    is_im: false,
    is_mpim: type === 'mpim',
    is_private: type !== 'channel',
    is_archived: archived,
    is_member: members.has(bot),
  };
}
