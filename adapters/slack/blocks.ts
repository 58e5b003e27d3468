import type { ChatPostMessageArguments } from '@slack/web-api';
import { type ButtonKind, buttonId, buttonLabels, type Page } from '../../src/bot/ports.ts';
import { tablesAsCode } from './tables.ts';
import { escapeUpTo } from './text.ts';

export type Blocks = Extract<ChatPostMessageArguments, { blocks: unknown }>['blocks'];

/**
 * Characters of the text for notifications. chat.update refuses more than 4,000 with msg_too_long, and users
 * have measured bytes of UTF-8: three a character at most.
 */
const MAX_TEXT = 1_300;
/** A text in a context block; https://docs.slack.dev/reference/block-kit/blocks/context-block */
const MAX_FOOTER = 2_000;

/**
 * A text in a section block has 3,000 characters at most, which may be so many halves of them;
 * https://docs.slack.dev/reference/block-kit/blocks/section-block
 */
const SECTION = /.{1,1500}/gsu;

/** How a page's text is shown: as Markdown, with its tables as code, or as it was written. */
export type Form = 'markdown' | 'tables as code' | 'plain';

/** A page as a message: blocks to see, and text for notifications and screen readers. */
export function messageOf(page: Page, turn: string, form: Form): { text: string; blocks: Blocks } {
  const controls = controlsOf(page, turn);
  const text = page.text.trim() === '' ? '' : page.text;
  // Slack refuses an empty message, and an empty markdown block.
  const shown = text || (controls.length === 0 ? '…' : '');
  return {
    text: escapeUpTo(MAX_TEXT, text || page.footer || '…'),
    blocks: [...(form === 'plain' ? sectionsOf(shown) : markdownOf(shown, form)), ...controls],
  };
}

const markdownOf = (text: string, form: Form): Blocks =>
  text === '' ? [] : [{ type: 'markdown', text: form === 'markdown' ? text : tablesAsCode(text) }];

const sectionsOf = (text: string): Blocks =>
  (text.match(SECTION) ?? [])
    .filter((part) => part.trim() !== '')
    .map((part) => ({ type: 'section', text: { type: 'plain_text', text: part } }));

/** A message of ours as Slack told it, but for its buttons. */
export function withoutButtons(text: string, blocks: Blocks): { text: string; blocks: Blocks } {
  return { text: text.slice(0, MAX_TEXT), blocks: blocks.filter(({ type }) => type !== 'actions') };
}

/** What stands under the text: the footer and the buttons. */
export function controlsOf(page: Page, turn: string): Blocks {
  const blocks: Blocks = [];
  if (page.footer) {
    // plain_text: nothing in a footer can mention or link
    const text = page.footer.slice(0, MAX_FOOTER);
    blocks.push({ type: 'context', elements: [{ type: 'plain_text', text }] });
  }
  if (page.buttons.length > 0) {
    blocks.push({ type: 'actions', elements: page.buttons.map((kind) => button(kind, turn)) });
  }
  return blocks;
}

function button(kind: ButtonKind, turn: string) {
  return {
    type: 'button',
    action_id: buttonId(kind, turn),
    text: { type: 'plain_text', text: buttonLabels[kind] },
  } as const;
}
