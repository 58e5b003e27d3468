import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { OperatorError } from '../errors.ts';
import { createModel, type WakeableModel } from './client.ts';
import type { ColdStarts } from './cold-starts.ts';
import type { Model } from './model.ts';
import { type Connection, type ModelSettings, type NamedModel, readModels } from './models-file.ts';

/** How often the file is looked at, ms: editors and mounted volumes replace files in ways that watching misses. */
const LOOK_MS = 2_000;

/** Who answers a question, and how. */
export interface Choice extends Omit<ModelSettings, 'connection'> {
  readonly model: Model;
  /** As models.yaml calls it; "default" for the model that MODEL_* describes. */
  readonly name: string;
}

interface Known extends Choice {
  readonly model: WakeableModel;
  /** By which its cold starts are remembered. */
  readonly remembered: string;
}

/** Where somebody asks: a channel, and the one that it is a thread of. */
export interface Place {
  readonly channel: string;
  readonly parent?: string;
}

export interface ModelsOptions {
  /** What MODEL_* describes: for every channel that the file does not name. */
  readonly standard: ModelSettings;
  /** The path of models.yaml, if there is one. */
  readonly file?: string | undefined;
  /** Holds the keys whose variables the file names. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly coldStarts: ColdStarts;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * The models, and which channel uses which. The file is read again when it changes; while it is faulty,
 * the last good one holds.
 */
export class Models {
  readonly #options: ModelsOptions;
  readonly #standard: Known;
  /** By connection, so that models that differ in their prompt alone wake and queue as one. */
  #clients = new Map<string, WakeableModel>();
  #byChannel: ReadonlyMap<string, Known> = new Map();
  #onChange: () => void = () => {};
  #version: string | undefined;
  #cancelLook: (() => void) | undefined;
  #closed = false;

  /** @throws OperatorError when the file is missing or faulty */
  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#standard = this.#choice({ ...options.standard, name: 'default', channels: [] }, this.#clients);
    const { file } = options;
    if (file === undefined) return;
    let yaml: string;
    try {
      this.#version = versionOf(statSync(file));
      yaml = readFileSync(file, 'utf8');
    } catch (error) {
      throw unreadable(file, error);
    }
    this.#take(yaml);
    this.#lookLater(file);
  }

  /** The default first; an entry that channels use. */
  get all(): readonly Choice[] {
    return [this.#standard, ...new Set(this.#byChannel.values())];
  }

  /** Calls this when the file has changed and is in use. */
  onChange(run: () => void): void {
    this.#onChange = run;
  }

  /** A thread uses the model of the channel it is in, unless it is named itself. */
  for(place: Place): Choice {
    return this.#at(place);
  }

  /** Wakes a place's model; resolves when it answers. */
  wake(place: Place, signal: AbortSignal): Promise<void> {
    return this.#at(place).model.wake(signal);
  }

  /** Cold starts of a place's model so far, ms. */
  coldStarts(place: Place): Promise<readonly number[]> {
    return this.#options.coldStarts.recall(this.#at(place).remembered);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelLook?.();
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  #at({ channel, parent }: Place): Known {
    const ofParent = parent === undefined ? undefined : this.#byChannel.get(parent);
    return this.#byChannel.get(channel) ?? ofParent ?? this.#standard;
  }

  #lookLater(file: string): void {
    if (this.#closed) return;
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => {
      void this.#look(file).finally(() => this.#lookLater(file));
    });
  }

  async #look(file: string): Promise<void> {
    const { log } = this.#options;
    try {
      const version = await stat(file).then(versionOf, () => 'missing');
      if (version === this.#version || this.#closed) return;
      this.#version = version;
      const yaml = await readFile(file, 'utf8').catch((error) => {
        throw unreadable(file, error);
      });
      if (this.#closed) return;
      this.#take(yaml);
      log.info({ channels: this.#byChannel.size }, 'the file of models has changed and is in use');
      this.#onChange();
    } catch (error) {
      if (this.#closed) return;
      if (!(error instanceof OperatorError)) log.error({ err: error }, 'cannot read the file of models');
      else log.error(`${error.message}\nThe models stay as they were.`);
    }
  }

  /** A client that is no longer named finishes its answers; its idle connections close by themselves. */
  #take(yaml: string): void {
    const { standard, env } = this.#options;
    const named = readModels(yaml, standard, env);
    const clients = new Map([[keyOf(standard.connection), this.#standard.model]]);
    const byChannel = new Map<string, Known>();
    for (const model of named) {
      const choice = this.#choice(model, clients);
      for (const channel of model.channels) byChannel.set(channel, choice);
    }
    this.#clients = clients;
    this.#byChannel = byChannel;
  }

  #choice({ connection, channels: _, ...settings }: NamedModel, clients: Map<string, WakeableModel>): Known {
    const key = keyOf(connection);
    const remembered = this.#remembered(connection);
    const model = clients.get(key) ?? this.#clients.get(key) ?? this.#createClient(connection, remembered);
    clients.set(key, model);
    return { ...settings, model, remembered };
  }

  /** Models of several endpoints may have one name, and wake in different times. */
  #remembered({ baseUrl, name }: Connection): string {
    const { host } = new URL(baseUrl);
    const isElsewhere = host !== new URL(this.#options.standard.connection.baseUrl).host;
    return isElsewhere ? `${name} at ${host}` : name;
  }

  #createClient(connection: Connection, remembered: string): WakeableModel {
    const { coldStarts, clock, log } = this.#options;
    return createModel({
      ...connection,
      coldStarts: {
        recall: () => coldStarts.recall(remembered),
        remember: (_name, ms) => coldStarts.remember(remembered, ms),
      },
      clock,
      log,
    });
  }
}

const keyOf = (connection: Connection): string => {
  const given = Object.entries(connection).filter(([, value]) => value !== undefined);
  return JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
};

const versionOf = ({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string =>
  `${mtimeMs} ${size} ${ino}`;

const unreadable = (file: string, error: unknown): OperatorError =>
  new OperatorError(`MODELS_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
