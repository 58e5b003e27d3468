/**
 * Child of the ingest bench: waits until so many chats are open, then writes the same vLLM chunks to all of
 * them at a steady pace, so that the clients under test are compared at the same load.
 * argv: streams, chunks, chunks a write, ms between writes
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FIRST, lastEvents, textEvent } from './vllm-events.ts';

const [streams, chunks, perWrite, everyMs] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const text = textEvent(' word').repeat(perWrite);
const last = lastEvents(chunks);

const open = new Set<ServerResponse>();

const server = createServer((request, response) => {
  request.resume();
  if (request.method === 'GET') return void response.end('{"object":"list","data":[]}');
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(FIRST);
  open.add(response);
  if (open.size === streams) play([...open]);
});

function play(all: readonly ServerResponse[]): void {
  open.clear();
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
