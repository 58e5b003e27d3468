import { type APIAllowedMentions, MessageFlags } from 'discord.js';
import { apiError } from './errors.ts';
import { mentionsIn, NO_MENTIONS } from './mentions.ts';
import type { MessageForm } from './message-form.ts';
import type { Attachment, Channel, Mentions, Message } from './records.ts';
import type { Draft, World } from './world.ts';

/** A mention in one of the bot's messages that Discord made real. */
export interface Ping {
  readonly message: string;
  /** As written: "@everyone", "@here", "<@123>" or "<@&123>". A reply that mentions its target counts too. */
  readonly what: string;
  /** False for a mention that came by an edit: it is shown, but notifies nobody. */
  readonly notified: boolean;
}

/** Writes the bot's messages: what a checked form does to the world. */
export class Posting {
  readonly pings: Ping[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Throws 50006 when there is nothing in it. */
  post(form: MessageForm, fallback: APIAllowedMentions, draft: Omit<Draft, 'author'>): Message {
    const { content = '', embeds = [], components = [] } = form;
    const attachments = this.#store(form);
    if (!content && embeds.length + components.length + attachments.length === 0) throw apiError(50006);
    const channel = this.#world.channel(draft.channel);
    const mentions = draft.onlyFor
      ? NO_MENTIONS
      : this.#mentions(channel, content, form.allowedMentions, fallback, draft.replyTo);
    const message = this.#world.post({
      ...draft,
      author: this.#world.bot.id,
      content,
      embeds,
      components,
      attachments,
      mentions,
      flags: (draft.flags ?? 0) | ((form.flags ?? 0) & CREATE_FLAGS),
      ...(form.nonce !== undefined && { nonce: form.nonce }),
    });
    this.#record(message, NO_MENTIONS, true);
    return message;
  }

  /** Changes what the form says and leaves the rest. Throws 50006 when nothing would be left. */
  edit(message: Message, form: MessageForm, fallback: APIAllowedMentions): void {
    const { content = message.content, embeds = message.embeds, components = message.components } = form;
    const kept = message.attachments.filter(({ id }) => form.keep?.includes(id) ?? true);
    const attachments = [...kept, ...this.#store(form)];
    if (!content && embeds.length + components.length + attachments.length === 0) throw apiError(50006);
    const channel = this.#world.channel(message.channel);
    const reparse = form.content !== undefined && !message.onlyFor;
    const mentions = reparse
      ? this.#mentions(channel, content, form.allowedMentions, fallback, message.replyTo)
      : message.mentions;
    const flags =
      form.flags === undefined
        ? message.flags
        : (message.flags & ~MessageFlags.SuppressEmbeds) | (form.flags & MessageFlags.SuppressEmbeds);
    const before = message.mentions;
    this.#world.edit(message, { content, embeds, components, attachments, mentions, flags });
    this.#record(message, before, false);
  }

  #store({ uploads }: MessageForm): Attachment[] {
    return uploads.map((upload) => ({ ...upload, id: this.#world.ids.next() }));
  }

  #mentions(
    channel: Channel,
    content: string,
    allowed: APIAllowedMentions | undefined,
    fallback: APIAllowedMentions,
    replyTo: Message['replyTo'],
  ): Mentions {
    const { bot, users, roles } = this.#world;
    const everyone = !channel.recipient && this.#world.may(bot, channel, 'MentionEveryone');
    const replied = replyTo && this.#world.channels.get(replyTo.channel)?.messages.get(replyTo.message);
    return mentionsIn(content, allowed, {
      users: new Set(users.keys()),
      roles: new Map(
        [...roles.values()].map(({ id, mentionable }) => [
          id,
          !channel.recipient && (mentionable || everyone),
        ]),
      ),
      everyone,
      ...(replied && { repliedTo: replied.author }),
      fallback,
    });
  }

  /** Records the mentions that were not there before, but for the bot's own. */
  #record({ id, mentions }: Message, before: Mentions, notified: boolean): void {
    const known = this.#written(before);
    for (const what of this.#written(mentions))
      if (!known.includes(what)) this.pings.push({ message: id, what, notified });
  }

  #written({ everyone, here, users, roles }: Mentions): string[] {
    return [
      ...(everyone ? ['@everyone'] : []),
      ...(here ? ['@here'] : []),
      ...users.filter((user) => user !== this.#world.bot.id).map((user) => `<@${user}>`),
      ...roles.map((role) => `<@&${role}>`),
    ];
  }
}

/** The flags that a bot may set on a new message. */
const CREATE_FLAGS = MessageFlags.SuppressEmbeds | MessageFlags.SuppressNotifications;
