import type { Clock } from '../clock.ts';
import { type Answer, type Endpoint, readRefusal, readText } from './endpoint.ts';
import { fromAnswer, isColdStatus, isLoading, Setback } from './failures.ts';
import type { Knock } from './wake-up.ts';
import { type ModelCard, modelList, parseAs } from './wire.ts';

/** Modal's web_server answers a held request after 150 s at the latest. */
const TIMEOUT_MS = 170_000;
const TIMED_OUT = new Error('the knock timed out');

export interface Knocking {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when a proxy redirects, so has taken the request. */
  readonly onHop: () => void;
  /** Told the models that the endpoint lists. */
  readonly onModels: (cards: readonly ModelCard[]) => void;
}

/**
 * Asks whether the endpoint is awake by listing its models, which starts a container where there is none
 * and costs nothing where there is one.
 * @throws ModelError when waiting is of no use: keys refused, address wrong
 */
export async function knock({ endpoint, clock, signal, onHop, onModels }: Knocking): Promise<Knock> {
  const timeout = new AbortController();
  const cancel = clock.after(TIMEOUT_MS, () => timeout.abort(TIMED_OUT));
  const either = AbortSignal.any([signal, timeout.signal]);
  const ask = async (path: string): Promise<Answer> => endpoint.send(path, either, { onHop });
  try {
    const answer = await ask('models');
    if (answer.statusCode === 401 || answer.statusCode === 403) {
      throw fromAnswer(await readRefusal(answer, clock, either));
    }
    if (isColdStatus(answer.statusCode)) return await coldness(answer, clock, either);
    const cards = parseAs(modelList, await readText(answer, either))?.data ?? [];
    onModels(cards);
    // llama-server lists its models while it loads them; only its health tells.
    if (!cards.some(({ owned_by }) => owned_by === 'llamacpp')) return { awake: true };
    const health = await ask('../health');
    if (isColdStatus(health.statusCode)) return await coldness(health, clock, either);
    await readText(health, either);
    return { awake: true };
  } catch (error) {
    if (error === TIMED_OUT) return { awake: false, phase: 'starting' };
    if (error instanceof Setback) return { awake: false, phase: 'requesting' };
    throw error;
  } finally {
    cancel();
  }
}

async function coldness(answer: Answer, clock: Clock, signal: AbortSignal): Promise<Knock> {
  const { error, retryAfterMs } = await readRefusal(answer, clock, signal);
  return { awake: false, phase: isLoading(error) ? 'loading' : 'starting', retryAfterMs };
}
