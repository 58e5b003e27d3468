import type { Budget, Receipt } from '../../src/bot/ports.ts';
import { toWriteError } from './faults.ts';
import type { Call, DiscordHttp } from './http.ts';

/** One write that is counted on one budget. @throws WriteError */
export async function write(http: DiscordHttp, budget: Budget, call: Call): Promise<Receipt> {
  try {
    const { json, bucket } = await http.call<{ id: string }>(call);
    return { message: json.id, ...(bucket && { seen: [{ budget: budget.id, ...bucket }] }) };
  } catch (error) {
    throw toWriteError(error, budget.id);
  }
}
