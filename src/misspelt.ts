/** First words of settings that other programs' variables have, too: Modal's SDK reads MODAL_… of its own. */
const COMMON: ReadonlySet<string> = new Set(['MODAL', 'LOG', 'TOKEN', 'DATABASE', 'PORT']);

const firstWord = (name: string): string => name.split('_', 1)[0]!;

/**
 * Variables that are named like `settings` and are none, such as KEEP_DAY: they would be ignored without a word.
 * Keys may have any name: the file of models names their variables.
 */
export function misspelt(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly string[],
): string[] {
  const ours = new Set(settings.map(firstWord).filter((word) => !COMMON.has(word)));
  return Object.keys(env).filter(
    (name) => ours.has(firstWord(name)) && !settings.includes(name) && !/_(?:KEY|SECRET|TOKEN)$/.test(name),
  );
}
