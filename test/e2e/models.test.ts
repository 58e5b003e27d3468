import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';

const awake = { awake: true, tokensPerSecond: Number.POSITIVE_INFINITY };

describe('a file of models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'models-'));
  const file = join(folder, 'models.yaml');
  let coder: SleepingModel;
  let sandbox: Sandbox;

  const use = (...channels: string[]) => {
    const ids = JSON.stringify(channels);
    writeFileSync(file, `models: { coder: { base_url: "${coder.baseUrl}", name: coder, channels: ${ids} } }`);
  };

  beforeAll(async () => {
    coder = await SleepingModel.start({ ...awake, model: 'coder' });
    use('C0NOBODY');
    sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: awake,
      env: { MODELS_FILE: file },
    });
  });
  afterAll(async () => {
    await sandbox?.close();
    await coder?.close();
    rmSync(folder, { recursive: true });
  });

  const asked = (model: SleepingModel) =>
    model.requests
      .filter(({ path }) => path === '/v1/chat/completions')
      .map(({ body }) => (body as { messages: { content: string }[] }).messages.at(-1)!.content);
  const reaches = (model: SleepingModel, text: string) =>
    vi.waitFor(() => expect(asked(model)).toContain(text), { timeout: 20_000, interval: 20 });

  it('sends each channel’s questions to its model, a Discord thread’s to that of its channel', async () => {
    const { slack, discord, model } = sandbox;
    use(slack.channel, discord.channel);
    await sandbox.restart();
    slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight in the channel' });
    await reaches(coder, 'in the channel');
    const { people } = discord;
    const thread = discord.createThread({ channel: discord.channel, user: people.asker, name: 'a thread' });
    discord.say({ channel: thread, user: people.asker, text: '@pilotlight in a thread' });
    await reaches(coder, 'in a thread');
    await discord.command({
      channel: thread,
      user: people.asker,
      name: 'ask',
      options: { prompt: 'by command' },
    });
    await reaches(coder, 'by command');
    slack.say({ channel: slack.dm, user: slack.people.asker, text: 'elsewhere' });
    await reaches(model!, 'elsewhere');
    expect(asked(coder)).not.toContain('elsewhere');
  });
});
