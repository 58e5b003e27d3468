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
    writeFileSync(
      file,
      `models: { coder: { base_url: "${coder.baseUrl}", name: coder, modal_server: Coder, modal_gpu: L4, channels: ${ids} } }`,
    );
  };

  beforeAll(async () => {
    coder = await SleepingModel.start({ ...awake, model: 'coder' });
    use('C0NOBODY');
    sandbox = await startSandbox({
      log: pino({ level: 'silent' }),
      model: awake,
      modal: { others: { Coder: coder } },
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

  it('keeps the model of the channel warm that the command is typed in, and shows the others in status', async () => {
    const { slack, discord, modal } = sandbox;
    use(discord.channel);
    await sandbox.restart();
    const { admin } = discord.people;
    const thread = discord.createThread({ channel: discord.channel, user: admin, name: 'another thread' });
    const shown = () => discord.messages(thread).at(-1)!;
    const see = (text: string) =>
      vi.waitFor(() => expect(shown()?.text).toContain(text), { timeout: 10_000 });
    await discord.command({ channel: thread, user: admin, name: 'model warm', options: { for: '1h' } });
    await see('`coder`: Keep 1 container warm for 1 h');
    expect(shown().text).toContain('$0.80 an hour on L4');
    await discord.click(thread, shown().id, shown().buttons[0]!.id, admin);
    await see('`coder`: 🔥 Warm: 1 container');
    expect(coder.scaling.minContainers).toBe(1);
    expect(modal!.scaling.minContainers).toBe(0);

    const { channel, people } = slack;
    const inSlack = () => slack.messages(channel).at(-1)!.text;
    await slack.slashCommand({ channel, user: people.asker, command: '/pilotlight', text: 'status' });
    await vi.waitFor(() => expect(inSlack()).toContain('`default`: 💤 Cold'), { timeout: 10_000 });
    expect(inSlack()).toMatch(/Other models:\n• `coder`: 🔥 Warm: 1 container .*Running now: 1 container/);

    // Within seconds of the change of the file.
    use('C0NOBODY');
    writeFileSync(
      file,
      `models: { support: { name: support-lora, channels: [${JSON.stringify(discord.channel)}] } }`,
    );
    await vi.waitFor(() => expect(coder.scaling.minContainers).toBe(0), { timeout: 10_000 });
  });
});
