/** Slack's text encoding: the three escapes, and what stands between < and >. */

/** Escapes as Slack does in every event: only these three. */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function unescapeText(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

const mention = /<(?:@[UW][A-Z0-9]+|!channel|!here|!everyone|!subteam\^[A-Z0-9]+)(?:\|[^<>]*)?>/g;

/** The mentions in a text that reach somebody, in order: `<!channel>`, `<@U…>`, `<!subteam^S…>`. */
export function mentionsIn(text: string): readonly string[] {
  return text.match(mention) ?? [];
}

/** mrkdwn as a person reads it: mentions by name, links by label, escapes undone. */
export function readable(text: string, nameOf: (id: string) => string): string {
  const shown = text.replace(/<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>/g, (_, sign, target, label) => {
    if (sign === '') return label && label !== target ? `[${label}](${target})` : target;
    if (sign === '!') return label || `@${target}`;
    return `${sign}${label || nameOf(target)}`;
  });
  return unescapeText(shown);
}

/** What a person typed, as Slack sends it on: `@name` and `<@U…>` of people it knows become mentions. */
export function typed(
  text: string,
  users: readonly { readonly id: string; readonly name: string }[],
): string {
  const byName = new Map(users.map((user) => [user.name, user.id]));
  const ids = new Set(users.map((user) => user.id));
  return text
    .split(/(<@[A-Z0-9]+>|(?<![\w@])@[\w.-]+)/)
    .map((part) => {
      if (part.startsWith('<@')) return ids.has(part.slice(2, -1)) ? part : escapeText(part);
      if (!part.startsWith('@')) return escapeText(part);
      const name = part.slice(1);
      if (['channel', 'here', 'everyone'].includes(name)) return `<!${name}>`;
      return byName.has(name) ? `<@${byName.get(name)}>` : escapeText(part);
    })
    .join('');
}
