import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readFile } from '../../adapters/shared-file.ts';

/** Reads a file that a server hands out in this way, and of which the platform said so much. */
async function reading(status: number, body: string | Buffer, { bytes = 9, type = 'text/plain' } = {}) {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': type, location: '/elsewhere' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.txt`;
  return readFile({ name: 'a.txt', type, url, bytes }, { withinMs: 10_000 });
}

describe('a shared text file', () => {
  it('is its name and its text', async () => {
    expect(await reading(200, ' Zwölf Zeilen.\n')).toBe('a.txt:\n\nZwölf Zeilen.');
    expect(await reading(200, '<p>', { type: 'text/html' })).toBe('a.txt:\n\n<p>');
  });

  it.each([
    'application/xml',
    'application/x-yaml',
    'application/x-sh',
    'application/sql',
    'application/javascript',
    'application/toml',
    'application/octet-stream',
    'video/mp2t',
    '',
  ])('is told by its bytes, whatever it is called: "%s"', async (type) => {
    expect(await reading(200, 'Zwölf Zeilen.\n', { type })).toBe('a.txt:\n\nZwölf Zeilen.');
    for (const binary of [Buffer.from('Zw\xf6lf', 'latin1'), Buffer.from('a\0b')])
      expect(await reading(200, binary, { type })).toBe('(The file a.txt cannot be read.)');
  });

  it.each(['text/plain', 'application/octet-stream'])(
    'may be in UTF-16 where it begins with its mark, also called %s',
    async (type) => {
      const little = Buffer.from('\ufeffZwölf Zeilen.\r\n', 'utf16le');
      const big = Buffer.from(little).swap16();
      for (const body of [little, big])
        expect(await reading(200, body, { type })).toBe('a.txt:\n\nZwölf Zeilen.');
    },
  );

  it('may be in an old encoding where it is called text', async () => {
    expect(await reading(200, Buffer.from('Zw\xf6lf', 'latin1'))).toBe('a.txt:\n\nZw\ufffdlf');
  });

  it.each([
    'image/tiff',
    'audio/mpeg',
    'video/mp4',
    'application/pdf',
    'application/zip',
    'application/x-tar',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  ])('is never what is called %s', async (type) => {
    expect(await reading(200, '%PDF-1.4', { type })).toBe('(The file a.txt cannot be read.)');
  });

  it('is not read past 256 KB, whatever was said of its size', async () => {
    expect(await reading(200, Buffer.alloc(300 * 1024, 'x'))).toBe(
      '(The file a.txt is too long to be read.)',
    );
    expect(await reading(200, 'short', { bytes: 300 * 1024 })).toBe(
      '(The file a.txt is too long to be read.)',
    );
  });

  it.each([302, 404, 500])(
    'that is answered with %i could not be read, and no redirect is followed',
    async (status) => {
      expect(await reading(status, 'no')).toBe('(The file a.txt could not be read.)');
    },
  );

  it('that is refused is downloaded no further', async () => {
    let hungUp = false;
    const server = createServer(({ url }, response) => {
      if (url === '/other.txt') return void response.end('something else');
      response.on('close', () => {
        hungUp = true;
      });
      response.writeHead(404).write('It is not here, and ');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close().closeAllConnections());
    const { port } = server.address() as AddressInfo;
    const read = (name: string) => {
      const file = { name, type: 'text/plain', url: `http://127.0.0.1:${port}/${name}`, bytes: 9 };
      return readFile(file, { withinMs: 600_000 });
    };
    expect(await read('a.txt')).toBe('(The file a.txt could not be read.)');
    // At once: left alone, the connection stays until the answer is collected as garbage.
    for (let others = 0; others < 5 && !hungUp; others += 1) await read('other.txt');
    expect(hungUp).toBe(true);
  });
});
