import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FakeChat } from '../../sandbox/chat.ts';
import type { DialectName } from '../../sandbox/model/dialect.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';

const content = Buffer.from('the bytes of a picture');
const files = [{ name: 'cat.png', mimetype: 'image/png', content }];

const start = (dialect: DialectName): Promise<Sandbox> =>
  startSandbox({
    log: pino({ level: 'silent' }),
    model: { dialect, vision: true, awake: true, tokensPerSecond: Number.POSITIVE_INFINITY },
    env: { MODEL_IMAGES: 'true' },
  });

const isAnswered = (chat: FakeChat, channel: string, text: string) =>
  vi.waitFor(() => expect(chat.messages(channel).at(-1)?.text).toContain(text), {
    timeout: 20_000,
    interval: 20,
  });

describe('a picture shared with the bot', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await start('vllm');
  });
  afterAll(() => sandbox?.close());

  it('in Slack reaches a model that sees', async () => {
    const { slack } = sandbox;
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'what is it?', files });
    await isAnswered(slack, slack.dm, 'I see 1 image and the words “what is it?”.');
  });

  it('in Discord reaches it too', async () => {
    const { discord } = sandbox;
    discord.say({ channel: discord.dm, user: discord.people.asker, text: 'what is it?', files });
    await isAnswered(discord, discord.dm, 'I see 1 image and the words “what is it?”.');
    const sent = sandbox.model!.requests.filter(({ path }) => path === '/v1/chat/completions');
    const picture = `data:image/png;base64,${content.toString('base64')}`;
    expect(sent.map(({ body }) => JSON.stringify(body).includes(picture))).toEqual([true, true]);
  });
});

it('a picture that llama-server cannot read is left out, and the conversation goes on', async (test) => {
  const sandbox = await start('llama-server');
  test.onTestFinished(() => sandbox.close());
  const { discord } = sandbox;
  const { dm: channel, people } = discord;
  const webp = { name: 'dog.webp', mimetype: 'image/webp', content };
  discord.say({ channel, user: people.asker, text: 'what is it?', files: [webp] });
  await isAnswered(discord, channel, 'The model server could not read every picture');
  discord.say({ channel, user: people.asker, text: 'and this?', files });
  await isAnswered(discord, channel, 'I see 1 image and the words “and this?”.');
});
