import type { APIEmbed } from 'discord.js';
import type { FormErrors } from './errors.ts';

/** Characters, from Discord's "Embed Limits". */
const LIMITS = { title: 256, description: 4096, 'footer.text': 2048, 'author.name': 256 } as const;
const FIELDS = 25;
const FIELD = { name: 256, value: 1024 } as const;
const EMBEDS = 10;
const TOTAL = 6000;

const length = (value: unknown) => (typeof value === 'string' ? [...value].length : 0);
const at = (embed: object, path: string): unknown =>
  path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], embed);

/** Checks a message's embeds: the length of each text and of all together. */
export function checkEmbeds(value: unknown, errors: FormErrors): APIEmbed[] {
  if (!Array.isArray(value)) {
    errors.add('embeds', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
    return [];
  }
  if (value.length > EMBEDS)
    errors.add('embeds', 'BASE_TYPE_MAX_LENGTH', `Must be ${EMBEDS} or fewer in length.`);
  let total = 0;
  const check = (path: string, text: unknown, limit: number) => {
    total += length(text);
    if (length(text) > limit)
      errors.add(path, 'BASE_TYPE_MAX_LENGTH', `Must be ${limit} or fewer in length.`);
  };
  for (const [i, embed] of value.entries()) {
    for (const [path, limit] of Object.entries(LIMITS)) check(`embeds.${i}.${path}`, at(embed, path), limit);
    const fields: object[] = embed?.fields ?? [];
    if (fields.length > FIELDS)
      errors.add(`embeds.${i}.fields`, 'BASE_TYPE_MAX_LENGTH', `Must be ${FIELDS} or fewer in length.`);
    for (const [j, field] of fields.entries())
      for (const [key, limit] of Object.entries(FIELD))
        check(`embeds.${i}.fields.${j}.${key}`, at(field, key), limit);
  }
  if (total > TOTAL)
    errors.add('embeds', 'MAX_EMBED_SIZE_EXCEEDED', `Embed size exceeds maximum size of ${TOTAL}`);
  return value;
}
