import type { APIAllowedMentions, APIEmbed, APIMessageTopLevelComponent } from 'discord.js';
import { MessageFlags } from 'discord.js';
import { checkComponents } from './components.ts';
import { checkEmbeds } from './embeds.ts';
import { apiError, FormErrors, notBuilt } from './errors.ts';
import type { ApiRequest, Upload } from './http.ts';
import { isSnowflake } from './snowflake.ts';

/** A message's limits: content in characters, nonce in characters, a file in bytes. */
const CONTENT = 2000;
const NONCE = 25;
const FILES = 10;
const FILE_BYTES = 10 * 1024 * 1024;

/** What a request to post or edit says; absent means not said. */
export interface MessageForm {
  readonly content?: string;
  readonly embeds?: readonly APIEmbed[];
  readonly components?: readonly APIMessageTopLevelComponent[];
  readonly flags?: number;
  readonly allowedMentions?: APIAllowedMentions;
  readonly uploads: readonly Upload[];
  /** Attachments to keep when editing; absent keeps all. */
  readonly keep?: readonly string[];
  readonly nonce?: string | number;
  readonly enforceNonce: boolean;
  readonly replyTo?: { readonly message: string; readonly channel?: string; readonly mustExist: boolean };
}

type Body = ApiRequest['body'];

/** Reads and checks the body of a message. Throws 50035 with all that is wrong, or 40005. */
export function readMessageForm(body: Body, files: ApiRequest['files']): MessageForm {
  const errors = new FormErrors();
  const uploads = [...files.values()];
  if (uploads.some(({ data }) => data.byteLength > FILE_BYTES)) throw apiError(40005);
  if (uploads.length > FILES)
    errors.add('files', 'BASE_TYPE_MAX_LENGTH', `Must be ${FILES} or fewer in length.`);
  if (body.poll || body.sticker_ids) throw notBuilt('polls and stickers');
  const form: { -readonly [K in keyof MessageForm]: MessageForm[K] } = { uploads, enforceNonce: false };

  if (body.content !== undefined) form.content = readContent(body.content, errors);
  if (body.embeds !== undefined) form.embeds = checkEmbeds(body.embeds ?? [], errors);
  if (body.components !== undefined) form.components = checkComponents(body.components ?? [], errors);
  if (body.flags !== undefined && body.flags !== null) form.flags = readFlags(body.flags, errors);
  if (body.allowed_mentions !== undefined && body.allowed_mentions !== null)
    form.allowedMentions = readAllowedMentions(body.allowed_mentions, errors);
  if (body.nonce !== undefined && body.nonce !== null) form.nonce = readNonce(body.nonce, errors);
  form.enforceNonce = body.enforce_nonce === true;
  if (body.attachments !== undefined) form.keep = readKept(body.attachments, errors);
  if (body.message_reference) form.replyTo = readReference(body.message_reference, errors);
  errors.throwIfAny();
  return form;
}

function readContent(value: unknown, errors: FormErrors): string {
  if (value === null) return '';
  if (typeof value !== 'string' && typeof value !== 'number') {
    errors.add('content', 'STRING_TYPE_CONVERT', 'Could not interpret value as string.');
    return '';
  }
  const text = String(value);
  if ([...text].length > CONTENT)
    errors.add('content', 'BASE_TYPE_MAX_LENGTH', `Must be ${CONTENT} or fewer in length.`);
  return text.trim();
}

function readFlags(value: unknown, errors: FormErrors): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    errors.add('flags', 'NUMBER_TYPE_COERCE', `Value "${value}" is not int.`);
    return 0;
  }
  if ((value as number) & MessageFlags.IsComponentsV2) throw notBuilt('components V2');
  return value as number;
}

function readNonce(value: unknown, errors: FormErrors): string | number | undefined {
  if (Number.isSafeInteger(value)) return value as number;
  if (typeof value === 'string' && value.length <= NONCE) return value;
  errors.add(
    'nonce',
    'NONCE_TYPE_TOO_LONG',
    `Must be an integer or a string of ${NONCE} or fewer in length.`,
  );
  return undefined;
}

function readKept(value: unknown, errors: FormErrors): string[] | undefined {
  if (value === null) return [];
  if (Array.isArray(value)) return value.map((attachment) => String(attachment?.id));
  errors.add('attachments', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
  return undefined;
}

function readReference(value: object, errors: FormErrors): MessageForm['replyTo'] {
  const { type, message_id, channel_id, fail_if_not_exists } = value as Record<string, unknown>;
  if (type) throw notBuilt('forwarding');
  if (!isSnowflake(message_id)) {
    errors.add(
      'message_reference.message_id',
      'NUMBER_TYPE_COERCE',
      `Value "${message_id}" is not snowflake.`,
    );
    return undefined;
  }
  return {
    message: message_id,
    mustExist: fail_if_not_exists !== false,
    ...(isSnowflake(channel_id) && { channel: channel_id }),
  };
}

function readAllowedMentions(value: unknown, errors: FormErrors): APIAllowedMentions | undefined {
  const allowed = value as Record<string, unknown>;
  const parse = allowed.parse ?? [];
  if (!Array.isArray(parse)) {
    errors.add('allowed_mentions.parse', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
    return undefined;
  }
  for (const [i, type] of parse.entries()) {
    if (!['users', 'roles', 'everyone'].includes(type))
      errors.add(
        `allowed_mentions.parse.${i}`,
        'BASE_TYPE_CHOICES',
        "Value must be one of ('users', 'roles', 'everyone').",
      );
  }
  for (const key of ['users', 'roles'] as const) {
    const ids = allowed[key] ?? [];
    const path = `allowed_mentions.${key}`;
    if (!Array.isArray(ids) || !ids.every(isSnowflake))
      errors.add(path, 'NUMBER_TYPE_COERCE', 'Values must be snowflakes.');
    else if (ids.length > 100) errors.add(path, 'BASE_TYPE_MAX_LENGTH', 'Must be 100 or fewer in length.');
    else if (ids.length > 0 && parse.includes(key))
      errors.add(
        'allowed_mentions',
        'MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE',
        `parse:["${key}"] and ${key}: [ids...] are mutually exclusive.`,
      );
  }
  return { ...allowed, parse } as APIAllowedMentions;
}
