import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OperatorError } from '../../src/errors.ts';
import { type ModelSettings, readModels } from '../../src/model/models-file.ts';

const standard: ModelSettings = {
  connection: {
    baseUrl: 'https://default.example/v1',
    name: 'pilotlight',
    apiKey: 'default-key',
    proxyKey: 'wk-default',
    proxySecret: 'ws-default',
    maxTokens: 4_096,
  },
  systemPrompt: 'Be brief.',
  takesImages: false,
  showReasoning: false,
};
const env = { CODER_API_KEY: 'coder-key', MODAL_PROXY_KEY: 'wk-1', MODAL_PROXY_SECRET: 'ws-1', EMPTY: ' ' };
const read = (yaml: string) => readModels(yaml, standard, env);

function faultsOf(yaml: string): string {
  try {
    read(yaml);
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    return (error as Error).message;
  }
  throw new Error('the file was accepted');
}

describe('the file of models', () => {
  it('names more models and their channels; the rest is as MODEL_* says', () => {
    expect(read('models: { lora: { name: support-lora, channels: [C01, 123456789012345678] } }')).toEqual([
      {
        ...standard,
        name: 'lora',
        channels: ['C01', '123456789012345678'],
        connection: { ...standard.connection, name: 'support-lora' },
      },
    ]);
  });

  it('can say otherwise about everything', () => {
    const [model] = read(`
      models:
        coder:
          base_url: https://coder.example/v1/
          name: qwen3-coder
          api_key_env: CODER_API_KEY
          proxy_key_env: MODAL_PROXY_KEY
          proxy_secret_env: MODAL_PROXY_SECRET
          system_prompt: Write code.
          images: true
          show_reasoning: true
          max_tokens: 100
          max_streams: 2
          max_context: 8000
          wake_minutes: 0.5
          extra: { temperature: 0.2, seed: 12345678901234 }
          channels: [C01]`);
    expect(model).toEqual({
      name: 'coder',
      channels: ['C01'],
      systemPrompt: 'Write code.',
      takesImages: true,
      showReasoning: true,
      connection: {
        baseUrl: 'https://coder.example/v1',
        name: 'qwen3-coder',
        apiKey: 'coder-key',
        proxyKey: 'wk-1',
        proxySecret: 'ws-1',
        maxTokens: 100,
        maxStreams: 2,
        maxModelLen: 8_000,
        wakeDeadlineMs: 30_000,
        extra: { temperature: 0.2, seed: 12345678901234 },
      },
    });
  });

  it('sends the default’s keys to no other address', () => {
    const [model] = read('models: { other: { base_url: "https://other.example/v1", channels: [C01] } }');
    expect(model!.connection).toMatchObject({ name: 'pilotlight', apiKey: undefined, proxyKey: undefined });
    expect(JSON.stringify(model)).not.toContain('default-key');
  });

  it('counts what is left empty as left out', () => {
    const [model] = read('models: { a: { name: , images: , channels: [C01] } }');
    expect(model).toMatchObject({ connection: { name: 'pilotlight' }, takesImages: false });
  });

  it('has a good example', () => {
    const example = readFileSync(new URL('../../models.example.yaml', import.meta.url), 'utf8');
    expect(read(example).map(({ name }) => name)).toEqual(['reviewer', 'support', 'coder']);
  });

  it.each([
    ['', 'the file holds no settings'],
    ['[]', 'the file holds no settings'],
    ['models:', 'models is missing, or holds no models'],
    ['models: { a: }', 'models.a holds no settings'],
    ['models: { a: [C01] }', 'models.a holds no settings'],
    ['models: { a: { channels: [C01], url: x, nmae: y } }', 'models.a has unknown keys: url, nmae'],
    ['model: {}', 'the file has unknown keys: model'],
    ['models: { a: { name: b } }', 'models.a.channels names no channels'],
    ['models: { a: { channels: [] } }', 'models.a.channels names no channels'],
    ['models: { a: { channels: ["#general"] } }', 'models.a.channels.0 is not the id of a channel'],
    ['models: { a: { channels: [12] } }', 'models.a.channels.0 is not the id of a channel'],
    ['models: { a: { channels: [C01], base_url: coder.example } }', 'base_url is not an http:// or https://'],
    ['models: { a: { channels: [C01], base_url: "https://x.example" } }', 'base_url does not end in /v1'],
    ['models: { a: { channels: [C01], images: yes } }', 'models.a.images is neither true nor false'],
    ['models: { a: { channels: [C01], name: " " } }', 'models.a.name is empty'],
    ['models: { a: { channels: [C01], name: 12 } }', 'models.a.name is not a text'],
    ['models: { a: { channels: [C01], max_tokens: 0 } }', 'max_tokens is not a number from 1 to 1000000'],
    ['models: { a: { channels: [C01], max_tokens: 1.5 } }', 'max_tokens is not a whole number'],
    [
      'models: { a: { channels: [C01], max_context: 32 } }',
      'models.a.max_context is not a number from 512 to',
    ],
    ['models: { a: { channels: [C01], extra: hot } }', 'models.a.extra is not a list of fields'],
    [
      'models: { a: { channels: [C01], extra: { max_tokens: 5 } } }',
      'models.a.extra holds max_tokens, which the bot sets itself',
    ],
    [
      'models: { a: { channels: [C01], api_key_env: MISSING } }',
      'api_key_env names MISSING, which is not set',
    ],
    ['models: { a: { channels: [C01], api_key_env: EMPTY } }', 'api_key_env names EMPTY, which is not set'],
    ['models: { a: { channels: [C01], proxy_key_env: MODAL_PROXY_KEY } }', 'without the other'],
    [
      'models: { a: { channels: [C01] }, b: { channels: [C01] } }',
      'models.b.channels names C01, which models.a has already',
    ],
    ['models: { default: { channels: [C01] } }', 'models.default has the name of the model that MODEL_*'],
    ['models: [1\nb: 2', 'the file is no YAML: '],
    ['models: {}\nmodels: {}', 'the file is no YAML: Map keys must be unique at line 2, column 1.'],
    ['models: { a: *b }', 'the file is no YAML: '],
  ])('says what is wrong with %j', (yaml, fault) => {
    expect(faultsOf(yaml)).toContain(fault);
  });

  it('reports every fault at once', () => {
    const faults = faultsOf('models: { a: { images: maybe, channels: [x] }, b: { name: c } }');
    expect(faults).toMatch(
      /models\.a\.images is[\s\S]*models\.a\.channels\.0 is[\s\S]*models\.b\.channels names/,
    );
  });

  it('never repeats a key that was put into it', () => {
    const faults = faultsOf('models: { a: { channels: [C01], api_key_env: sk-very-secret } }');
    expect(faults).toContain('never the key itself');
    expect(faults).not.toContain('very-secret');
    expect(faultsOf('models: { a: { channels: [C01], api_key_env: sk-very-secret')).not.toContain('secret');
  });

  describe('says what runs a model on Modal', () => {
    const modal = { app: 'models', server: 'Chat', gpu: 'H100' };
    const one = (entry: string, more: object = {}) =>
      readModels(
        `models: { m: { channels: [C1], ${entry} } }`,
        { ...standard, modal },
        { ...env, ...more },
      )[0]!.modal;
    const fault = (entry: string, more: object = {}) => {
      try {
        return one(entry, more);
      } catch (error) {
        return (error as Error).message;
      }
    };

    it('which is the default’s on the same endpoint', () => {
      expect(one('name: lora')).toEqual(modal);
    });

    it('which is not known for another endpoint, unless it is named', () => {
      expect(one('base_url: "https://m.example/v1"')).toBeUndefined();
      expect(one('base_url: "https://m.example/v1", modal_server: Coder')).toEqual({
        app: 'models',
        server: 'Coder',
      });
      expect(
        one(
          'base_url: "https://m.example/v1", modal_app: a, modal_server: C.serve, modal_gpu: "L4:2", modal_environment: dev',
        ),
      ).toEqual({ app: 'a', server: 'C.serve', environment: 'dev', gpu: 'L4:2' });
    });

    it.each([
      ['modal_app: other', {}, 'models.m.modal_app needs modal_server beside it'],
      ['modal_server: Coder, modal_gpu: H300', {}, 'models.m.modal_gpu has no price for H300'],
      ['modal_server: Coder', { GPU_BUDGET_USD: '10' }, 'models.m.modal_gpu is missing'],
      ['modal_server: ""', {}, 'models.m.modal_server is empty'],
    ])('and refuses %s', (entry, more, why) => {
      expect(fault(entry, more)).toContain(why);
    });

    it('with a GPU that has a price of the operator’s own', () => {
      const prices = { GPU_PRICES: 'H300=0.002', GPU_BUDGET_USD: '10' };
      expect(one('modal_server: Coder, modal_gpu: H300', prices)?.gpu).toBe('H300');
    });
  });
});
