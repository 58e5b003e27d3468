import type { ServerResponse } from 'node:http';
import { type Clock, sleep } from '../../src/clock.ts';
import { type ChunkMeta, type Dialect, engineDied } from './dialect.ts';
import type { ChatCall } from './request.ts';
import { answer, tokenize } from './script.ts';
import type { StreamFault } from './stream-faults.ts';

/** One answer as the server sees it; tests read it to see that a Stop reached the model. */
export interface Generation {
  readonly id: string;
  readonly model: string;
  /** ms since the epoch */
  readonly startedAt: number;
  endedAt?: number;
  /** `aborted`: the client closed the connection. `broken`: by a fault, or the container died. */
  end?: 'finished' | 'aborted' | 'broken';
  /** Tokens generated so far. */
  tokens: number;
  /** Text sent so far. */
  text: string;
}

export interface Speed {
  readonly tokensPerSecond: number;
  /** Prefill: from the request to the first token, ms. */
  readonly firstTokenMs: number;
}

export interface GenerationContext {
  readonly clock: Clock;
  readonly dialect: Dialect;
  readonly speed: Speed;
  readonly faults: readonly StreamFault[];
  /** Aborts when the client has gone or the container died. */
  readonly signal: AbortSignal;
}

type FaultOf<Type extends StreamFault['type']> = Extract<StreamFault, { type: Type }>;

/** Streams one answer. Rejects with the signal's reason when it aborts. */
export async function generate(
  call: ChatCall,
  meta: ChunkMeta,
  generation: Generation,
  response: ServerResponse,
  { clock, dialect, speed, faults, signal }: GenerationContext,
): Promise<void> {
  const fault = <Type extends StreamFault['type']>(type: Type) =>
    faults.find((one): one is FaultOf<Type> => one.type === type);
  const drip = fault('drip');

  const send = async (bytes: string | Uint8Array): Promise<void> => {
    signal.throwIfAborted();
    if (!drip) {
      if (!response.write(bytes)) await drained(response, signal);
      return;
    }
    const all = Buffer.from(bytes as Uint8Array);
    for (let at = 0; at < all.length; at += drip.bytes) {
      response.write(all.subarray(at, at + drip.bytes));
      await sleep(clock, drip.everyMs, signal);
    }
  };
  const event = (data: unknown) => send(`data: ${JSON.stringify(data)}\n\n`);

  if (fault('reset-in-headers')) {
    response.socket?.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-str');
    await sleep(clock, 0, signal);
    response.socket?.resetAndDestroy();
    throw new Error('reset in headers');
  }
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
  });
  response.flushHeaders();
  if (fault('empty')) return void response.end();

  const script = answer(call.messages, call.continues);
  const thoughts = call.thinking ? tokenize(script.reasoning) : [];
  const all = tokenize(script.text);
  const tokens = all.slice(0, Math.max(0, call.maxTokens - thoughts.length));
  const finish = fault('finish');
  const held = fault('text-in-finish') ? tokens.splice(-3) : [];
  let deltas = 0;
  let due = clock.monotonic() + speed.firstTokenMs;

  /** Waits until the next token is due, pinging meanwhile where the server does. */
  const pause = async (): Promise<void> => {
    for (;;) {
      const wait = due - clock.monotonic();
      if (wait <= 0) return;
      if (dialect.pingMs === 0 || wait <= dialect.pingMs) return sleep(clock, wait, signal);
      await sleep(clock, dialect.pingMs, signal);
      await send(':\n\n');
    }
  };

  /** Does what was asked for before delta number `deltas`; true when the stream is over with it. */
  const misbehave = async (): Promise<boolean> => {
    const cut = fault('cut');
    if (cut?.after === deltas) {
      if (cut.how === 'end') response.end();
      else response.socket?.resetAndDestroy();
      return true;
    }
    const error = fault('error');
    if (error?.after === deltas) {
      await event({ error: error.error ?? engineDied });
      await send('data: [DONE]\n\n');
      response.end();
      return true;
    }
    const bytes = fault('bytes');
    if (bytes?.after === deltas) await send(bytes.bytes);
    const rest = fault('pause');
    if (rest?.after === deltas) await Promise.race([rest.until, aborted(signal)]);
    const silence = fault('silence');
    if (silence?.after === deltas) {
      for (;;) {
        await sleep(clock, silence.pingMs ?? 3_600_000, signal);
        if (silence.pingMs) await send(': ping\n\n');
      }
    }
    return false;
  };

  const stream = async (list: readonly string[], chunk: (text: string) => unknown): Promise<boolean> => {
    // N tokens a chunk, but the first token alone and at once, as vLLM does.
    for (let at = 0; at < list.length; ) {
      const size = deltas === 0 ? 1 : call.streamInterval;
      const piece = list.slice(at, at + size);
      at += piece.length;
      if (deltas > 0) due += (piece.length * 1000) / speed.tokensPerSecond;
      await pause();
      if (await misbehave()) return true;
      if (finish?.after === deltas) return false;
      generation.tokens += piece.length;
      const text = piece.join('');
      if (list === tokens) generation.text += text;
      await event(chunk(text));
      deltas += 1;
    }
    return false;
  };

  await event(dialect.first(meta));
  for (let left = fault('empty-deltas')?.count ?? 0; left > 0; left -= 1) await event(dialect.text(meta, ''));
  if (await stream(thoughts, (text) => dialect.reasoning(meta, text))) return broken(generation);
  if (await stream(tokens, (text) => dialect.text(meta, text))) return broken(generation);
  if (await misbehave()) return broken(generation);

  const reason = finish?.reason ?? (tokens.length + held.length < all.length ? 'length' : 'stop');
  generation.text += held.join('');
  if (!fault('no-finish')) await event(dialect.finish(meta, reason, held.join('')));
  const usage = { promptTokens: call.promptTokens, completionTokens: generation.tokens + held.length };
  if (call.includeUsage) await event(dialect.usage(meta, usage));
  if (!fault('no-done')) await send('data: [DONE]\n\n');
  response.end();
}

function broken(generation: Generation): void {
  generation.end = 'broken';
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onDrain = () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const onAbort = () => {
      response.removeListener('drain', onDrain);
      reject(signal.reason);
    };
    response.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
