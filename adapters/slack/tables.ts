/** Fenced code, or a table: its header, the row of dashes, and the rows. */
const FENCED_OR_TABLE =
  /^[ \t>]*(`{3,}|~{3,})[\s\S]*?(?:^[ \t>]*\1|(?![\s\S]))|^.*\|.*\n(?=.*\|)[ \t>|:]*-[-|: \t]*$(?:\n.*\|.*)*/gm;

/** Markdown whose tables are code, in which their columns still stand one above the other. */
export const tablesAsCode = (markdown: string): string =>
  markdown.replace(FENCED_OR_TABLE, (found, fence?: string) => (fence ? found : `\`\`\`\n${found}\n\`\`\``));

export const hasTables = (markdown: string): boolean => tablesAsCode(markdown) !== markdown;
