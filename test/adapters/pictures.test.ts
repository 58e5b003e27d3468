import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ChatPlatform, ImageError, type ImageRef } from '../../src/bot/ports.ts';
import { connected } from './discord-support.ts';
import { connect, until } from './slack-support.ts';

const content = Buffer.from('the bytes of a picture');
const files = [{ name: 'cat.png', mimetype: 'image/png', content }];

interface Shared {
  readonly platform: ChatPlatform;
  readonly image: ImageRef;
}

async function inSlack(scopes?: string[]): Promise<Shared> {
  const { slack, bot, platform } = await connect(scopes ? { fake: { scopes } } : {});
  slack.say({ channel: slack.dm, user: slack.people.asker, text: 'look', files });
  await until(() => expect(bot.questions).toHaveLength(1));
  return { platform, image: bot.questions[0]!.images[0]! };
}

async function inDiscord(): Promise<Shared> {
  const { fake, bot, discord } = await connected();
  const next = bot.next();
  fake.say({ channel: fake.dm, user: fake.people.asker, text: 'look', files });
  return { platform: discord, image: (await next).images[0]! };
}

/** A server that is neither Slack nor Discord, and what it was asked. */
async function elsewhere(status: number, type: string, body: string) {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/cat.png`, asked };
}

/** Of a question; each of these platforms has one workspace. */
const address = {};
const limits = (maxBytes = 1_000, signal = new AbortController().signal) => ({ maxBytes, signal });

async function faultOf(fetched: Promise<unknown>): Promise<string> {
  const error: unknown = await fetched.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ImageError);
  return (error as ImageError).message;
}

describe.each([
  { name: 'Slack', share: () => inSlack() },
  { name: 'Discord', share: inDiscord },
])('a picture in $name', ({ share }) => {
  it('can be had', async () => {
    const { platform, image } = await share();
    expect(Buffer.from(await platform.fetchImage(image, limits(), address))).toEqual(content);
  });

  it('is refused when it turns out too large, whatever its message said', async () => {
    const { platform, image } = await share();
    expect(await faultOf(platform.fetchImage({ ...image, bytes: 1 }, limits(10), address))).toBe(
      'it is too large',
    );
  });

  it('that was deleted is said to be gone', async () => {
    const { platform, image } = await share();
    const url = image.url.replace(/\/(F?)\w+\/cat/, '/$1123456789012345678/cat');
    expect(url).not.toBe(image.url);
    expect(await faultOf(platform.fetchImage({ ...image, url }, limits(), address))).toBe(
      'it is no longer there',
    );
  });

  it('is let go of when nobody wants it any more', async () => {
    const { platform, image } = await share();
    const reason = new Error('stopped');
    await expect(platform.fetchImage(image, limits(1_000, AbortSignal.abort(reason)), address)).rejects.toBe(
      reason,
    );
  });
});

describe('a picture in Slack', () => {
  it('needs a scope, which the person is told when it is missing', async () => {
    const scopes = ['app_mentions:read', 'channels:history', 'chat:write', 'groups:history', 'im:history'];
    const { platform, image } = await inSlack(scopes);
    expect(await faultOf(platform.fetchImage(image, limits(), address))).toContain('files:read');
  });

  it('that is kept elsewhere is not fetched, for the token is for Slack alone', async () => {
    const { platform, image } = await inSlack();
    const { url, asked } = await elsewhere(200, 'image/png', 'a picture');
    expect(await faultOf(platform.fetchImage({ ...image, url }, limits(), address))).toBe(
      'it is not kept in Slack',
    );
    expect(await faultOf(platform.fetchImage({ ...image, url: 'cat.png' }, limits(), address))).toContain(
      'Slack',
    );
    expect(asked).toEqual([]);
  });
});

describe('a picture in Discord', () => {
  it.each([
    ['cat.png', 'image/png'],
    ['IMG_1.JPG', 'image/jpeg'],
    ['message.txt', undefined],
  ])('is told by its name where Discord does not tell its type: %s', async (name, mimeType) => {
    const { fake, bot, discord } = await connected();
    const next = bot.next();
    fake.say({ channel: fake.dm, user: fake.people.asker, text: 'look', files: [{ name, content }] });
    const { images } = await next;
    expect(images.map((image) => image.mimeType)).toEqual(mimeType ? [mimeType] : []);
    for (const image of images)
      expect(Buffer.from(await discord.fetchImage(image, limits(), address))).toEqual(content);
  });

  it.each([
    [200, 'text/html', 'it is no picture'],
    [302, 'image/png', 'it is no picture'],
    [404, 'text/plain', 'it is no longer there'],
    [500, 'image/png', 'it could not be downloaded'],
  ])('that comes as %i %s is refused', async (status, type, fault) => {
    const { platform, image } = await inDiscord();
    const { url, asked } = await elsewhere(status, type, 'not a picture');
    expect(await faultOf(platform.fetchImage({ ...image, url }, limits(), address))).toBe(fault);
    expect(asked).toEqual([undefined]);
  });

  it('whose server cannot be reached is refused', async () => {
    const { platform, image } = await inDiscord();
    const url = 'http://127.0.0.1:1/cat.png';
    expect(await faultOf(platform.fetchImage({ ...image, url }, limits(), address))).toBe(
      'it could not be downloaded',
    );
  });
});
