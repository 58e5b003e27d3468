import { z } from 'zod';
import type { Dialect, Refusal } from './dialect.ts';
import type { ScriptMessage } from './script.ts';
import { tokenize } from './script.ts';

const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
]);

const schema = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(part)]) })),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().nullish(),
  max_completion_tokens: z.int().nullish(),
  stream_interval: z.int().min(1).nullish(),
  temperature: z.number().min(0).nullish(),
  n: z.literal(1).nullish(),
  continue_final_message: z.boolean().default(false),
  add_generation_prompt: z.boolean().default(true),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
});

/** A chat request that the server takes. */
export interface ChatCall {
  readonly model: string;
  readonly messages: readonly ScriptMessage[];
  readonly continues: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly maxTokens: number;
  readonly promptTokens: number;
  readonly streamInterval: number;
  readonly thinking: boolean;
}

export interface Served {
  readonly dialectName: 'vllm' | 'llama-server';
  readonly dialect: Dialect;
  readonly names: { readonly base: string; readonly loras: readonly string[] };
  readonly maxModelLen: number;
  readonly vision: boolean;
}

/** Checks a request as the server would, in its order: shape, model, template, length. */
export function checkChat(json: unknown, served: Served): ChatCall | Refusal {
  const { dialect, names, maxModelLen } = served;
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') || 'body';
    return dialect.invalid(`${path}: ${issue?.message}`, path);
  }
  const body = parsed.data;
  if (body.stream_options && !body.stream) {
    return dialect.invalid('Stream options can only be defined when `stream=True`.', 'stream_options');
  }
  const isVllm = served.dialectName === 'vllm';
  const given = json as { add_generation_prompt?: unknown };
  if (isVllm && body.continue_final_message && given.add_generation_prompt !== false) {
    return dialect.invalid('Cannot set both `continue_final_message` and `add_generation_prompt` to True.');
  }
  const model = body.model ?? names.base;
  if (![names.base, ...names.loras].includes(model)) {
    const refusal = dialect.unknownModel(model);
    if (refusal) return refusal;
  }
  const messages = body.messages.map(({ role, content }) => flatten(role, content));
  const fault = templateFault(messages);
  if (fault) return dialect.invalid(fault);
  // llama-server goes on from a trailing assistant message by itself.
  const continues = messages.at(-1)?.role === 'assistant' && (!isVllm || body.continue_final_message);
  const thinking = body.chat_template_kwargs?.enable_thinking !== false;
  if (!isVllm && continues && thinking) {
    return dialect.invalid('Assistant response prefill is incompatible with enable_thinking.');
  }
  if (!served.vision && messages.some(({ images }) => images > 0)) return dialect.noImages(model);
  if (!isVllm && body.messages.some(({ content }) => hasWebp(content))) {
    return dialect.invalid('Failed to load image or audio file');
  }
  const promptTokens = countTokens(messages);
  const wanted = body.max_completion_tokens ?? body.max_tokens;
  if (wanted != null && wanted < 1)
    return dialect.invalid(`max_tokens must be at least 1, got ${wanted}.`, 'max_tokens');
  // llama-server minds the prompt alone; what it may write ends at the window by itself.
  if (promptTokens + (isVllm ? (wanted ?? 1) : 1) > maxModelLen) {
    return dialect.overflow(maxModelLen, promptTokens, wanted ?? 1);
  }
  return {
    model,
    messages,
    continues,
    stream: body.stream,
    includeUsage: body.stream_options?.include_usage ?? false,
    maxTokens: Math.min(wanted ?? Number.POSITIVE_INFINITY, maxModelLen - promptTokens),
    promptTokens,
    streamInterval: isVllm ? (body.stream_interval ?? 1) : 1,
    thinking,
  };
}

function flatten(role: string, content: string | readonly z.infer<typeof part>[]): ScriptMessage {
  if (typeof content === 'string') return { role, content, images: 0 };
  const texts = content.flatMap((one) => (one.type === 'text' ? [one.text] : []));
  return { role, content: texts.join('\n'), images: content.length - texts.length };
}

/** llama-server reads none, unless ffmpeg is beside it. */
const hasWebp = (content: string | readonly z.infer<typeof part>[]): boolean =>
  typeof content !== 'string' &&
  content.some((one) => one.type === 'image_url' && one.image_url.url.startsWith('data:image/webp'));

/** What the chat templates of common models refuse. */
function templateFault(messages: readonly ScriptMessage[]): string | null {
  if (messages.length === 0) return 'list index out of range';
  if (messages.some(({ role }, index) => role === 'system' && index > 0)) {
    return 'System message must be at the beginning.';
  }
  if (messages.some(({ role }) => !['system', 'user', 'assistant', 'tool'].includes(role))) {
    return 'Unexpected message role.';
  }
  if (!messages.some(({ role }) => role === 'user')) return 'No user query found in messages.';
  return null;
}

/** Tokens of the prompt as this server counts them: four of template a message, 1,000 an image. */
function countTokens(messages: readonly ScriptMessage[]): number {
  return messages.reduce((sum, { content, images }) => sum + 4 + tokenize(content).length + images * 1000, 0);
}
