/**
 * Child of the ingest bench: waits until so many chats are open, then writes the same vLLM chunks to all of
 * them at a steady pace, so that the clients under test are compared at the same load.
 * argv: streams, chunks, chunks a write, ms between writes
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const [streams, chunks, perWrite, everyMs] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const meta = {
  id: 'chatcmpl-bench',
  object: 'chat.completion.chunk',
  created: 1_780_000_000,
  model: 'pilotlight',
};
const event = (data: object) => `data: ${JSON.stringify({ ...meta, ...data })}\n\n`;
const choice = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish, token_ids: null }],
});
const first = event(choice({ role: 'assistant', content: '' }));
const text = event(choice({ content: ' word' })).repeat(perWrite);
const last =
  event(choice({ content: '' }, 'stop')) +
  event({ choices: [], usage: { prompt_tokens: 10, total_tokens: 10 + chunks, completion_tokens: chunks } }) +
  'data: [DONE]\n\n';

const open = new Set<ServerResponse>();
let wanted = 0;

const server = createServer((request, response) => {
  request.resume();
  if (request.method === 'GET') return void response.end('{"object":"list","data":[]}');
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(first);
  open.add(response);
  wanted ||= Number(request.headers['x-streams'] ?? streams);
  if (open.size === wanted) play([...open]);
});

function play(all: readonly ServerResponse[]): void {
  open.clear();
  wanted = 0;
  let left = chunks;
  const timer = setInterval(() => {
    left -= perWrite;
    for (const response of all) response.write(text);
    if (left > 0) return;
    clearInterval(timer);
    for (const response of all) response.end(last);
  }, everyMs);
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
