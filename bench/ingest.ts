/**
 * What one chunk of an answer costs: CPU of the client's process, 200 streams at once, against what others
 * would use. The server is a process of its own; both run at the same pace for every client. Then what a thousand
 * answers cost the whole bot (replies.ts).
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Goal, Result } from './bench.ts';
import { measureReplies } from './replies.ts';

const STREAMS = 200;
const CHUNKS = 500;
/** 50 chunks a second for each stream, or ten times that in the same number of writes. */
const EVERY_MS = 20;

const CLIENTS = {
  bytes: 'undici, bytes alone',
  parser: 'undici + eventsource-parser + JSON.parse',
  pilotlight: 'Pilotlight (every chunk validated)',
  openai: 'openai-node, create({ stream })',
  ai: 'ai SDK, streamText',
};
type Client = keyof typeof CLIENTS;

export async function run(): Promise<Result> {
  const one = await measureAll(1, 2);
  const ten = await measureAll(10, 8);
  const rows = (Object.keys(CLIENTS) as Client[]).map((client) => ({
    client: CLIENTS[client],
    'µs a chunk, 1 a write': round(one[client]),
    '× parser': round(one[client] / one.parser),
    'µs a chunk, 10 a write': round(ten[client]),
    '× parser ': round(ten[client] / ten.parser),
  }));
  const replies = await measureReplies();
  const goals = [
    ...goalsOf('one chunk a write', one),
    ...goalsOf('ten chunks a write', ten),
    ...replies.goals,
  ];
  return { rows, more: replies.rows, goals };
}

function goalsOf(load: string, cost: Record<Client, number>): Goal[] {
  const goal = (peer: Client, most: number): Goal => {
    const figure = cost.pilotlight / cost[peer];
    return {
      name: `CPU a chunk against ${CLIENTS[peer]}, ${load}`,
      goal: `at most ${most} ×`,
      figure: `${round(figure)} ×`,
      ok: figure <= most,
    };
  };
  return [goal('parser', 1.3), goal('openai', 0.6)];
}

async function measureAll(perWrite: number, rounds: number): Promise<Record<Client, number>> {
  const server = fork(file('ingest-server.ts'), [STREAMS, CHUNKS, perWrite, EVERY_MS].map(String));
  const [port] = (await once(server, 'message')) as [number];
  const cost = {} as Record<Client, number>;
  for (const client of Object.keys(CLIENTS) as Client[]) {
    const child = fork(file('ingest-client.ts'), [
      client,
      `http://127.0.0.1:${port}/v1`,
      String(STREAMS),
      String(CHUNKS),
      String(rounds),
    ]);
    const [microseconds] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => {
        throw new Error(`the ${client} client ended without a figure`);
      }),
    ]);
    cost[client] = microseconds as number;
  }
  server.disconnect();
  return cost;
}

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const round = (value: number) => Number(value.toFixed(2));
