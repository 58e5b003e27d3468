import { parse, YAMLError } from 'yaml';
import { z } from 'zod';
import { OperatorError } from '../errors.ts';
import { priceOf } from '../modal/prices.ts';
import type { ModelOptions } from './client.ts';
import { extraFields } from './extra-fields.ts';
import { MIN_WINDOW } from './tokens.ts';

/** What makes a client of an endpoint. */
export type Connection = Omit<ModelOptions, 'coldStarts' | 'clock' | 'log' | 'random' | 'limits'>;

/** What runs a model on Modal: that warm mode scales, and what it costs. */
export interface ModalServer {
  readonly app: string;
  readonly server: string;
  readonly environment?: string | undefined;
  /** Its gpu=; without it nobody knows what it costs. */
  readonly gpu?: string | undefined;
}

export interface ModelSettings {
  readonly connection: Connection;
  readonly systemPrompt: string;
  /** The model sees pictures. */
  readonly takesImages: boolean;
  /** Shows what the model thinks, while it thinks. */
  readonly showReasoning: boolean;
  /** Absent where it is not known: then it cannot be kept warm. */
  readonly modal?: ModalServer | undefined;
}

export interface NamedModel extends ModelSettings {
  /** As the file calls it. */
  readonly name: string;
  /** Ids of the channels that use it. */
  readonly channels: readonly string[];
}

type Env = Readonly<Record<string, string | undefined>>;

const text = z.string({ error: 'is not a text' }).trim().min(1, { error: 'is empty' });
const flag = z.boolean({ error: 'is neither true nor false' }).optional();
const number = (min: number, max: number) => {
  const error = `is not a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error }).optional();
};
const count = (max: number, min = 1) =>
  number(min, max).refine((value) => value === undefined || Number.isInteger(value), {
    error: 'is not a whole number',
  });
const variable = text
  .regex(/^[A-Z][A-Z0-9_]*$/, {
    error: 'is not the name of an environment variable, such as CODER_API_KEY (never the key itself)',
  })
  .optional();
const noChannels = 'names no channels, so that nothing would use this model';
const channelError = 'is not the id of a channel: C…, G… or D… in Slack, 17 to 20 digits in Discord';
const channel = z
  .string({ error: channelError })
  .regex(/^([CGD][A-Z0-9]+|\d{17,20})$/, { error: channelError });

/** Each key is the MODEL_* variable for the same thing, in small letters. */
const settings = z.strictObject(
  {
    base_url: text
      .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
        error: 'is not an http:// or https:// address',
        abort: true,
      })
      .transform((url) => url.replace(/\/+$/, ''))
      .refine((url) => url.endsWith('/v1'), { error: 'does not end in /v1' })
      .optional(),
    name: text.optional(),
    api_key_env: variable,
    proxy_key_env: variable,
    proxy_secret_env: variable,
    system_prompt: text.optional(),
    images: flag,
    show_reasoning: flag,
    max_tokens: count(1_000_000),
    max_streams: count(10_000),
    max_context: count(10_000_000, MIN_WINDOW),
    wake_minutes: number(0.1, 120),
    modal_app: text.optional(),
    modal_server: text.optional(),
    modal_environment: text.optional(),
    modal_gpu: text.optional(),
    extra: extraFields.optional(),
    channels: z.array(channel, { error: noChannels }).min(1, { error: noChannels }),
  },
  { error: objectFault },
);
/** An empty value is one left out. */
const entry = z.preprocess((given) => {
  const isObject = given !== null && typeof given === 'object' && !Array.isArray(given);
  return isObject ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) : given;
}, settings);
const schema = z.strictObject(
  { models: z.record(z.string(), entry, { error: 'is missing, or holds no models' }) },
  { error: objectFault },
);

function objectFault(issue: { code?: string; keys?: readonly string[] }): string {
  return issue.code === 'unrecognized_keys'
    ? `has unknown keys: ${issue.keys?.join(', ')}`
    : 'holds no settings';
}

/**
 * Reads models.yaml. What an entry leaves out is as in `standard`; but keys go to no other address than
 * the one that they are given with.
 * @throws OperatorError naming every fault at once, without repeating a value
 */
export function readModels(yaml: string, standard: ModelSettings, env: Env): readonly NamedModel[] {
  const parsed = schema.safeParse(parseYaml(yaml));
  if (!parsed.success) {
    throw faulty(
      parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the file'} ${message}`),
    );
  }
  const entries = Object.entries(parsed.data.models);
  const isTaken = 'default' in parsed.data.models;
  const faults = [
    ...(isTaken ? ['models.default has the name of the model that MODEL_* describes: choose another'] : []),
    ...entries.flatMap(([name, given]) => missingKeys(name, given, env)),
    ...entries.flatMap(([name, given]) => modalFaults(name, given, standard, env)),
    ...usedTwice(entries),
  ];
  if (faults.length > 0) throw faulty(faults);
  return entries.map(([name, given]) => ({
    name,
    channels: given.channels,
    connection: connectionOf(given, standard.connection, env),
    systemPrompt: given.system_prompt ?? standard.systemPrompt,
    takesImages: given.images ?? standard.takesImages,
    showReasoning: given.show_reasoning ?? standard.showReasoning,
    modal: modalOf(given, standard.modal),
  }));
}

