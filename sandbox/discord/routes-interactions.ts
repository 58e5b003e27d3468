import { InteractionType, MessageFlags, MessageType, InteractionResponseType as Reply } from 'discord.js';
import { apiError, formError, notBuilt } from './errors.ts';
import { needUnarchived } from './guards.ts';
import { type ApiRequest, type ApiResponse, noContent, ok, type Route } from './http.ts';
import type { Interaction, Interactions } from './interactions.ts';
import { PARSE_USERS } from './mentions.ts';
import { readMessageForm } from './message-form.ts';
import { messagePayload } from './payloads.ts';
import type { Posting } from './posting.ts';
import type { Message } from './records.ts';
import type { World } from './world.ts';

export interface InteractionRoutesOptions {
  readonly world: World;
  readonly posting: Posting;
  readonly interactions: Interactions;
}

/** Answers to interactions: the callback, and the webhook that its token opens for 15 minutes. */
export function interactionRoutes({ world, posting, interactions }: InteractionRoutesOptions): Route[] {
  /** Where a new answer stands and whose it is. */
  const draft = (interaction: Interaction, flags: number) => ({
    channel: interaction.channel,
    type: interaction.messageType,
    flags: flags & MessageFlags.Ephemeral,
    ...(flags & MessageFlags.Ephemeral && { onlyFor: interaction.user }),
    ...(interaction.clicked && { replyTo: { channel: interaction.channel, message: interaction.clicked } }),
    origin: {
      id: interaction.id,
      type: interaction.type,
      user: interaction.user,
      ...(interaction.command && { command: interaction.command }),
    },
  });

  const channelOf = ({ channel }: Interaction) => {
    const found = world.channels.get(channel);
    if (!found) throw apiError(10003);
    return found;
  };

  const clickedMessage = (interaction: Interaction): Message => {
    const message = channelOf(interaction).messages.get(interaction.clicked!);
    if (!message) throw apiError(10008);
    return message;
  };

  const callback = ({ params, query, body, files }: ApiRequest): ApiResponse => {
    const interaction = interactions.find(params.token!);
    if (!interaction || interaction.id !== params.interaction || interaction.state === 'failed')
      throw apiError(10062);
    if (interaction.state !== 'waiting') throw apiError(40060);
    channelOf(interaction);
    const message = respond(interaction, body, files);
    interactions.acknowledge(interaction, message.id);
    if (!['true', '1'].includes(query.get('with_response') ?? '')) return noContent;
    return ok(callbackPayload(interaction, Number(body.type), message));
  };

  const respond = (
    interaction: Interaction,
    body: ApiRequest['body'],
    files: ApiRequest['files'],
  ): Message => {
    const data = (body.data ?? {}) as Record<string, unknown>;
    const ofComponent = interaction.type === InteractionType.MessageComponent;
    switch (body.type) {
      case Reply.ChannelMessageWithSource: {
        const form = readMessageForm(data, files);
        return posting.post(form, PARSE_USERS, draft(interaction, form.flags ?? 0));
      }
      case Reply.DeferredChannelMessageWithSource: {
        const answer = draft(interaction, Number(data.flags ?? 0));
        return world.post({
          ...answer,
          author: world.bot.id,
          flags: answer.flags | MessageFlags.Loading,
        });
      }
      case Reply.DeferredMessageUpdate:
        if (ofComponent) return clickedMessage(interaction);
        break;
      case Reply.UpdateMessage:
        if (ofComponent) {
          const message = clickedMessage(interaction);
          posting.edit(message, readMessageForm(data, files), PARSE_USERS);
          return message;
        }
        break;
      case Reply.Modal:
      case Reply.ApplicationCommandAutocompleteResult:
        throw notBuilt('modals and autocompletion');
    }
    throw formError('type', 'BASE_TYPE_CHOICES', 'Not a response to this type of interaction.');
  };

  const callbackPayload = (interaction: Interaction, type: number, message: Message) => {
    const update = type === Reply.DeferredMessageUpdate;
    // The message itself comes with types 4 and 7 only; a deferral tells its id.
    const whole = type === Reply.ChannelMessageWithSource || type === Reply.UpdateMessage;
    return {
      interaction: {
        id: interaction.id,
        type: interaction.type,
        ...(!update && {
          response_message_id: message.id,
          response_message_loading: (message.flags & MessageFlags.Loading) !== 0,
          response_message_ephemeral: message.onlyFor !== undefined,
        }),
        channel_id: interaction.channel,
        guild_id: world.guildOf(interaction.channel),
      },
      resource: { type, ...(whole && { message: messagePayload(world, message) }) },
    };
  };

  const byWebhook = ({ params }: ApiRequest): Interaction => {
    const interaction = interactions.find(params.token!);
    if (params.application !== world.applicationId) throw apiError(10015);
    if (!interaction || interaction.state === 'expired') throw apiError(50027);
    if (interaction.state !== 'acknowledged') throw apiError(10015);
    return interaction;
  };

  /** @original, or a message that this interaction's token made. */
  const answerOf = (interaction: Interaction, id: string): Message => {
    const wanted = id === '@original' ? interaction.original : id;
    const message = wanted && channelOf(interaction).messages.get(wanted);
    if (!message) throw apiError(10008);
    if (message.id !== interaction.original && message.origin?.id !== interaction.id) throw apiError(10008);
    return message;
  };

  const get = (request: ApiRequest): ApiResponse =>
    ok(messagePayload(world, answerOf(byWebhook(request), request.params.message!)));

  const edit = (request: ApiRequest): ApiResponse => {
    const interaction = byWebhook(request);
    const message = answerOf(interaction, request.params.message!);
    needUnarchived(channelOf(interaction));
    posting.edit(message, readMessageForm(request.body, request.files), PARSE_USERS);
    return ok(messagePayload(world, message));
  };

  const remove = (request: ApiRequest): ApiResponse => {
    world.remove(answerOf(byWebhook(request), request.params.message!));
    return noContent;
  };

  const followUp = (request: ApiRequest): ApiResponse => {
    const interaction = byWebhook(request);
    const form = readMessageForm(request.body, request.files);
    const original = channelOf(interaction).messages.get(interaction.original!);
    // The first follow-up of a deferral fills the loading message instead.
    if (original && original.flags & MessageFlags.Loading) {
      posting.edit(original, form, PARSE_USERS);
      return ok(messagePayload(world, original));
    }
    const { origin, ...rest } = draft(interaction, form.flags ?? 0);
    const { command: _, ...followUpOrigin } = origin;
    const message = posting.post(form, PARSE_USERS, {
      ...rest,
      type: MessageType.Reply,
      replyTo: { channel: interaction.channel, message: interaction.original! },
      origin: { ...followUpOrigin, original: interaction.original! },
    });
    return ok(messagePayload(world, message));
  };

  const webhook = '/webhooks/:application/:token';
  const message = `${webhook}/messages/:message`;
  const limits = { budget: ['webhook', 'token'], interaction: true } as const;
  return [
    {
      method: 'POST',
      path: '/interactions/:interaction/:token/callback',
      interaction: true,
      handle: callback,
    },
    { method: 'POST', path: webhook, ...limits, handle: followUp },
    { method: 'GET', path: message, interaction: true, handle: get },
    { method: 'PATCH', path: message, ...limits, handle: edit },
    { method: 'DELETE', path: message, ...limits, handle: remove },
  ];
}
