/** The bot's processes, as a supervisor runs them: what ends is started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

/** Lines of log kept of each process. */
const LINES = 2_000;
/** A start that takes longer has failed; ms. */
const START = 60_000;
const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;
const COMPILED = new URL('../../node_modules/.cache/compile', import.meta.url).pathname;

export class Bot {
  /** What all its processes wrote, oldest first. */
  readonly lines: string[] = [];
  /** Ends that nobody asked for: exit codes. */
  readonly crashes: (number | string)[] = [];
  starts = 0;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  /** Its end was asked for. */
  #ending = false;
  #wanted = true;
  #ready = Promise.withResolvers<void>();

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Resolves when the process is ready. Rejects when it is not within a minute. */
  async start(): Promise<void> {
    this.#spawn();
    await this.ready();
  }

  async ready(): Promise<void> {
    const late = AbortSignal.timeout(START);
    const tooLate = once(late, 'abort').then(() => {
      throw new Error(
        `the bot was not ready within ${START / 1_000} s:\n${this.lines.slice(-20).join('\n')}`,
      );
    });
    await Promise.race([this.#ready.promise, tooLate]);
  }

  /** kill -9, and a new process `downMs` later. */
  async kill(downMs: number): Promise<void> {
    await this.#end('SIGKILL');
    await wait(downMs);
    if (this.#wanted) this.#spawn();
  }

  /** SIGTERM; the next process starts when this one has ended. */
  async restart(): Promise<void> {
    await this.#end('SIGTERM');
    if (this.#wanted) this.#spawn();
  }

  async close(): Promise<void> {
    this.#wanted = false;
    await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child) return;
    if (!this.#ending) this.#ready = Promise.withResolvers();
    this.#ending = true;
    child.kill(signal);
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    if (this.#child === child) this.#child = undefined;
  }

  #spawn(): void {
    if (this.#child) return;
    this.#ending = false;
    this.starts += 1;
    this.lines.push(`--- start ${this.starts}`);
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => this.#said(child, line));
    }
    child.once('exit', async (code, signal) => {
      if (this.#child !== child || this.#ending) return;
      this.crashes.push(code ?? signal!);
      this.lines.push(`--- ended by itself: ${code ?? signal}`);
      this.#child = undefined;
      await wait(200);
      if (this.#wanted) this.#spawn();
    });
  }

  #said(child: ChildProcess, line: string): void {
    this.lines.push(line);
    if (this.lines.length > LINES) this.lines.shift();
    if (this.#child === child && line.includes('"msg":"ready"')) this.#ready.resolve();
  }
}