type Entry = z.infer<typeof entry>;

function connectionOf(given: Entry, standard: Connection, env: Env): Connection {
  const of = (name: string | undefined) => (name === undefined ? undefined : env[name]?.trim());
  const keys = {
    apiKey: of(given.api_key_env),
    proxyKey: of(given.proxy_key_env),
    proxySecret: of(given.proxy_secret_env),
  };
  const { apiKey, proxyKey, proxySecret, ...rest } = standard;
  return {
    ...rest,
    ...(given.base_url === undefined
      ? {
          apiKey: keys.apiKey ?? apiKey,
          proxyKey: keys.proxyKey ?? proxyKey,
          proxySecret: keys.proxySecret ?? proxySecret,
        }
      : { ...keys, baseUrl: given.base_url }),
    ...(given.name !== undefined && { name: given.name }),
    ...(given.max_tokens !== undefined && { maxTokens: given.max_tokens }),
    ...(given.max_streams !== undefined && { maxStreams: given.max_streams }),
    ...(given.max_context !== undefined && { maxModelLen: given.max_context }),
    ...(given.wake_minutes !== undefined && { wakeDeadlineMs: given.wake_minutes * 60_000 }),
    ...(given.extra !== undefined && { extra: given.extra }),
  };
}

/** Another endpoint is another server; its GPU is not guessed. */
function modalOf(given: Entry, standard: ModalServer | undefined): ModalServer | undefined {
  const isElsewhere = given.base_url !== undefined || given.modal_server !== undefined;
  const server = isElsewhere ? given.modal_server : standard?.server;
  const app = given.modal_app ?? standard?.app;
  if (server === undefined || app === undefined) return undefined;
  const environment = given.modal_environment ?? standard?.environment;
  const gpu = given.modal_gpu ?? (isElsewhere ? undefined : standard?.gpu);
  return { app, server, ...(environment && { environment }), ...(gpu && { gpu }) };
}

function modalFaults(name: string, given: Entry, standard: ModelSettings, env: Env): string[] {
  const modal = modalOf(given, standard.modal);
  const { modal_app, modal_server, modal_gpu } = given;
  if (modal_server !== undefined && !modal)
    return [`models.${name}.modal_server needs modal_app beside it, or MODAL_APP`];
  if (modal_app !== undefined && modal_server === undefined)
    return [`models.${name}.modal_app needs modal_server beside it`];
  if (modal && !modal.gpu && env.GPU_BUDGET_USD)
    return [`models.${name}.modal_gpu is missing, and without it GPU_BUDGET_USD would not count this model`];
  try {
    if (modal_gpu) priceOf(modal_gpu, env.GPU_PRICES);
    return [];
  } catch (error) {
    return [`models.${name}.modal_gpu ${(error as Error).message}`];
  }
}

function missingKeys(name: string, given: Entry, env: Env): string[] {
  const { api_key_env, proxy_key_env, proxy_secret_env } = given;
  const faults = Object.entries({ api_key_env, proxy_key_env, proxy_secret_env }).flatMap(
    ([key, variable]) =>
      variable === undefined || env[variable]?.trim()
        ? []
        : [`models.${name}.${key} names ${variable}, which is not set in the environment`],
  );
  if ((proxy_key_env === undefined) !== (proxy_secret_env === undefined)) {
    faults.push(`models.${name} has one of proxy_key_env and proxy_secret_env without the other`);
  }
  return faults;
}

function usedTwice(entries: readonly [string, Entry][]): string[] {
  const user = new Map<string, string>();
  const faults: string[] = [];
  for (const [name, { channels }] of entries) {
    for (const id of new Set(channels)) {
      const other = user.get(id);
      if (other === undefined) user.set(id, name);
      else faults.push(`models.${name}.channels names ${id}, which models.${other} has already`);
    }
  }
  return faults;
}

/** Ids of Discord are too large for a number. */
function parseYaml(yaml: string): unknown {
  const plain = (_key: unknown, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  };
  try {
    return parse(yaml, plain, { intAsBigInt: true });
  } catch (error) {
    if (!(error instanceof YAMLError || error instanceof ReferenceError)) throw error;
    // The lines after the first quote the file.
    throw faulty([`the file is no YAML: ${error.message.split('\n')[0]?.replace(/:$/, '')}`]);
  }
}

const faulty = (faults: readonly string[]): OperatorError =>
  new OperatorError(
    `MODELS_FILE: the file of models needs a look (docs/models.md).\n${faults.map((fault) => `  ${fault}.`).join('\n')}`,
  );
