import { z } from 'zod';

/**
 * What OpenAI-compatible servers send, as loosely as vLLM and llama-server need: null and missing are the
 * same, codes are numbers or strings, an error may be a plain string, unknown fields are ignored.
 */

const errorFields = {
  message: z.string().nullish(),
  type: z.string().nullish(),
  code: z.union([z.string(), z.number()]).nullish(),
  param: z.string().nullish(),
  // llama-server's, when the prompt is too long.
  n_prompt_tokens: z.number().nullish(),
  n_ctx: z.number().nullish(),
};

const onlyMessage = (message: string): z.infer<z.ZodObject<typeof errorFields>> => ({ message });

const wireError = z.union([z.string().transform(onlyMessage), z.object(errorFields)]);

export type WireError = z.infer<typeof wireError>;

/** The body of an error answer: OpenAI's shape, older vLLM's flat one, or FastAPI's. */
export const errorBody = z.union([
  z.object({ error: wireError }).transform(({ error }) => error),
  z.object({ object: z.literal('error'), ...errorFields }),
  z.object({ detail: z.string() }).transform(({ detail }) => onlyMessage(detail)),
]);

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

const modelCard = z.object({
  id: z.string(),
  /** A LoRA adapter's base model. */
  parent: z.string().nullish(),
  max_model_len: z.number().nullish(),
  owned_by: z.string().nullish(),
});

export type ModelCard = z.infer<typeof modelCard>;

export const modelList = z.object({ data: z.array(modelCard) });

/** Parses JSON of that shape; undefined when it is something else. */
export function parseAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
