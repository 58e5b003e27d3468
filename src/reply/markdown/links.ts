/** Links in a line of Markdown: where they end, and whether they are what they say. */

export interface Link {
  /** Where the link ends in the line. */
  readonly end: number;
  readonly text: string;
  /** The address, without angle brackets. */
  readonly address: string;
}

/** Reads the link whose `[` stands at `start`. `undefined`: it takes more text to tell. `null`: no link. */
export function readLink(line: string, start: number, complete: boolean): Link | null | undefined {
  const unfinished = complete ? null : undefined;
  const bracket = closing(line, start, '[', ']');
  if (bracket < 0) return unfinished;
  if (bracket + 1 === line.length) return unfinished;
  if (line[bracket + 1] !== '(') return null;
  const end = closing(line, bracket + 1, '(', ')');
  if (end < 0) return unfinished;
  const target = /^\s*(?:<([^<>]*)>|([^\s<][^\s]*)|)(?:\s+(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*$/.exec(
    line.slice(bracket + 2, end),
  );
  const text = line.slice(start + 1, bracket);
  // A link within a link: the inner one is the link.
  if (!target || text.includes('](')) return null;
  return { end: end + 1, text, address: target[1] ?? target[2] ?? '' };
}

/** The index of the sign that closes the one at `start`; escapes, code and titles are stepped over. */
function closing(line: string, start: number, open: string, close: string): number {
  let depth = 0;
  for (let i = start; i < line.length; i++) {
    const char = line[i];
    if (char === '\\') i++;
    else if (char === '`' && open === '[') i = Math.max(i, endOfCode(line, i) - 1);
    else if ((char === '"' || char === "'") && open === '(' && /\s/.test(line[i - 1]!)) {
      const quote = line.indexOf(char, i + 1);
      if (quote > 0) i = quote;
    } else if (char === open) depth++;
    else if (char === close && --depth === 0) return i;
  }
  return -1;
}

/** Where the code span that begins with the backticks at `start` ends; -1 when nothing closes it. */
export function endOfCode(line: string, start: number): number {
  let from = start;
  while (line[from] === '`') from++;
  const ticks = from - start;
  for (let i = line.indexOf('`', from); i >= 0; i = line.indexOf('`', i)) {
    const at = i;
    while (line[i] === '`') i++;
    if (i - at === ticks) return i;
  }
  return -1;
}

/** Endings of file names that are also top-level domains; `[main.rs](…)` hides nothing. */
const fileEndings = new Set(
  'cc js jsx ts tsx mjs cjs py md rs sh rb pl ps cpp cs java json yml yaml toml html css txt pdf vue sql zip'.split(
    ' ',
  ),
);

/** A link's text as people see it. */
function seen(text: string): string {
  return decode(text)
    .normalize('NFKC')
    .replace(/[\p{Default_Ignorable_Code_Point}`*~]/gu, '')
    .replace(/\\(?=[^\p{L}\p{N}\s])/gu, '')
    .replace(/^[\s_]+|[\s_]+$/g, '');
}

/** Whether a text reads as an address: `https://a.b/c` or `www.a.b` anywhere in it, or `a.com` as a whole. */
function claimsAddress(text: string): boolean {
  if (/[a-z]:\/\/|(?<![\p{L}\p{N}])www\./iu.test(text)) return true;
  const domain = /^(?:[\p{L}\p{N}_-]+\.)+(\p{L}{2,24})(?:[:/?#]\S*)?$/u.exec(text);
  return domain !== null && !fileEndings.has(domain[1]!.toLowerCase());
}

const named: Record<string, string> = { colon: ':', period: '.', sol: '/', amp: '&' };

function decode(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(colon|period|sol|amp));?/giu,
    (all, dec, hex, name) => {
      if (name) return named[name.toLowerCase()]!;
      const code = dec ? Number(dec) : Number.parseInt(hex, 16);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}

/**
 * How a link's text relates to its address: `label` when it claims no address, `same` when it is the
 * address (but for the scheme, `www.` and the rest of the path), `other` when it is anything else.
 */
export function honesty(link: Link): 'label' | 'same' | 'other' {
  const text = seen(link.text);
  if (!claimsAddress(text)) return 'label';
  const [said, real] = [bare(text), bare(decode(link.address))];
  return real.startsWith(said) && /^(?:$|[/?#])/.test(real.slice(said.length)) ? 'same' : 'other';
}

function bare(address: string): string {
  const rest = address.replace(/^[a-z][a-z0-9+.-]*:\/\/(?:www\.)?|^www\./i, '').replace(/\/+$/, '');
  const path = rest.search(/[/?#]/);
  return path < 0 ? rest.toLowerCase() : rest.slice(0, path).toLowerCase() + rest.slice(path);
}
