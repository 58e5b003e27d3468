/** Slack's text format (mrkdwn) from and to plain Markdown. https://docs.slack.dev/messaging/formatting-message-text */

const codeSpans = /(```[\s\S]*?```|`[^`\n]+`)/;
const before = '(^|[\\s(\\["\'_*~>])';
const after = '(?=$|[\\s)\\]"\'_*~.,:;!?])';
const bold = new RegExp(`${before}\\*(\\S|\\S[^*\\n]*\\S)\\*${after}`, 'gm');
const struck = new RegExp(`${before}~(\\S|\\S[^~\\n]*\\S)~${after}`, 'gm');

/** A person's message as Markdown for the model: our own mention removed, Slack's escapes undone. */
export function toMarkdown(mrkdwn: string, ownUser: string): string {
  const ownMention = new RegExp(`<@${ownUser}(\\|[^>]*)?>[ \\t]*[:,]?[ \\t]*`, 'g');
  // Splitting by a group leaves the code at the odd places.
  const parts = mrkdwn.replace(ownMention, '').split(codeSpans);
  return parts
    .map((part, index) => (index % 2 === 0 ? prose(part) : code(part, parts[index - 1]!, parts[index + 1]!)))
    .join('')
    .trim();
}

function prose(text: string): string {
  const marked = text
    .replace(bold, '$1**$2**')
    .replace(struck, '$1~~$2~~')
    .replace(/^(\s*)[•◦▪]\s/gm, '$1- ');
  return resolve(marked, (url, label) => (label && !url.endsWith(label) ? `[${label}](${url})` : url));
}

/** Slack lets ``` stand in mid-line, Markdown wants a line of its own. */
function code(span: string, left: string, right: string): string {
  const plain = resolve(
    span,
    (_, label) => label,
    (url) => url,
  );
  if (!plain.startsWith('```')) return plain;
  const inner = plain.slice(3, -3).replace(/^\n|\n$/g, '');
  return [
    left === '' || left.endsWith('\n') ? '' : '\n',
    `\`\`\`\n${inner}\n\`\`\``,
    right === '' || right.startsWith('\n') ? '' : '\n',
  ].join('');
}

/** Resolves `<…>` and entities in one pass, so that what a person typed as `&amp;lt;` stays `&lt;`. */
function resolve(
  text: string,
  link: (url: string, label: string) => string,
  bare: (url: string) => string = (url) => url,
): string {
  return text.replace(/<([^<>]*)>|&(?:amp|lt|gt);/g, (match, reference: string | undefined) => {
    if (reference === undefined) return unescapeText(match);
    const [target = '', ...rest] = reference.split('|');
    const label = unescapeText(rest.join('|'));
    const id = target.slice(1);
    if (target.startsWith('@')) return `@${label || id}`;
    if (target.startsWith('#')) return `#${label || id}`;
    if (target.startsWith('!')) return label || `@${id.split('^')[0]}`;
    const url = unescapeText(target.replace(/^(mailto|tel):/, ''));
    return label ? link(url, label) : bare(url);
  });
}

function unescapeText(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** Makes text safe to send as mrkdwn: nothing in it can mention or link. Only & < > need it. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** The first `max` characters of escaped text; never half an entity or half a character. */
export function escapeUpTo(max: number, text: string): string {
  const escaped = escapeText(text.slice(0, max));
  if (escaped.length <= max && text.length <= max) return escaped;
  return `${escaped.slice(0, max - 1).replace(/&[a-z]{0,3}$|[\uD800-\uDBFF]$/, '')}…`;
}
