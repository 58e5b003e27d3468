import { z } from 'zod';

/** What the client sets by itself, so that the rest of it holds. */
const OURS = ['model', 'messages', 'max_tokens', 'stream', 'stream_options'];

/** More fields for each request to a model, e.g. temperature; those that the bot sets itself are refused. */
export const extraFields = z
  .record(z.string(), z.unknown(), { error: 'is not a list of fields' })
  .superRefine((fields, context) => {
    const taken = OURS.filter((name) => name in fields);
    if (taken.length > 0) context.addIssue(`holds ${taken.join(', ')}, which the bot sets itself`);
  });
