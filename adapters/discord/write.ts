import type { Budget, Receipt } from '../../src/bot/ports.ts';
import { toWriteError } from './faults.ts';
import type { Call, DiscordHttp } from './http.ts';

/** What a message shows, as far as an answer of Discord's tells. */
export interface Shown {
  readonly content?: string;
  readonly components?: readonly { readonly components?: readonly object[] }[];
}

export interface Written extends Receipt {
  readonly shown: Shown;
}

/** One write that is counted on one budget. @throws WriteError */
export async function write(http: DiscordHttp, budget: Budget, call: Call): Promise<Written> {
  try {
    const { json, bucket } = await http.call<Shown & { id: string }>(call);
    return { message: json.id, shown: json, ...(bucket && { seen: [{ budget: budget.id, ...bucket }] }) };
  } catch (error) {
    throw toWriteError(error, budget.id);
  }
}
