import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * Reads what was typed behind one of our commands. Ends the process with `help` where that was asked for, and
 * with a word to the person where it cannot be read.
 */
export function readCommandLine<T extends ParseArgsConfig>(config: T, help: string) {
  try {
    const parsed = parseArgs(config);
    if (!('help' in parsed.values)) return parsed;
  } catch (error) {
    return refuse((error as Error).message.split('. ')[0]!, help);
  }
  console.log(help);
  process.exit(0);
}

/** Ends the process with what is wrong with its command line, and the help. */
export function refuse(why: string, help: string): never {
  console.error(`${why}.\n\n${help}`);
  process.exit(2);
}
