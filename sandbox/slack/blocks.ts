/** Block Kit: what Slack refuses, and what a person sees of a block. Limits are the docs' if not marked. */
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { SlackError } from './slack-error.ts';

type Fields = Readonly<Record<string, unknown>>;

export type SlackBlock = Fields & { readonly type: string };

const maxBlocks = 50;
/** Over all `markdown` blocks of a message. */
export const maxMarkdown = 12_000;
/** Over all blocks, each heading counting 100 more; undocumented, as measured by users [I]. */
const maxAllText = 13_200;
const headingCost = 100;

const otherBlocks = new Set(
  'divider image rich_text table video file plan task_card alert card carousel container data_table'.split(
    ' ',
  ),
);

/** Throws invalid_blocks_format when this is no list of blocks. */
export function asBlocks(value: unknown): SlackBlock[] {
  if (!Array.isArray(value) || value.some((block) => typeof block?.type !== 'string')) {
    throw new SlackError('invalid_blocks_format');
  }
  return value;
}

/** Throws invalid_blocks or msg_blocks_too_long, as posting these blocks would. */
export function checkBlocks(blocks: readonly SlackBlock[]): void {
  const faults: string[] = [];
  if (blocks.length > maxBlocks)
    faults.push(`no more than ${maxBlocks} items allowed [json-pointer:/blocks]`);
  const ids = new Set<string>();
  blocks.forEach((block, index) => {
    const at = `/blocks/${index}`;
    const fault = (what: string, where = '') => faults.push(`${what} [json-pointer:${at}${where}]`);
    const id = block.block_id;
    if (id !== undefined && (typeof id !== 'string' || id.length > 255))
      fault('must be at most 255', '/block_id');
    if (typeof id === 'string' && ids.has(id)) fault('block_id already exists', '/block_id');
    if (typeof id === 'string') ids.add(id);
    checkBlock(block, fault);
  });
  if (faults.length > 0) throw new SlackError('invalid_blocks', faults);
  checkSize(blocks);
}

type Report = (what: string, where?: string) => void;

function checkBlock(block: SlackBlock, fault: Report): void {
  switch (block.type) {
    case 'section':
      if (block.text === undefined && block.fields === undefined)
        fault('missing required field: text or fields');
      if (block.text !== undefined) checkText(block.text, 3000, fault, '/text');
      checkList(block.fields, 10, fault, '/fields', (field, where) => checkText(field, 2000, fault, where));
      return;
    case 'markdown':
      if (typeof block.text !== 'string') fault('must provide a string', '/text');
      else if (block.text === '') fault('must be more than 0 characters', '/text');
      return;
    case 'header':
      checkText(block.text, 150, fault, '/text', 'plain_text');
      return;
    case 'context':
      checkList(block.elements ?? [], 10, fault, '/elements', (element, where) => {
        if (fieldsOf(element).type !== 'image') checkText(element, 3000, fault, where);
      });
      return;
    case 'actions':
      checkElements(block.elements, 25, fault, undefined);
      return;
    case 'context_actions':
      checkElements(block.elements, 5, fault, ['feedback_buttons', 'icon_button']);
      return;
    default:
      if (!otherBlocks.has(block.type)) fault(`unsupported type: ${block.type}`, '/type');
  }
}

function checkText(text: unknown, max: number, fault: Report, where: string, only?: string): void {
  const { type, text: value } = fieldsOf(text);
  if (type !== 'plain_text' && (only !== undefined || type !== 'mrkdwn'))
    fault('invalid text type', `${where}/type`);
  else if (typeof value !== 'string' || value === '')
    fault('must be more than 0 characters', `${where}/text`);
  else if (value.length > max) fault(`must be less than ${max + 1} characters`, `${where}/text`);
}

function checkList(
  list: unknown,
  max: number,
  fault: Report,
  where: string,
  check: (item: unknown, where: string) => void,
): void {
  if (list === undefined) return;
  if (!Array.isArray(list) || list.length === 0) return void fault('must provide at least 1 item', where);
  if (list.length > max) fault(`no more than ${max} items allowed`, where);
  list.forEach((item, index) => {
    check(item, `${where}/${index}`);
  });
}

function checkElements(list: unknown, max: number, fault: Report, only: readonly string[] | undefined): void {
  const ids = new Set<unknown>();
  checkList(list ?? [], max, fault, '/elements', (item, where) => {
    const element = fieldsOf(item);
    if (only && !only.includes(String(element.type)))
      fault(`unsupported type: ${element.type}`, `${where}/type`);
    const id = element.action_id;
    if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > 255)) {
      fault('must be 1 to 255 characters', `${where}/action_id`);
    }
    if (id !== undefined && ids.has(id)) fault(`\`action_id\` "${id}" already exists`, `${where}/action_id`);
    ids.add(id);
    if (element.type === 'button') checkButton(element, fault, where);
    if (element.type === 'feedback_buttons') {
      for (const side of ['positive_button', 'negative_button'])
        checkButton(element[side], fault, `${where}/${side}`);
    }
    if (element.type === 'icon_button' && typeof element.icon !== 'string')
      fault('missing required field: icon', where);
  });
}

