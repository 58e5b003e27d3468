import { EventEmitter } from 'node:events';
import { type CallContext, createServer, type Server, ServerError, Status } from 'nice-grpc';
import { type Clock, sleep, systemClock } from '../../src/clock.ts';
import { Faults } from '../faults.ts';
import type { Scaling } from '../model/containers.ts';
import type { SleepingModel } from '../model/sleeping-model.ts';
import { definition, type Message } from './rpc.ts';

export interface FakeModalOptions {
  /** The endpoint that the settings act on. */
  readonly model: SleepingModel;
  readonly tokenId?: string;
  readonly tokenSecret?: string;
  readonly app?: string;
  /** A Server's or Function's name; "Class.method" for a method of a Cls. */
  readonly server?: string;
  /** Further servers of the app, by name. */
  readonly others?: Readonly<Record<string, SleepingModel>>;
  /** The one environment there is; the empty name means it too. */
  readonly environment?: string;
  readonly clock?: Clock;
}

/** One call as it came. */
export interface ModalCall {
  readonly name: string;
  readonly request: Message;
  /** The address of the client's connection. */
  readonly from: string;
  /** ms since the epoch */
  readonly at: number;
}

/**
 * Modal's control plane on this machine, for one deployed app: what `update_autoscaler` sets acts on the
 * sleeping model at once, and a deploy resets all of it to what the app declares. For MODAL_SERVER_URL.
 * A fault's name is an RPC's ("FunctionGet"), the status of an answer a gRPC code. Emits 'change'.
 */
export class FakeModal extends EventEmitter<{ change: [] }> {
  readonly faults = new Faults();
  readonly calls: ModalCall[] = [];
  readonly tokenId: string;
  readonly tokenSecret: string;
  readonly app: string;
  readonly server: string;
  /** True refuses every call, as if nothing were there. */
  unreachable = false;
  /** What the app's decorator says. */
  declared: Scaling;
  /** How often the app was deployed. */
  deploys = 1;

  readonly #model: SleepingModel;
  readonly #others: ReadonlyMap<string, { readonly model: SleepingModel; readonly declared: Scaling }>;
  readonly #environment: string;
  readonly #clock: Clock;
  readonly #grpc: Server = createServer();
  readonly #closing = new AbortController();
  readonly #authToken: string;
  #port = 0;

  static async start(options: FakeModalOptions): Promise<FakeModal> {
    const fake = new FakeModal(options);
    fake.#port = await fake.#grpc.listen('127.0.0.1:0');
    return fake;
  }

