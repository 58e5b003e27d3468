/** The processes of the scale bench: the far side, the bots, and a hand on how much processor a bot gets. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { FarSide } from './far-side.ts';

/** What /proc counts processor time in, ms; getconf CLK_TCK is 100 on every Linux of today. */
const TICK = 10;
/** Between two looks at a bot's share, ms. */
const LOOK = 5;

type Remote<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

export async function startFarSide(): Promise<{ farSide: Remote<FarSide>; close: () => void }> {
  const child = fork(new URL('far-side.ts', import.meta.url));
  await once(child, 'message');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let calls = 0;
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error));
    waiting.delete(id);
  });
  const farSide = new Proxy({} as Remote<FarSide>, {
    get(_target, name: string) {
      return (...args: unknown[]) => {
        const answer = Promise.withResolvers<unknown>();
        waiting.set(++calls, answer);
        child.send({ id: calls, name, args });
        return answer.promise;
      };
    },
  });
  return { farSide, close: () => void child.kill() };
}

/** A bot as an operator would start it. */
export class BotProcess {
  readonly #child: ChildProcess;
  /** Turns that it has in hand, by what it logs. */
  readonly turns = new Set<number>();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<BotProcess> {
    const child = spawn(process.execPath, ['src/main.ts'], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: 'node_modules/.cache/compile',
        PORT: '0',
        SHUTDOWN_SECONDS: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const bot = new BotProcess(child);
    const ready = Promise.withResolvers<void>();
    createInterface(child.stdout!).on('line', (line) => {
      const { msg, turn } = JSON.parse(line) as { msg: string; turn: number };
      if (msg === 'ready') ready.resolve();
      else if (msg === 'turn started') bot.turns.add(turn);
      else if (msg === 'turn ended') bot.turns.delete(turn);
    });
    child.once('exit', () => ready.reject(new Error('A bot ended before it was ready.')));
    await ready.promise;
    return bot;
  }

  /** Processor time so far, ms. */
  get busyMs(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK;
  }

  /** Lets it have this share of one processor and no more, by pausing it; the result ends that. */
  limit(share: number): () => void {
    const started = performance.now();
    const before = this.busyMs;
    let paused = false;
    const timer = setInterval(() => {
      const over = this.busyMs - before > share * (performance.now() - started);
      if (over !== paused) this.#child.kill(over ? 'SIGSTOP' : 'SIGCONT');
      paused = over;
    }, LOOK);
    return () => {
      clearInterval(timer);
      this.#child.kill('SIGCONT');
    };
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(signal);
    await exited;
  }
}
