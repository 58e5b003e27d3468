import type { SlackMessage } from './events.ts';

/** The blocks that say something. https://docs.slack.dev/reference/block-kit/blocks */
const SAYING: ReadonlySet<unknown> = new Set(['context', 'header', 'section']);

/** https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments, which alerts still use */
interface Box {
  readonly is_share?: boolean;
  readonly pretext?: string;
  readonly title?: string;
  readonly text?: string;
  readonly fields?: readonly { readonly title?: string; readonly value?: string }[];
  readonly blocks?: readonly unknown[];
  readonly fallback?: string;
}

/** What a message says, as mrkdwn: a bot's with what it shows in boxes, for alerts often say nothing else. */
export function wordsOf({ text = '', bot_id, blocks = [], attachments = [] }: SlackMessage): string {
  if (!bot_id) return text;
  const boxes = (attachments as readonly Box[]).filter(({ is_share }) => !is_share).map(wordsIn);
  // The text is often one of the blocks' once more, for notifications.
  return [...new Set([text, ...textsOf(blocks), ...boxes])].filter(Boolean).join('\n');
}

function wordsIn({ pretext, title, text, fields = [], blocks = [], fallback = '' }: Box): string {
  const said = [
    pretext,
    title,
    text,
    ...fields.map((field) => [field.title, field.value].filter(Boolean).join(': ')),
    ...textsOf(blocks),
  ];
  return said.filter(Boolean).join('\n') || fallback;
}

const textsOf = (blocks: readonly unknown[]): string[] =>
  blocks.filter((block) => SAYING.has((block as { type?: unknown } | null)?.type)).flatMap(textsIn);

/** At any depth. */
function textsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'text' && typeof inner === 'string' ? [inner] : textsIn(inner),
  );
}
