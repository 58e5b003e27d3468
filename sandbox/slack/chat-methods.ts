/** chat.postMessage, postEphemeral, update and delete. */
import type { Args } from './args.ts';
import { checkBlocks, type SlackBlock } from './blocks.ts';
import {
  announce,
  edit,
  type Methods,
  named,
  type SlackContext,
  threadOf,
  writableChannel,
} from './method.ts';
import { messageJson } from './shown.ts';
import { SlackError } from './slack-error.ts';
import type { Streams } from './streams.ts';
import type { SlackMessage } from './workspace.ts';

/** Docs: longer text is cut off. */
const maxPostedText = 40_000;
/** Docs: 4,000 characters; counted in bytes of UTF-8, as measured by users [I]. */
const maxUpdatedBytes = 4000;

interface Content {
  readonly text: string | undefined;
  readonly blocks: readonly SlackBlock[] | undefined;
}

/** What a message shall show. Throws no_text, invalid_blocks, msg_too_long, msg_blocks_too_long. */
export function contentOf(args: Args): Content {
  const [text, blocks, markdown] = [args.text('text'), args.blocks(), args.markdown()];
  if (markdown !== undefined && (text !== undefined || blocks))
    throw new SlackError('markdown_text_conflict');
  if (!text?.trim() && !blocks?.length && !markdown?.trim()) throw new SlackError('no_text');
  const shown = markdown === undefined ? blocks : [{ type: 'markdown', text: markdown }];
  checkBlocks(shown ?? []);
  return { text: text ?? markdown, blocks: shown && named(shown) };
}

export function chatMethods(slack: SlackContext, streams: Streams): Methods {
  const { workspace, events } = slack;

  const post = (args: Args, channelId: string, onlyFor?: string): SlackMessage => {
    const channel = writableChannel(workspace, channelId);
    const content = contentOf(args);
    const threadTs = threadOf(workspace, channel, args.text('thread_ts'));
    const message = workspace.add({
      channel: channel.id,
      user: workspace.bot.id,
      text: (content.text ?? '').slice(0, maxPostedText),
      blocks: content.blocks ?? [],
      metadata: args.metadata(),
      threadTs,
      onlyFor,
    });
    announce(slack, message);
    return message;
  };

  /** One of the bot's own messages. */
  const own = (args: Args, refusal: string): SlackMessage => {
    const channel = writableChannel(workspace, args.required('channel'));
    const message = workspace.message(channel.id, args.required('ts'));
    if (message.user !== workspace.bot.id) throw new SlackError(refusal);
    return message;
  };

  return {
    'chat.postMessage': {
      scope: 'chat:write',
      run(args) {
        const message = post(args, args.required('channel'));
        return { channel: message.channel, ts: message.ts, message: messageJson(workspace, message) };
      },
    },
    'chat.postEphemeral': {
      scope: 'chat:write',
      run(args) {
        const user = args.required('user');
        const channel = writableChannel(workspace, args.required('channel'));
        if (!channel.members.has(user)) throw new SlackError('user_not_in_channel');
        return { message_ts: post(args, channel.id, user).ts };
      },
    },
    'chat.update': {
      scope: 'chat:write',
      run(args) {
        const message = own(args, 'cant_update_message');
        if (message.streaming) throw new SlackError('streaming_state_conflict');
        if (Buffer.byteLength(args.text('text') ?? '') > maxUpdatedBytes)
          throw new SlackError('msg_too_long');
        const { text, blocks } = contentOf(args);
        const metadata = args.metadata();
        edit(slack, message, false, () => {
          // Text alone takes the blocks away; blocks alone leave the text.
          message.blocks = blocks ?? [];
          message.text = text ?? message.text;
          if (metadata !== undefined) message.metadata = metadata;
          message.editedTs = workspace.newTs();
        });
        const { channel, ts } = message;
        return { channel, ts, text: message.text, message: messageJson(workspace, message) };
      },
    },
    'chat.delete': {
      scope: 'chat:write',
      run(args) {
        const message = own(args, 'cant_delete_message');
        streams.forget(message);
        workspace.remove(message);
        events.deleted(message);
        return { channel: message.channel, ts: message.ts };
      },
    },
  };
}
