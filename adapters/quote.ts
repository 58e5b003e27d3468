/** Somebody else's message, put before a question that is about it. */
export function quote(author: string, text: string): string {
  return [`${author} wrote:`, ...text.split('\n').map((line) => `> ${line}`)].join('\n');
}
