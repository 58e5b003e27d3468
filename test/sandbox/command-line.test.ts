import { afterEach, describe, expect, it, vi } from 'vitest';
import { readCommandLine, refuse } from '../../sandbox/command-line.ts';

const HELP = 'npm run it -- [options]\n  --once  only once';

/** What is said, and the status that the process ends with. */
function ending(run: () => unknown) {
  const said: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text) => void said.push(`out: ${text}`));
  vi.spyOn(console, 'error').mockImplementation((text) => void said.push(`err: ${text}`));
  vi.spyOn(process, 'exit').mockImplementation((status) => {
    throw new Error(`ended with ${status}`);
  });
  expect(run).toThrow(/^ended with/);
  return { said, status: Number(vi.mocked(process.exit).mock.lastCall![0]) };
}

describe('the command line of our own commands', () => {
  afterEach(() => vi.restoreAllMocks());

  const read = (...args: string[]) =>
    readCommandLine(
      {
        args,
        options: {
          once: { type: 'boolean' },
          port: { type: 'string' },
          help: { type: 'boolean', short: 'h' },
        },
      },
      HELP,
    );

  it('is read', () => {
    expect({ ...read('--once', '--port', '1').values }).toEqual({ once: true, port: '1' });
  });

  it.each(['--help', '-h'])('shows its options at %s', (option) => {
    expect(ending(() => read(option))).toEqual({ said: [`out: ${HELP}`], status: 0 });
  });

  it.each([
    ['--bogus', "Unknown option '--bogus'."],
    ['--port', "Option '--port <value>' argument missing."],
    ['bogus', "Unexpected argument 'bogus'."],
  ])('says what is wrong with %s and what there is, without a stack', (typed, why) => {
    expect(ending(() => read(typed))).toEqual({ said: [`err: ${why}\n\n${HELP}`], status: 2 });
  });

  it('refuses a value in the same way', () => {
    const { said } = ending(() => refuse('--port takes a number, not "x"', HELP));
    expect(said).toEqual([`err: --port takes a number, not "x".\n\n${HELP}`]);
  });
});
