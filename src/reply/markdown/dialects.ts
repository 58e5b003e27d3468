/** What each platform's Markdown has, and what stands in for the rest. */
import type { Dialect } from '../surface.ts';
import { GAP, neutralise } from './neutralise.ts';
import type { Frame } from './page-writer.ts';

export interface Signs {
  bullet(marker: string): string;
  /** `undefined`: the platform has no heading of this level; it becomes a bold line. */
  heading(level: number): string | undefined;
  fence(sign: string, length: number, info: string): Frame;
  /** Lines of code that no fence stood around. `indent` goes before each of them. */
  readonly indented: { readonly indent: string; readonly frame: Frame };
  /** A piece of fenced code, `before` which this character stands. */
  code(text: string, before: string): string;
  /** A thematic break, or the line under a heading. */
  rule(text: string): string;
  task(box: string): string;
  /** False: tables become code blocks or lists. */
  readonly tables: boolean;
}

/** Characters of an info string that are kept: room for a file name. */
const LONGEST_INFO = 40;

/**
 * Slack's `markdown` block takes standard Markdown: all headings (shown in one size), tables, task lists,
 * breaks; images become links. docs.slack.dev, reference/block-kit/blocks/markdown-block, November 2026.
 */
const slack: Signs = {
  bullet: (marker) => marker,
  heading: (level) => '#'.repeat(level),
  fence(sign, length, info) {
    const fence = sign.repeat(length);
    return { open: [fence + neutralise(info.slice(0, LONGEST_INFO), 'slack')], close: fence };
  },
  indented: { indent: '    ', frame: { open: [] } },
  code: (text) => neutralise(text, 'slack'),
  rule: (text) => text,
  task: (box) => box,
  tables: true,
};

/**
 * Discord has #, ## and ###, lists with - and *, and fences of exactly three backticks, which the next
 * three end wherever they stand; the rest of an info string would be shown as code.
 */
const discord: Signs = {
  bullet: (marker) => (marker === '+' ? '-' : marker),
  heading: (level) => (level <= 3 ? '#'.repeat(level) : undefined),
  fence(_sign, _length, info) {
    const language = /^[a-z0-9_+.#-]{1,30}/i.exec(info)?.[0] ?? '';
    return { open: [`\`\`\`${language}`], close: '```' };
  },
  indented: { indent: '', frame: { open: ['```'], close: '```' } },
  code(text, before) {
    const safe = neutralise(text, 'discord').replace(/``(?=`)/g, `\`\`${GAP}`);
    return before === '`' && safe.startsWith('`') ? GAP + safe : safe;
  },
  rule: () => '─'.repeat(12),
  task: (box) => (box === '[ ]' ? '☐' : '☑'),
  tables: false,
};

export const dialects: Record<Dialect, Signs> = { slack, discord };
