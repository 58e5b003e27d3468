/** What each server says on the wire: vLLM as of v0.32, llama-server as of b7400 (see test/fixtures). */

export type DialectName = 'vllm' | 'llama-server';

export interface ChunkMeta {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Refusal {
  readonly status: number;
  readonly body: unknown;
}

export interface Dialect {
  /** Before any text: vLLM says content "", llama-server null. */
  first(meta: ChunkMeta): unknown;
  text(meta: ChunkMeta, text: string): unknown;
  reasoning(meta: ChunkMeta, text: string): unknown;
  finish(meta: ChunkMeta, reason: string, text: string): unknown;
  usage(meta: ChunkMeta, usage: Usage): unknown;
  /** How often it sends comment pings while there is nothing to say, ms; 0 for never. */
  readonly pingMs: number;
  readonly unauthorized: Refusal;
  invalid(message: string, param?: string): Refusal;
  unknownModel(name: string): Refusal | null;
  overflow(window: number, promptTokens: number, outputTokens: number): Refusal;
  noImages(model: string): Refusal;
  models(names: { base: string; loras: readonly string[] }, window: number): unknown;
}

const chunk = (meta: ChunkMeta, choices: unknown[], rest: object = {}) => ({
  id: meta.id,
  object: 'chat.completion.chunk',
  created: meta.created,
  model: meta.model,
  choices,
  ...rest,
});

const vllmError = (status: number, type: string, message: string, param: string | null = null): Refusal => ({
  status,
  body: { error: { message, type, param, code: status } },
});

/** What vLLM says of an engine that died: within a stream, or in place of one with status 500. */
export const engineDied = {
  message: 'EngineCore encountered an issue.',
  type: 'InternalServerError',
  param: null,
  code: 500,
};

export const vllm: Dialect = {
  first: (meta) =>
    chunk(
      meta,
      [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
      {
        prompt_token_ids: null,
      },
    ),
  text: (meta, text) =>
    chunk(meta, [
      { index: 0, delta: { content: text }, logprobs: null, finish_reason: null, token_ids: null },
    ]),
  reasoning: (meta, text) =>
    chunk(meta, [
      { index: 0, delta: { reasoning: text }, logprobs: null, finish_reason: null, token_ids: null },
    ]),
  finish: (meta, reason, text) =>
    chunk(meta, [
      {
        index: 0,
        delta: { content: text },
        logprobs: null,
        finish_reason: reason,
        stop_reason: null,
        token_ids: null,
      },
    ]),
  usage: (meta, { promptTokens, completionTokens }) =>
    chunk(meta, [], {
      usage: {
        prompt_tokens: promptTokens,
        total_tokens: promptTokens + completionTokens,
        completion_tokens: completionTokens,
      },
    }),
  pingMs: 0,
  unauthorized: { status: 401, body: { error: 'Unauthorized' } },
  invalid: (message, param) => vllmError(400, 'BadRequestError', message, param),
  unknownModel: (name) => vllmError(404, 'NotFoundError', `The model \`${name}\` does not exist.`, 'model'),
  overflow: (window, prompt, output) =>
    vllmError(
      400,
      'BadRequestError',
      `This model's maximum context length is ${window} tokens. However, you requested ${output} output ` +
        `tokens and your prompt contains at least ${Math.min(prompt, window - output + 1)} input tokens, for ` +
        `a total of at least ${Math.min(prompt, window - output + 1) + output} tokens. Please reduce the ` +
        'length of the input prompt or the number of requested output tokens. (parameter=input_tokens)',
      'input_tokens',
    ),
  noImages: (model) => vllmError(400, 'BadRequestError', `${model} is not a multimodal model`),
  models: ({ base, loras }, window) => ({
    object: 'list',
    data: [
      vllmCard(base, { root: `models/${base}`, parent: null, max_model_len: window }),
      ...loras.map((name) => vllmCard(name, { root: `loras/${name}`, parent: base, max_model_len: null })),
    ],
  }),
};

const vllmCard = (id: string, rest: object) => ({
  id,
  object: 'model',
  created: 1_780_000_000,
  owned_by: 'vllm',
  ...rest,
  permission: [],
});

const llamaError = (status: number, type: string, message: string, rest: object = {}): Refusal => ({
  status,
  body: { error: { code: status, message, type, ...rest } },
});

const llamaChunk = (meta: ChunkMeta, delta: object, reason: string | null) => ({
  choices: [{ finish_reason: reason, index: 0, delta }],
  created: meta.created,
  id: meta.id,
  model: meta.model,
  system_fingerprint: 'b10434-7e4c0a9',
  object: 'chat.completion.chunk',
});

export const loadingModel: Refusal = llamaError(503, 'unavailable_error', 'Loading model');

export const llamaServer: Dialect = {
  first: (meta) => llamaChunk(meta, { role: 'assistant', content: null }, null),
  text: (meta, text) => llamaChunk(meta, { content: text }, null),
  reasoning: (meta, text) => llamaChunk(meta, { reasoning_content: text }, null),
  finish: (meta, reason, text) => llamaChunk(meta, text ? { content: text } : {}, reason),
  usage: (meta, { promptTokens, completionTokens }) => ({
    choices: [],
    created: meta.created,
    id: meta.id,
    model: meta.model,
    system_fingerprint: 'b10434-7e4c0a9',
    object: 'chat.completion.chunk',
    usage: {
      completion_tokens: completionTokens,
      prompt_tokens: promptTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: 0 },
    },
    timings: {
      cache_n: 0,
      prompt_n: promptTokens,
      prompt_ms: 212.4,
      prompt_per_token_ms: 10.1,
      prompt_per_second: 98.9,
      predicted_n: completionTokens,
      predicted_ms: 301.2,
      predicted_per_token_ms: 43.0,
      predicted_per_second: 23.2,
    },
  }),
  pingMs: 30_000,
  unauthorized: llamaError(401, 'authentication_error', 'Invalid API Key'),
  invalid: (message) => llamaError(400, 'invalid_request_error', message),
  unknownModel: () => null,
  overflow: (window, prompt) =>
    llamaError(
      400,
      'exceed_context_size_error',
      `request (${prompt} tokens) exceeds the available context size (${window} tokens), try increasing it`,
      { n_prompt_tokens: prompt, n_ctx: window },
    ),
  noImages: () =>
    llamaError(
      500,
      'server_error',
      'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
    ),
  models: ({ base }) => ({
    object: 'list',
    data: [
      {
        id: base,
        object: 'model',
        created: 1_780_000_000,
        owned_by: 'llamacpp',
        meta: {
          vocab_type: 2,
          n_vocab: 151_936,
          n_ctx_train: 131_072,
          n_embd: 2048,
          n_params: 4_000_000_000,
        },
      },
    ],
  }),
};