  private constructor(options: FakeModalOptions) {
    super();
    this.#model = options.model;
    const others = Object.entries(options.others ?? {});
    this.#others = new Map(others.map(([name, model]) => [name, { model, declared: model.scaling }]));
    this.#environment = options.environment ?? 'main';
    this.#clock = options.clock ?? systemClock;
    this.#authToken = newToken(this.#clock.now());
    this.tokenId = options.tokenId ?? 'ak-sandbox';
    this.tokenSecret = options.tokenSecret ?? 'as-sandbox';
    this.app = options.app ?? 'pilotlight-vllm';
    this.server = options.server ?? 'VllmServer';
    this.declared = this.#model.scaling;
    const handlers: Record<string, (request: Message) => Message> = {
      AuthTokenGet: () => ({ token: this.#authToken }),
      FunctionGet: (request) => this.#get(request),
      FunctionUpdateSchedulingParams: (request) => this.#update(request),
      FunctionGetCurrentStats: (request) => this.#stats(request),
    };
    this.#grpc.add(
      definition,
      Object.fromEntries(
        Object.entries(handlers).map(([name, handler]) => [
          name,
          (request: Message, context: CallContext) => this.#answer(name, handler, request, context),
        ]),
      ),
    );
  }

  /** For MODAL_SERVER_URL. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get scaling(): Scaling {
    return this.#model.scaling;
  }

  /** How often an RPC was called. */
  count(name: string): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  /** Deploys the app, with other settings where given: everything set at runtime is gone. */
  deploy(change: Partial<Scaling> = {}): void {
    this.declared = { ...this.declared, ...change };
    this.deploys += 1;
    this.#model.scale(this.declared);
    for (const { model, declared } of this.#others.values()) model.scale(declared);
    this.emit('change');
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#grpc.forceShutdown();
  }

  async #answer(
    name: string,
    handler: (request: Message) => Message,
    request: Message,
    { metadata, peer }: CallContext,
  ): Promise<Message> {
    this.calls.push({ name, request, from: peer, at: this.#clock.now() });
    if (this.unreachable) throw new ServerError(Status.UNAVAILABLE, 'No connection established');
    const act = this.faults.take(name);
    if (act?.type === 'answer') throw new ServerError(act.status, String(act.body ?? ''));
    if (act?.type === 'reset') throw new ServerError(Status.UNAVAILABLE, 'Connection dropped');
    if (act?.type === 'delay') await sleep(this.#clock, act.ms, this.#closing.signal);
    const known =
      metadata.get('x-modal-token-id') === this.tokenId &&
      metadata.get('x-modal-token-secret') === this.tokenSecret;
    if (!known) throw new ServerError(Status.UNAUTHENTICATED, 'Token ID or secret is invalid');
    if (name !== 'AuthTokenGet' && metadata.get('x-modal-auth-token') !== this.#authToken)
      throw new ServerError(Status.UNAUTHENTICATED, 'Auth token is missing');
    const answer = handler(request);
    this.emit('change');
    if (act?.type === 'lose-answer') throw new ServerError(Status.UNAVAILABLE, 'Connection dropped');
    return answer;
  }

  /** Changes with each deploy, so that nobody may keep it. Whether Modal's does is not known. */
  #functionId(server: string): string {
    return `fu-${this.deploys}-${server}`;
  }

  #get({ appName, objectTag, environmentName = '' }: Message): Message {
    if (environmentName !== '' && environmentName !== this.#environment)
      throw new ServerError(Status.NOT_FOUND, `Environment '${environmentName}' not found`);
    const server = [this.server, ...this.#others.keys()].find((name) => tagOf(name) === objectTag);
    if (appName !== this.app || server === undefined)
      throw new ServerError(Status.NOT_FOUND, `No function '${appName}/${objectTag}'`);
    const [, method] = server.split('.');
    const handleMetadata = method
      ? { methodHandleMetadata: { [method]: { functionName: server, isMethod: true } } }
      : { functionName: server };
    return { functionId: this.#functionId(server), handleMetadata };
  }

  #update({ functionId, settings = {} }: Message): Message {
    const model = this.#modelOf(functionId);
    const given = settings as Readonly<Record<string, number | undefined>>;
    const { scaledownWindow } = given;
    // The range is from Modal's docs; that it is refused here in this way is not known.
    if (scaledownWindow !== undefined && (scaledownWindow < 2 || scaledownWindow > 1_200))
      throw new ServerError(Status.INVALID_ARGUMENT, 'scaledown_window must be between 2 and 1200');
    // Nobody refuses min > max.
    const change = {
      minContainers: given.minContainers,
      maxContainers: given.maxContainers,
      bufferContainers: given.bufferContainers,
      scaledownWindowMs: scaledownWindow === undefined ? undefined : scaledownWindow * 1_000,
    };
    const now = model.scale(
      Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)),
    );
    return {
      currentSettings: {
        minContainers: now.minContainers,
        ...(now.maxContainers > 0 && { maxContainers: now.maxContainers }),
        bufferContainers: now.bufferContainers,
        scaledownWindow: Math.round(now.scaledownWindowMs / 1_000),
      },
    };
  }

  #stats({ functionId }: Message): Message {
    return { backlog: 0, numTotalTasks: this.#modelOf(functionId).state.containers };
  }

  #modelOf(functionId: unknown): SleepingModel {
    if (functionId === this.#functionId(this.server)) return this.#model;
    for (const [name, { model }] of this.#others) if (functionId === this.#functionId(name)) return model;
    throw new ServerError(Status.NOT_FOUND, `Function ${functionId} not found`);
  }
}

/** A Cls is found by the function that serves all its methods. */
function tagOf(server: string): string {
  const [name = '', method] = server.split('.');
  return method ? `${name}.*` : name;
}

/** A JWT, of which the SDK reads only when it ends: in an hour. */
function newToken(nowMs: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ exp: Math.floor(nowMs / 1_000) + 3_600 })}.sandbox`;
}
