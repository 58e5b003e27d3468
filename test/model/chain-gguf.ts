/**
 * Weights that a real llama-server loads in a moment: a Llama of one layer without attention, in which what comes
 * next depends on the token before alone. So its answers are known:
 *
 * - to anything: "Hello, wörld 👩‍💻!", its ö cut in two tokens
 * - to what has "think" in it: the reasoning "Let me see.", then "Four."
 * - to what has "on and on" in it: " on and on and…" without end
 */

/** llama.cpp's kinds of tokens. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 2, 3, 4, 6];
const END = 2;
const byte = (value: number) => 3 + value;

const TEMPLATE = `
{%- for message in messages -%}
  {%- if message.role == 'assistant' -%}
    <|assistant|>{%- if message.reasoning_content -%}<think>{{ message.reasoning_content }}</think>{%- endif -%}
    {{ message.content }}
  {%- else -%}<|{{ message.role }}|>{{ message.content }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {%- if 'think' in messages[-1].content -%}<|reason|>
  {%- elif 'on and on' in messages[-1].content -%}<|loop|>
  {%- else -%}<|assistant|>{%- endif -%}
{%- endif -%}`;

/** The file, GGUF version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export function chainGguf(): Buffer {
  const { tokens, next } = chains();
  const size = Math.ceil(tokens.length / 32) * 32;
  const heads = 4;
  const metadata: [key: string, value: Buffer][] = [
    ['general.architecture', text('llama')],
    ['llama.context_length', uint32(2048)],
    ['llama.embedding_length', uint32(size)],
    ['llama.block_count', uint32(1)],
    ['llama.feed_forward_length', uint32(32)],
    ['llama.attention.head_count', uint32(heads)],
    ['llama.attention.layer_norm_rms_epsilon', float32(1e-5)],
    ['llama.rope.dimension_count', uint32(size / heads)],
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', array(tokens.map(([token]) => text(token)))],
    ['tokenizer.ggml.scores', array(tokens.map(() => float32(0)))],
    ['tokenizer.ggml.token_type', array(tokens.map(([, kind]) => int32(kind)))],
    ['tokenizer.ggml.unknown_token_id', uint32(0)],
    ['tokenizer.ggml.bos_token_id', uint32(1)],
    ['tokenizer.ggml.eos_token_id', uint32(END)],
    ['tokenizer.chat_template', text(TEMPLATE)],
  ];
  const one = (index: number) => (at: number) => (at === index ? 1 : 0);
  const nothing = () => () => 0;
  const matrix = (rows: number, columns: number, row: (index: number) => (at: number) => number) => ({
    shape: [columns, rows],
    data: Float32Array.from({ length: rows * columns }, (_, at) =>
      row(Math.floor(at / columns))(at % columns),
    ),
  });
  const ones = { shape: [size], data: new Float32Array(size).fill(1) };
  const before = (token: number) => (at: number) =>
    at < tokens.length && (next.get(at) ?? END) === token ? 3 : 0;
  const tensors = Object.entries({
    'token_embd.weight': matrix(tokens.length, size, one),
    'output.weight': matrix(tokens.length, size, before),
    'output_norm.weight': ones,
    'blk.0.attn_norm.weight': ones,
    'blk.0.attn_q.weight': matrix(size, size, nothing),
    'blk.0.attn_k.weight': matrix(size, size, nothing),
    'blk.0.attn_v.weight': matrix(size, size, nothing),
    'blk.0.attn_output.weight': matrix(size, size, nothing),
    'blk.0.ffn_norm.weight': ones,
    'blk.0.ffn_gate.weight': matrix(32, size, nothing),
    'blk.0.ffn_up.weight': matrix(32, size, nothing),
    'blk.0.ffn_down.weight': matrix(size, 32, nothing),
  });
  let offset = 0;
  const infos = tensors.map(([name, { shape, data }]) => {
    const info = [string(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset)];
    offset += data.byteLength;
    return Buffer.concat(info);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.flatMap(([key, value]) => [string(key), value]),
    ...infos,
  ]);
  // Every size is a multiple of the alignment, 32 bytes, but that of the head.
  const padding = Buffer.alloc((32 - (head.length % 32)) % 32);
  return Buffer.concat([head, padding, ...tensors.map(([, { data }]) => Buffer.from(data.buffer))]);
}

function chains() {
  const tokens: [token: string, kind: number][] = [
    ['<unk>', UNKNOWN!],
    ['<s>', CONTROL!],
    ['</s>', CONTROL!],
    ...Array.from({ length: 256 }, (_, value): [string, number] => {
      return [`<0x${value.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE!];
    }),
  ];
  const add = (token: string, kind = NORMAL!) => tokens.push([token.replace(' ', '▁'), kind]) - 1;
  const next = new Map<number, number>();
  const chain = (...ids: number[]) => {
    for (const [index, id] of ids.entries()) if (index > 0) next.set(ids[index - 1]!, id);
  };
  const words = (...list: string[]) => list.map((word) => add(word));
  const [assistant, reason, loop] = ['<|assistant|>', '<|reason|>', '<|loop|>'].map((t) => add(t, CONTROL!));
  for (const role of ['<|user|>', '<|system|>']) add(role, CONTROL!);
  const [begins, ends] = ['<think>', '</think>'].map((token) => add(token, USER_DEFINED!));
  const o = Buffer.from('ö');
  chain(
    assistant!,
    ...words('Hello', ',', ' w'),
    byte(o[0]!),
    byte(o[1]!),
    ...words('rld', ' 👩‍💻', '!'),
    END,
  );
  chain(reason!, begins!, ...words('Let', ' me', ' see', '.'), ends!, ...words('Four'), byte(0x2e), END);
  const [on, and] = words(' on', ' and');
  chain(loop!, on!, and!, on!);
  return { tokens, next };
}

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const string = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
/** Values begin with their type. */
const uint32 = (value: number) => Buffer.concat([u32(4), u32(value)]);
const int32 = (value: number) => Buffer.concat([u32(5), u32(value)]);
const float32 = (value: number) => Buffer.concat([u32(6), Buffer.from(Float32Array.of(value).buffer)]);
const text = (value: string) => Buffer.concat([u32(8), string(value)]);
const array = (items: readonly Buffer[]) =>
  Buffer.concat([
    u32(9),
    items[0]!.subarray(0, 4),
    u64(items.length),
    ...items.map((item) => item.subarray(4)),
  ]);
