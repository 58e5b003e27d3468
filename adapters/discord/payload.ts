import { createHash } from 'node:crypto';
import {
  type APIActionRowComponent,
  type APIButtonComponentWithCustomId,
  ButtonStyle,
  ComponentType,
  MessageFlags,
} from 'discord.js';
import { type ButtonKind, buttonId, buttonLabels, type Page } from '../../src/bot/ports.ts';
import { cut } from '../../src/cut.ts';

/** Characters of content in one message (Discord's documentation, "Create Message"). */
const CONTENT_LIMIT = 2000;

/** The line above an answer that repeats what was asked; characters. */
const ASKED_LIMIT = 150;

/** On every create and edit: an edit is parsed for mentions again. */
const NO_MENTIONS = { parse: [], replied_user: false };

const STYLES: Record<ButtonKind, APIButtonComponentWithCustomId['style']> = {
  stop: ButtonStyle.Secondary,
  retry: ButtonStyle.Secondary,
  continue: ButtonStyle.Primary,
  reasoning: ButtonStyle.Secondary,
};

/** A page as the body of a create or an edit. `asked` is shown as a quote above it, as far as there is room. */
export function pageBody(page: Page, turn: string, asked: string | null) {
  const footer = page.footer?.split('\n').map((line) => `-# ${line}`) ?? [];
  // Discord trims the text, and refuses what is then empty.
  const content = [page.text, ...footer].filter((part) => part.trim() !== '').join('\n') || '…';
  return {
    content: asked === null ? content : withQuote(asked, content),
    components: page.buttons.length === 0 ? [] : [buttonRow(page.buttons, turn)],
    allowed_mentions: NO_MENTIONS,
    flags: MessageFlags.SuppressEmbeds,
  };
}

/** A message that pings one person and nobody else. */
export function announcementBody(text: string, user: string) {
  return {
    content: `<@${user}> ${text}`,
    allowed_mentions: { ...NO_MENTIONS, users: [user] },
    flags: MessageFlags.SuppressEmbeds,
  };
}

/** Makes a message a reply, which still goes out when the other message was deleted. */
export const replyingTo = (message: string | null) =>
  message === null ? {} : { message_reference: { message_id: message, fail_if_not_exists: false } };

/** Lets Discord give the first message back, instead of posting another one for the same key. */
export const onceFor = (key: string) => ({
  // At most 25 characters (Discord's documentation, "Create Message").
  nonce: createHash('sha256').update(key).digest('base64url').slice(0, 25),
  enforce_nonce: true,
});

function withQuote(asked: string, content: string): string {
  const room = Math.min(ASKED_LIMIT, CONTENT_LIMIT - content.length - '> \n'.length);
  const line = fitting(asked.replace(/\s+/g, ' ').trim(), room);
  return line === '' ? content : `> ${line}\n${content}`;
}

function fitting(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return limit < 2 ? '' : cut(text, limit - 1);
}

function buttonRow(
  buttons: readonly ButtonKind[],
  turn: string,
): APIActionRowComponent<APIButtonComponentWithCustomId> {
  return {
    type: ComponentType.ActionRow,
    components: buttons.map((kind) => ({
      type: ComponentType.Button,
      style: STYLES[kind],
      label: buttonLabels[kind],
      custom_id: buttonId(kind, turn),
    })),
  };
}