function checkButton(value: unknown, fault: Report, where: string): void {
  const button = fieldsOf(value);
  checkText(button.text, 75, fault, `${where}/text`, 'plain_text');
  if (button.value !== undefined && (typeof button.value !== 'string' || button.value.length > 2000)) {
    fault('must be at most 2000 characters', `${where}/value`);
  }
  if (button.style !== undefined && button.style !== 'primary' && button.style !== 'danger') {
    fault('must be primary or danger', `${where}/style`);
  }
}

/** Slack takes a `markdown` block apart: a heading, table or rule is a block, and so is the text between. */
function checkSize(blocks: readonly SlackBlock[]): void {
  const markdown = blocks.filter((block) => block.type === 'markdown').map((block) => String(block.text));
  if (lengthOf(markdown) > maxMarkdown) throw new SlackError('msg_blocks_too_long');
  const rendered = markdown.map(renderedBlocks);
  const count = blocks.length - markdown.length + rendered.reduce((sum, one) => sum + one.blocks, 0);
  const headings = rendered.reduce((sum, one) => sum + one.headings, 0);
  const size = lengthOf(textsIn(blocks)) + headingCost * headings;
  if (count > maxBlocks || size > maxAllText) throw new SlackError('msg_blocks_too_long');
}

function renderedBlocks(markdown: string): { blocks: number; headings: number } {
  const tree = fromMarkdown(markdown, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  let blocks = 0;
  let inRun = false;
  for (const { type } of tree.children) {
    const own = ['heading', 'table', 'thematicBreak', 'code'].includes(type);
    if (own || !inRun) blocks += 1;
    inRun = !own;
  }
  return { blocks, headings: tree.children.filter(({ type }) => type === 'heading').length };
}

const lengthOf = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0);

/** Every text a block shows, found at any depth; `parsed`: `<…>` means something in it. */
function shownIn(value: unknown): { readonly text: string; readonly parsed: boolean }[] {
  if (Array.isArray(value)) return value.flatMap(shownIn);
  if (typeof value !== 'object' || value === null) return [];
  const parsed = fieldsOf(value).type !== 'plain_text';
  return Object.entries(value).flatMap(([key, inner]) => {
    if (typeof inner !== 'string') return shownIn(inner);
    return key === 'text' ? [{ text: inner, parsed }] : [];
  });
}

/** These texts; with `parsed` only those in which `<…>` means something. */
export const textsIn = (value: unknown, parsed = false): string[] =>
  shownIn(value).flatMap((shown) => (parsed && !shown.parsed ? [] : [shown.text]));

export interface BlockButton {
  /** The action_id; of a feedback button with the value of its side: `ID:VALUE`. */
  readonly id: string;
  readonly label: string;
  readonly block: SlackBlock;
  readonly element: Fields;
  readonly value: string | undefined;
}

export function buttonsOf(blocks: readonly SlackBlock[]): readonly BlockButton[] {
  return blocks.flatMap((block) => {
    if (block.type !== 'actions' && block.type !== 'context_actions') return [];
    return (block.elements as readonly Fields[]).flatMap((element): BlockButton[] => {
      const id = String(element.action_id);
      if (element.type !== 'feedback_buttons') {
        const value = typeof element.value === 'string' ? element.value : undefined;
        return [{ id, label: plain(element), block, element, value }];
      }
      return [fieldsOf(element.positive_button), fieldsOf(element.negative_button)].map((side) => {
        const value = String(side.value);
        return { id: `${id}:${value}`, label: plain(side), block, element, value };
      });
    });
  });
}

const plain = (element: Fields) => String(fieldsOf(element.text).text ?? '');

/** The blocks as a person reads them, top to bottom; buttons left out. `read` is for mrkdwn. */
export function readBlocks(blocks: readonly SlackBlock[], read: (mrkdwn: string) => string): string {
  const lines = blocks.flatMap((block): string[] => {
    if (block.type === 'actions' || block.type === 'context_actions') return [];
    if (block.type === 'divider') return ['---'];
    if (block.type === 'markdown') return [String(block.text)];
    if (block.type === 'task_card' || block.type === 'plan') return [String(block.title)];
    const texts = shownIn(block).map(({ text, parsed }) => (parsed ? read(text) : text));
    return block.type === 'context' ? [texts.join(' ')] : texts;
  });
  return lines.join('\n\n');
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
