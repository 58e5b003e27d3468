import { z } from 'zod';

/**
 * What OpenAI-compatible servers send, as loosely as vLLM and llama-server need: null and missing are the
 * same, codes are numbers or strings, an error may be a plain string, unknown fields are ignored.
 */

const wireError = z.union([
  z.string().transform((message) => ({ message, type: null, code: null, param: null })),
  z.object({
    message: z.string().nullish(),
    type: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
    param: z.string().nullish(),
    n_prompt_tokens: z.number().nullish(),
    n_ctx: z.number().nullish(),
  }),
]);

export type WireError = z.infer<typeof wireError>;

export const errorBody = z.object({ error: wireError });

export const chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z
          .object({
            content: z.string().nullish(),
            // vLLM's name for it, then llama-server's and older vLLM's.
            reasoning: z.string().nullish(),
            reasoning_content: z.string().nullish(),
          })
          .nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: z.object({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() }).nullish(),
  error: wireError.nullish(),
});

export const modelList = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullish(),
      max_model_len: z.number().nullish(),
      owned_by: z.string().nullish(),
    }),
  ),
});

/** Parses JSON of that shape; undefined when it is something else. */
export function parseAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
