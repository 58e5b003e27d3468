import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { systemClock } from '../../src/clock.ts';
import { OperatorError } from '../../src/errors.ts';
import { Models, type ModelsOptions } from '../../src/model/models.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const standard = {
  connection: { baseUrl: 'http://127.0.0.1:9/v1', name: 'pilotlight' },
  systemPrompt: 'Be brief.',
  takesImages: false,
  showReasoning: false,
};

describe('the models', () => {
  const clock = new VirtualClock();
  let folder: string;
  let file: string;
  let models: Models;
  let logged: string[];

  const start = (more: Partial<ModelsOptions> = {}): Models => {
    models = new Models({
      standard,
      file,
      env: {},
      coldStarts: { recall: async () => [], remember: async () => {} },
      clock,
      log: pino({ level: 'info' }, { write: (line) => logged.push(line) }),
      ...more,
    });
    return models;
  };
  const write = (text: string) => writeFileSync(file, text);
  const nameFor = (channel: string, parent?: string) =>
    models.for({ channel, ...(parent !== undefined && { parent }) }).name;
  /** Lets time run until it holds: files are read in real time. */
  const until = (check: () => void) =>
    vi.waitFor(
      async () => {
        await clock.advance(2_000);
        check();
      },
      { timeout: 10_000, interval: 5 },
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'models-'));
    file = join(folder, 'models.yaml');
    logged = [];
  });
  afterEach(async () => {
    await models?.close();
    rmSync(folder, { recursive: true });
  });

  it('are one without a file', () => {
    start({ file: undefined });
    const { model, ...rest } = models.for({ channel: 'C01' });
    expect(rest).toMatchObject({
      name: 'default',
      systemPrompt: 'Be brief.',
      takesImages: false,
      showReasoning: false,
    });
    expect(model).toBe(models.for({ channel: 'C0OTHER' }).model);
  });

  it('are used by the channels that name them, and in the threads of these', () => {
    write(`models:
      a: { name: a, channels: [C01, 11111111111111111], system_prompt: A. }
      b: { name: b, channels: [22222222222222222] }`);
    start();
    expect(models.for({ channel: 'C01' })).toMatchObject({ name: 'a', systemPrompt: 'A.' });
    expect(nameFor('C02')).toBe('default');
    expect(nameFor('33333333333333333', '11111111111111111')).toBe('a');
    expect(nameFor('22222222222222222', '11111111111111111')).toBe('b');
    expect(nameFor('33333333333333333', '44444444444444444')).toBe('default');
  });

  it('that differ in their prompt alone wake and queue as one', () => {
    write(`models:
      a: { channels: [C01], system_prompt: A. }
      b: { channels: [C02], images: true }
      c: { channels: [C03], max_tokens: 10 }`);
    start();
    expect(models.for({ channel: 'C01' }).model).toBe(models.for({ channel: 'C0OTHER' }).model);
    expect(models.for({ channel: 'C02' }).model).toBe(models.for({ channel: 'C0OTHER' }).model);
    expect(models.for({ channel: 'C03' }).model).not.toBe(models.for({ channel: 'C0OTHER' }).model);
  });

  it.each([
    ['missing', undefined, /MODELS_FILE: .*models\.yaml cannot be read \(ENOENT\)/],
    ['faulty', 'models: 12', /MODELS_FILE: .*\n {2}models is missing/],
  ])('do not start with a file that is %s', (_name, text, message) => {
    if (text !== undefined) write(text);
    expect(() => start()).toThrow(OperatorError);
    expect(() => start()).toThrow(message);
  });

  describe('whose file changes', () => {
    beforeEach(() => {
      write('models: { a: { name: a, channels: [C01] }, b: { name: b, channels: [C02] } }');
      start();
    });

    it('are the new ones within seconds; what stayed the same is not woken anew', async () => {
      const { model } = models.for({ channel: 'C01' });
      write('models: { a: { name: a, channels: [C03], system_prompt: New. } }');
      await until(() => expect(nameFor('C03')).toBe('a'));
      expect(models.for({ channel: 'C03' }).model).toBe(model);
      expect(models.for({ channel: 'C03' }).systemPrompt).toBe('New.');
      expect([nameFor('C01'), nameFor('C02')]).toEqual(['default', 'default']);
    });

    it('also when it is replaced, as editors do', async () => {
      writeFileSync(`${file}.new`, 'models: { c: { name: c, channels: [C01] } }');
      renameSync(`${file}.new`, file);
      await until(() => expect(nameFor('C01')).toBe('c'));
    });

    it.each([
      ['becomes faulty', () => write('models: { a: { channels: [general] } }'), 'models.a.channels.0 is not'],
      ['goes away', () => rmSync(file), 'cannot be read (ENOENT)'],
    ])('stay the last good ones when it %s, which is logged once', async (_name, act, fault) => {
      act();
      await until(() => expect(logged.join('')).toContain(fault));
      await clock.advance(20_000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await clock.advance(20_000);
      expect(logged).toHaveLength(1);
      expect(logged[0]).toContain('The models stay as they were.');
      expect([nameFor('C01'), nameFor('C02')]).toEqual(['a', 'b']);
      write('models: { d: { name: d, channels: [C01] } }');
      await until(() => expect(nameFor('C01')).toBe('d'));
    });
  });

  it('of other addresses remember their own cold starts and get their own keys, and answers outlive a change', async () => {
    const server = await SleepingModel.start({ coldStartMs: 50, apiKey: 'its-key', model: 'pilotlight' });
    const remembered: string[] = [];
    write(`models: { a: { base_url: "${server.baseUrl}", api_key_env: ITS_KEY, channels: [C01] } }`);
    start({
      clock: systemClock,
      env: { ITS_KEY: 'its-key' },
      coldStarts: {
        recall: async () => [],
        remember: async (model) => void remembered.push(model),
      },
    });
    const { model } = models.for({ channel: 'C01' });
    let text = '';
    const messages = [{ role: 'user' as const, content: 'write 600 characters' }];
    const begun = Promise.withResolvers<void>();
    const answered = model.chat({ messages, signal: new AbortController().signal }, (event) => {
      if (event.type !== 'text') return;
      text += event.text;
      begun.resolve();
    });
    await begun.promise;
    write('models: {}');
    await vi.waitFor(() => expect(nameFor('C01')).toBe('default'), { timeout: 10_000 });
    expect(text.length).toBeLessThan(550);
    await answered;
    expect(text.length).toBeGreaterThan(550);
    expect(remembered).toEqual([`pilotlight at ${new URL(server.baseUrl).host}`]);
    await model.close();
    await server.close();
  });
});
