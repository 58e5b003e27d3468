import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';

const LOG = new URL('../src/log.ts', import.meta.url).href;

/** What the log of a process says of an error; `made` is the code that makes it. */
async function logged(made: string): Promise<Record<string, unknown>> {
  const code = `import { createLog } from '${LOG}'; createLog('info').warn({ err: ${made} }, 'it failed');`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code]);
  return JSON.parse(stdout).err;
}

describe('an error in the log', () => {
  it('has its name, message, code, stack and cause, and nothing of what it carries', async () => {
    const err = await logged(
      "Object.assign(new TypeError('refused', { cause: new Error('away') }), { code: 'E1', body: 'private' })",
    );
    expect(err).toMatchObject({
      name: 'TypeError',
      message: 'refused',
      code: 'E1',
      cause: { message: 'away' },
    });
    expect(err.stack).toContain('TypeError: refused');
    expect(JSON.stringify(err)).not.toContain('private');
  });

  it('has the same when it is a copy of one, as pg-boss gives them', async () => {
    const err = await logged("{ ...new Error('away'), message: 'away', code: 'E1', worker: 'private' }");
    expect(err).toEqual({ message: 'away', code: 'E1' });
  });

  it('is said also when it is none', async () => {
    expect(await logged("'away'")).toEqual({ message: 'away' });
    expect(await logged('null')).toEqual({ message: 'null' });
  });
});

describe('a process whose log cannot be written', () => {
  /** Logs before and after something else, and exits by itself. */
  function start(stdout: number | 'pipe') {
    const code = `import { createLog } from '${LOG}';
      const log = createLog('info');
      const line = () => log.info('a line');
      line();
      process.stdin.once('data', () => {
        for (let lines = 0; lines < 1_000; lines += 1) line();
        setTimeout(line, 50);
        setTimeout(() => process.exit(7), 100);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['pipe', stdout, 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  }

  it.skipIf(!existsSync('/dev/full'))('goes on and ends as it would, its disk being full', async () => {
    const child = start(openSync('/dev/full', 'w'));
    child.stdin!.write('go on');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });

  it('goes on and ends as it would, its reader being gone', async () => {
    const child = start('pipe');
    await once(child.stdout!, 'data');
    child.stdout!.destroy();
    child.stdin!.write('go on');
    expect(await once(child, 'exit')).toEqual([7, null]);
  });
});
