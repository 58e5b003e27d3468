/**
 * Model text must never call anybody. What a platform would read as a mention keeps its letters and gets
 * a zero-width space after its first sign, so that it stands there as plain text.
 *
 * Inside code too: both platforms look for mentions in the raw message, before Markdown. The rules are
 * narrow so that code stays code when copied: `<!DOCTYPE`, `<!--` and `Array<A|B>` are left alone.
 */
import type { Dialect } from '../surface.ts';

/** What breaks a mention, a link or a block marker without being seen. */
export const GAP = '\u200b';

/** What may hide inside a mention: characters nobody sees, and Markdown's own escape. */
const HIDDEN = String.raw`[\p{Default_Ignorable_Code_Point}\\]{0,3}`;

/** `sign`, also as an HTML entity, which Markdown turns back into the sign. */
const sign = (char: string, name: string) => {
  const code = char.charCodeAt(0);
  return `(?:${char}|&(?:amp;)*(?:${name}|#0*${code}|#x0*${code.toString(16)});?)`;
};
const LESS = sign('<', 'lt');
const AT = sign('@', 'commat');
const BANG = sign('!', 'excl');
const HASH = sign('#', 'num');

const word = (letters: string) => [...letters].join(HIDDEN);
const MASS = `(?:${['everyone', 'here', 'channel'].map(word).join('|')})`;

/** Inserts the gap after `first` wherever `rest` follows and no gap stands there yet. */
const rule = (first: string, rest: string) =>
  new RegExp(`(${first})(?!${GAP})(?=${HIDDEN}(?:${rest}))`, 'giu');

const mentions: readonly RegExp[] = [
  // Slack's <!channel>, <!subteam^…>, <!date^…> and whatever it adds; not the declarations of HTML and XML.
  rule(LESS, `${BANG}${HIDDEN}(?!doctype|element|entity|attlist|notation)[a-z]`),
  // <@U1>, <#C1>; <@1>, <@!1>, <@&1>, <#1>
  rule(LESS, `(?:${AT}(?:${HIDDEN}[!&])?|${HASH})${HIDDEN}[a-z0-9]`),
  rule(AT, MASS),
];

const rules: Record<Dialect, readonly RegExp[]> = {
  // <https://…|label>: a masked link, whose label could be any other address.
  slack: [...mentions, rule(LESS, String.raw`[a-z][a-z0-9+.-]*:[^\s<>|]*\|`)],
  // </command:1>, <id:browse>
  discord: [...mentions, rule(LESS, String.raw`\/[^<>\n]{1,100}:\d|id:`)],
};

/** `text` with every mention made plain text. Total, and idempotent: doing it again changes nothing. */
export function neutralise(text: string, dialect: Dialect): string {
  if (!/[<@&]/.test(text)) return text;
  return rules[dialect].reduce((safe, pattern) => safe.replace(pattern, `$1${GAP}`), text);
}
