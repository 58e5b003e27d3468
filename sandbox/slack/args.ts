/** The arguments of one call: form fields with JSON inside, or a JSON body. */
import { asBlocks, maxMarkdown, type SlackBlock } from './blocks.ts';
import { SlackError } from './slack-error.ts';

export class Args {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }

  /** A field as text; undefined when absent. */
  text(name: string): string | undefined {
    const value = this.values[name];
    if (value === undefined || value === null) return undefined;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  /** A field that must be there. Throws invalid_arguments, as Slack does. */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw invalidArgument(`missing required field: ${name}`);
    return value;
  }

  flag(name: string): boolean {
    return ['true', '1'].includes(this.text(name) ?? '');
  }

  count(name: string, fallback: number, max: number): number {
    const value = Number(this.text(name) ?? fallback);
    if (!Number.isInteger(value) || value < 1) throw new SlackError('invalid_limit');
    return Math.min(value, max);
  }

  /** A nested value; throws `code` when it is not JSON. */
  json(name: string, code: string): unknown {
    const value = this.values[name];
    if (typeof value !== 'string') return value ?? undefined;
    try {
      return JSON.parse(value) ?? undefined;
    } catch {
      throw new SlackError(code, [`[ERROR] ${name} is not JSON`]);
    }
  }

  blocks(name = 'blocks'): SlackBlock[] | undefined {
    const value = this.json(name, 'invalid_blocks_format');
    return value === undefined ? undefined : asBlocks(value);
  }

  /** markdown_text, at most 12,000 characters a call. */
  markdown(): string | undefined {
    const value = this.text('markdown_text');
    if (value !== undefined && value.length > maxMarkdown) throw new SlackError('msg_too_long');
    return value;
  }

  metadata(): unknown {
    const value = this.json('metadata', 'invalid_metadata_format') as
      | { event_type?: unknown; event_payload?: unknown }
      | undefined;
    if (value === undefined) return undefined;
    if (typeof value !== 'object') throw new SlackError('invalid_metadata_format');
    if (Object.keys(value).length === 0) return null;
    if (typeof value.event_type !== 'string' || typeof value.event_payload !== 'object') {
      throw new SlackError('invalid_metadata_schema');
    }
    return value;
  }
}

export const invalidArgument = (detail: string) => new SlackError('invalid_arguments', [`[ERROR] ${detail}`]);
