/** What the model servers of the ingest bench write: the events of a vLLM, as the sandbox knows them. */
import { vllm } from '../sandbox/model/dialect.ts';

const meta = { id: 'chatcmpl-bench', created: 1_780_000_000, model: 'pilotlight' };
const event = (chunk: unknown) => `data: ${JSON.stringify(chunk)}\n\n`;

export const FIRST = event(vllm.first(meta));

export const textEvent = (text: string) => event(vllm.text(meta, text));

/** What ends an answer of so many tokens. */
export function lastEvents(completionTokens: number): string {
  const usage = vllm.usage(meta, { promptTokens: 10, completionTokens });
  return `${event(vllm.finish(meta, 'stop', ''))}${event(usage)}data: [DONE]\n\n`;
}
