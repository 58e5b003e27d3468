import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { FakeChat } from '../../sandbox/chat.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';

const content = Buffer.from('the bytes of a picture');
const files = [{ name: 'cat.png', mimetype: 'image/png', content }];

describe('a picture shared with the bot', () => {
  let sandbox: Sandbox;

  beforeAll(async () => {
    sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: { vision: true, awake: true, tokensPerSecond: Number.POSITIVE_INFINITY },
      env: { MODEL_IMAGES: 'true' },
    });
  });
  afterAll(() => sandbox?.close());

  const isAnswered = (chat: FakeChat, channel: string, text: string) =>
    vi.waitFor(() => expect(chat.messages(channel).at(-1)?.text).toContain(text), {
      timeout: 20_000,
      interval: 20,
    });

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
