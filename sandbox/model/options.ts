import { type Clock, systemClock } from '../../src/clock.ts';
import type { Scaling } from './containers.ts';
import type { DialectName } from './dialect.ts';
import type { Front } from './gateway.ts';

export interface SleepingModelOptions extends Partial<Scaling> {
  readonly clock?: Clock;
  /** Default: any free port. */
  readonly port?: number;
  /** The served model name; default "pilotlight", as in MODEL_NAME. */
  readonly model?: string;
  /** LoRA adapters, each chosen by its name. */
  readonly loras?: readonly string[];
  /** Prompt and answer together, tokens; default 32,768. */
  readonly maxModelLen?: number;
  /** Takes images; default false. */
  readonly vision?: boolean;
  readonly dialect?: DialectName;
  readonly front?: Front;
  /** From the first request to a server that answers, ms; default 60,000. */
  readonly coldStartMs?: number;
  /** How much of it goes into loading weights, ms; default a third. */
  readonly loadMs?: number;
  /** How long a web_server holds a request before it redirects, ms; Modal's 150,000. */
  readonly holdMs?: number;
  /** Starts awake. */
  readonly awake?: boolean;
  /** Modal-Key and Modal-Secret; unset for an endpoint without proxy auth. */
  readonly proxyKey?: string;
  readonly proxySecret?: string;
  /** The server's own --api-key. */
  readonly apiKey?: string;
  /** Default 50; Infinity for no pause at all. */
  readonly tokensPerSecond?: number;
  /** Prefill, ms; default 200. */
  readonly firstTokenMs?: number;
  /** Streams one container takes before another is started; default: all of them. */
  readonly streamsPerContainer?: number;
}

export type Settings = Required<Omit<SleepingModelOptions, 'proxyKey' | 'proxySecret' | 'apiKey'>> &
  Pick<SleepingModelOptions, 'proxyKey' | 'proxySecret' | 'apiKey'>;

export function withDefaults(options: SleepingModelOptions): Settings {
  const coldStartMs = options.coldStartMs ?? 60_000;
  return {
    clock: systemClock,
    port: 0,
    model: 'pilotlight',
    loras: [],
    maxModelLen: 32_768,
    vision: false,
    dialect: 'vllm',
    front: 'server',
    coldStartMs,
    loadMs: coldStartMs / 3,
    holdMs: 150_000,
    awake: false,
    tokensPerSecond: 50,
    firstTokenMs: 200,
    streamsPerContainer: Number.POSITIVE_INFINITY,
    minContainers: 0,
    maxContainers: 0,
    bufferContainers: 0,
    scaledownWindowMs: 60_000,
    ...options,
  };
}
