import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../clock.ts';
import { ChunkReader, cut, type StreamEnd } from './chunk-reader.ts';
import type { Answer } from './endpoint.ts';
import { codeOf, Overflow, Setback } from './failures.ts';
import { type Hear, ModelError } from './model.ts';
import type { Watchdog } from './watchdog.ts';

export interface StreamLimits {
  /** From the request to the first text or reasoning; 200 headers are not a token. ms */
  readonly firstTokenMs: number;
  /** Between two data events; comment pings do not count. ms */
  readonly idleMs: number;
  /** All of one answer, ms. */
  readonly overallMs: number;
  /** The most text and reasoning of one answer, characters. */
  readonly maxText: number;
}

/** A stream whose headers were good. */
export interface OpenStream {
  readonly body: Answer['body'];
  readonly limits: StreamLimits;
  /** Waits for the first word since the request was sent. */
  readonly watchdog: Watchdog;
  /** Called with each data event after the first word. */
  readonly onHeard: () => void;
  readonly clock: Clock;
  /** Aborts for whatever reason the caller has. */
  readonly signal: AbortSignal;
  /** Aborts the request with this reason. */
  readonly abort: (reason: ModelError) => void;
}

/** How long a server may take to end its stream after [DONE], ms. */
const RUN_OUT_MS = 1_000;

/**
 * Calls `hear` with the text and reasoning of a chat stream as they come; resolves with how it ended well.
 * @throws ModelError, Overflow, a Setback when it failed before the first word, the signal's reason, or what
 * `hear` threw
 */
export async function readStream(
  { body, limits, watchdog, onHeard, clock, signal, abort }: OpenStream,
  hear: Hear,
): Promise<StreamEnd> {
  const reader = new ChunkReader(limits.maxText);
  // Not a TextDecoder, which holds a converter of ICU's and costs more at each chunk.
  const decoder = new StringDecoder('utf8');
  const cancelOverall = clock.after(limits.overallMs, () => abort(tooLong(limits.overallMs)));
  const closed = Promise.withResolvers<void>();
  let started = false;
  let over = false;
  const end = () => {
    over = true;
    closed.resolve();
  };
  const read = (bytes: Buffer) => {
    const events = reader.read(decoder.write(bytes));
    if (started && reader.heard) {
      watchdog.heard();
      onHeard();
    } else if (events.length > 0) {
      started = true;
      watchdog.become(limits.idleMs, () => abort(silence(limits.idleMs)));
    }
    for (const event of events) hear(event);
    if (reader.failure || reader.finished) end();
  };
  try {
    let refused: { readonly error: unknown } | undefined;
    if (body.closed) end();
    // Not `for await`: events cost a fifth less CPU.
    body.on('close', end);
    body.on('data', (bytes: Buffer) => {
      if (over) return;
      try {
        read(bytes);
      } catch (error) {
        refused = { error };
        end();
      }
    });
    await closed.promise;
    if (refused) throw refused.error;
    return howItEnded(reader, body, started, signal);
  } finally {
    over = true;
    watchdog.stop();
    cancelOverall();
    if (reader.finished) letRunOut(body, clock);
    else body.destroy();
  }
}

function howItEnded(
  reader: ChunkReader,
  body: Answer['body'],
  started: boolean,
  signal: AbortSignal,
): StreamEnd {
  try {
    if (body.errored && !reader.finished) throw body.errored;
    return reader.end();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw started ? inMidStream(error) : beforeFirstWord(error);
  }
}

/** Reads what follows [DONE], so that the connection can be used again. */
function letRunOut(body: Answer['body'], clock: Clock): void {
  if (body.closed) return;
  const cancel = clock.after(RUN_OUT_MS, () => body.destroy());
  body.once('close', cancel);
}

/** What is shown stays, so the request is never sent again. */
function inMidStream(error: unknown): ModelError {
  if (error instanceof Overflow) return cut(error.detail);
  return error instanceof ModelError ? error : lost(error);
}

function beforeFirstWord(error: unknown): ModelError | Overflow | Setback {
  if (error instanceof Overflow) return error;
  const failure = error instanceof ModelError ? error : lost(error);
  return failure.fault === 'cut' ? new Setback(failure) : failure;
}

const lost = (error: unknown) => cut({ code: codeOf(error) }, error);

/** What a person is told when nothing comes. */
export const silence = (ms: number) =>
  new ModelError('failed', `The model has been silent for ${seconds(ms)}. Try again.`, { silentMs: ms });

const tooLong = (ms: number) =>
  new ModelError('failed', `The answer took longer than ${seconds(ms)} and was stopped.`, { overallMs: ms });

function seconds(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} seconds` : `${Math.round(ms / 60_000)} minutes`;
}
