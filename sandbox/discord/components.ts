import type { APIButtonComponent, APIMessageTopLevelComponent } from 'discord.js';
import type { FormErrors } from './errors.ts';

const ACTION_ROW = 1;
const BUTTON = 2;
const LINK_STYLE = 5;
const CUSTOM_ID_STYLES = [1, 2, 3, 4];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Checks a message's components: up to five action rows of up to five buttons each. Other components exist
 * on Discord; here they are refused as an unknown type, for Pilotlight sends none.
 */
export function checkComponents(value: unknown, errors: FormErrors): APIMessageTopLevelComponent[] {
  if (!Array.isArray(value)) {
    errors.add('components', 'LIST_TYPE_CONVERT', 'Only iterables may be used in a ListType');
    return [];
  }
  if (value.length > 5)
    errors.add('components', 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 5 in length.');
  const ids = new Set<string>();
  for (const [i, row] of value.entries()) {
    const path = `components.${i}`;
    if (!isRecord(row) || row.type !== ACTION_ROW) {
      errors.add(`${path}.type`, 'BASE_TYPE_CHOICES', 'Value of field "type" must be one of (1,).');
      continue;
    }
    const buttons = row.components;
    if (!Array.isArray(buttons) || buttons.length < 1 || buttons.length > 5) {
      errors.add(`${path}.components`, 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 5 in length.');
      continue;
    }
    for (const [j, button] of buttons.entries()) checkButton(button, `${path}.components.${j}`, ids, errors);
  }
  return value;
}

function checkButton(button: unknown, path: string, ids: Set<string>, errors: FormErrors): void {
  if (!isRecord(button) || button.type !== BUTTON) {
    errors.add(`${path}.type`, 'BASE_TYPE_CHOICES', 'Value of field "type" must be one of (2,).');
    return;
  }
  const { style, label, emoji, custom_id, url } = button;
  if (style === LINK_STYLE) {
    if (typeof url !== 'string' || !URL.canParse(url))
      errors.add(`${path}.url`, 'URL_TYPE_INVALID_URL', 'Not a well formed URL.');
    if (custom_id !== undefined)
      errors.add(path, 'BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE', 'A link has no custom id');
  } else if (CUSTOM_ID_STYLES.includes(style as number)) {
    checkCustomId(custom_id, path, ids, errors);
    if (url !== undefined)
      errors.add(path, 'BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE', 'Only a link has a URL');
  } else {
    errors.add(
      `${path}.style`,
      'BASE_TYPE_CHOICES',
      'Value of field "style" must be one of (1, 2, 3, 4, 5).',
    );
  }
  if (label === undefined && emoji === undefined)
    errors.add(path, 'BUTTON_COMPONENT_INVALID', 'A button needs a label or an emoji');
  if (label !== undefined && (typeof label !== 'string' || label.length < 1 || [...label].length > 80))
    errors.add(`${path}.label`, 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 80 in length.');
}

function checkCustomId(id: unknown, path: string, ids: Set<string>, errors: FormErrors): void {
  const at = `${path}.custom_id`;
  if (typeof id !== 'string') errors.add(at, 'BASE_TYPE_REQUIRED', 'This field is required');
  else if (id.length < 1 || [...id].length > 100)
    errors.add(at, 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 100 in length.');
  else if (ids.has(id))
    errors.add(at, 'COMPONENT_CUSTOM_ID_DUPLICATED', 'Component custom id cannot be duplicated');
  else ids.add(id);
}

/** The buttons of a message in reading order. */
export const buttonsOf = (
  components: readonly APIMessageTopLevelComponent[],
): readonly APIButtonComponent[] =>
  components
    .flatMap((row): readonly { type: number }[] => ('components' in row ? row.components : []))
    .filter((component): component is APIButtonComponent => component.type === BUTTON);
