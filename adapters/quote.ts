/** Somebody else's message, put before a question that is about it; empty as it is. Nothing in it ends the quotation. */
export function quote(author: string, text: string): string {
  if (text === '') return '';
  const lines = text.split(/\r\n?|[\n\u2028\u2029]/);
  return [`${author.replace(/\s+/g, ' ')} wrote:`, ...lines.map((line) => `> ${line}`)].join('\n');
}
