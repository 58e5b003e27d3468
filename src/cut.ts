/** The first `most` characters, and … where there are more; never half of a character beyond the first plane. */
export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
}
