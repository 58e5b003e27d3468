/**
 * Child of the ingest bench: a vLLM that waits until so many chats are open and then writes to each of them at one
 * pace, evenly spread over time. Sends its port, then that it begins, then how many are still open when asked.
 * argv: chats, chunks of an answer, ms between two chunks, characters of a chunk
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from '../sandbox/model/script.ts';
import { FIRST, lastEvents, textEvent } from './vllm-events.ts';

const [chats, chunks, everyMs, characters] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];

const question = { role: 'user', content: `write ${chunks * characters} characters`, images: 0 };
const { text } = answer([question], false);
const events = Array.from({ length: chunks }, (_, index) =>
  textEvent(text.slice(index * characters, (index + 1) * characters)),
);
const last = lastEvents(chunks);

const open = new Set<ServerResponse>();
const server = createServer((request, response) => {
  request.resume();
  if (request.method === 'GET') return void response.end('{"object":"list","data":[]}');
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write(FIRST);
  open.add(response);
  response.once('close', () => open.delete(response));
  if (open.size < chats) return;
  process.send?.('all are open');
  for (const [index, each] of [...open].entries()) setTimeout(play, (index / chats) * everyMs, each);
});

function play(response: ServerResponse): void {
  let next = 0;
  const timer = setInterval(() => {
    if (next < events.length) return void response.write(events[next++]);
    response.end(last);
    clearInterval(timer);
  }, everyMs);
  response.once('close', () => clearInterval(timer));
}

server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('message', () => process.send?.(open.size));
process.on('disconnect', () => process.exit());
