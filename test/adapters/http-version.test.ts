import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DiscordHttp } from '../../adapters/discord/http.ts';
import { downloadImage } from '../../adapters/download.ts';
import { readFile } from '../../adapters/shared-file.ts';

/** The list of protocols in a TLS greeting, each with its length before it. */
const HTTP_1 = '\x08http/1.1';
const HTTP_2 = '\x02h2';

const calls: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  'a write to Discord': async (apiUrl) => {
    const http = new DiscordHttp({ apiUrl, token: 'token' });
    await http.call({ method: 'POST', route: '/channels/1/messages', body: {} }).finally(() => http.close());
  },
  'the download of a picture': (url) =>
    downloadImage(url, { maxBytes: 9, noPicture: '', signal: AbortSignal.timeout(5_000) }),
  'the download of a file': (url) =>
    readFile({ name: 'a.txt', type: 'text/plain', url, bytes: 9 }, { withinMs: 5_000 }),
};

describe('over HTTP/1.1, where what is given up closes a connection that died silently, goes', () => {
  it.each(Object.entries(calls))('%s', async (_, call) => {
    const server = createServer((socket) => {
      socket.once('data', (greeting) => {
        server.emit('greeting', greeting.toString('latin1'));
        socket.destroy();
      });
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const greeted = once(server, 'greeting');
    await call(`https://127.0.0.1:${(server.address() as AddressInfo).port}`).catch(() => {});
    const [greeting] = await greeted;
    expect(greeting).toContain(HTTP_1);
    expect(greeting).not.toContain(HTTP_2);
  });
});
