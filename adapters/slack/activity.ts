import type { Budget } from '../../src/bot/ports.ts';
import type { SlackAddress } from './address.ts';
import { codeOf, mayPass, toWriteError } from './faults.ts';
import { Follower } from './follower.ts';
import { limits } from './limits.ts';
import { lacking, type Workspace } from './workspace.ts';

/** The sign on the question: a reaction works in every kind of conversation, a status may not. */
const SIGN = 'eyes';
/** Slack drops a status after 2 minutes; ms. */
const REFRESH = 90_000;
/** https://docs.slack.dev/reference/methods/assistant.threads.setStatus */
const MAX_LOADING_MESSAGE = 50;

/**
 * Shows that we are at work without a message: a reaction on the question, a status in the thread, and Slack's own
 * Stop while a message streams. Best effort: it never throws and holds nothing up.
 */
export class Activity {
  readonly #workspace: Workspace;
  readonly #address: SlackAddress;
  readonly #sign: Follower<boolean>;
  readonly #status: Follower<string>;
  readonly #stop: Follower<boolean>;
  #statusHere = true;
  #cancelRefresh = () => {};

  /** An earlier process may have left a sign (`begun`) or Slack's own Stop (`streamed`). */
  constructor(
    workspace: Workspace,
    address: SlackAddress,
    { begun, streamed }: { begun: boolean; streamed: boolean },
  ) {
    const { clock, spare } = workspace;
    const { team } = address;
    this.#workspace = workspace;
    this.#address = address;
    this.#sign = new Follower<boolean>({
      clock,
      spare,
      budget: (on) => (on ? limits.addReaction(team) : limits.removeReaction(team)),
      wanted: false,
      shown: begun ? undefined : false,
      apply: (on) => this.#react(on),
      settled: () => this.#settled(),
    });
    this.#status = new Follower<string>({
      clock,
      spare,
      budget: () => limits.status(team),
      wanted: '',
      shown: begun ? undefined : '',
      apply: (status) => this.#setStatus(status),
      settled: () => this.#settled(),
    });
    this.#stop = new Follower<boolean>({
      clock,
      spare,
      budget: () => limits.session(team),
      wanted: false,
      shown: streamed ? undefined : false,
      apply: (on) => this.#setSession(on ? 'processing' : 'active'),
      settled: () => this.#settled(),
    });
  }

  /** Keeps the status up until told `null`. Returns at once. */
  show(status: string | null): void {
    this.#workspace.activities.add(this);
    this.#sign.set(status !== null);
    this.#status.set(status ?? '');
    this.#stop.start();
    this.#cancelRefresh();
    if (status !== null) this.#refreshLater();
  }

  /** A message streams, and has no room for our Stop; or none does any more. */
  streams(on: boolean): void {
    this.#workspace.activities.add(this);
    this.#stop.set(on);
  }

  /** Calls Slack no more; a status then goes by itself. */
  end(): void {
    this.#cancelRefresh();
    this.#sign.end();
    this.#status.end();
    this.#stop.end();
  }

  /** Takes all away that can be taken away now, and calls Slack no more. Resolves when that is done. */
  async finish(): Promise<void> {
    this.#cancelRefresh();
    await Promise.all([this.#sign.finish(false), this.#status.finish(''), this.#stop.finish(false)]);
  }

  /** Forgets itself once nothing stands any more. */
  #settled(): void {
    const rests = this.#sign.rests(false) && this.#status.rests('') && this.#stop.rests(false);
    if (rests) this.#workspace.activities.delete(this);
  }

  #refreshLater(): void {
    this.#cancelRefresh = this.#workspace.clock.after(REFRESH, () => {
      this.#status.refresh();
      this.#refreshLater();
    });
  }

  async #react(on: boolean): Promise<void> {
    const { client, features } = this.#workspace;
    const { team, channel, ts } = this.#address;
    if (!features.reactions) return;
    const sign = { channel, timestamp: ts, name: SIGN };
    try {
      await (on ? client.reactions.add(sign) : client.reactions.remove(sign));
    } catch (error) {
      throwIfItMayPass(error, on ? limits.addReaction(team) : limits.removeReaction(team));
      // already_reacted, no_reaction, message_not_found: as it should be
      if (lacking.has(codeOf(error))) features.reactions = false;
    }
  }

  async #setStatus(status: string): Promise<void> {
    const { client, features, log } = this.#workspace;
    if (!features.status || !this.#statusHere) return;
    const { team, channel, thread } = this.#address;
    try {
      await client.assistant.threads.setStatus({
        channel_id: channel,
        thread_ts: thread,
        status,
        // Without these Slack shows phrases of its own in place of ours.
        ...(status === '' ? {} : { loading_messages: [status.slice(0, MAX_LOADING_MESSAGE)] }),
      });
    } catch (error) {
      throwIfItMayPass(error, limits.status(team));
      const code = codeOf(error);
      this.#statusHere = false;
      if (lacking.has(code)) features.status = false;
      log.debug({ channel, code }, 'no status in this thread');
    }
  }

  /** Whether the thread's agent session is at work. https://docs.slack.dev/ai/agent-sessions */
  async #setSession(status: 'processing' | 'active'): Promise<void> {
    const { client, features, log } = this.#workspace;
    if (!features.sessions) return;
    const { team, channel, thread } = this.#address;
    try {
      await client.agents.sessions.setStatus({ channel_id: channel, thread_ts: thread, status });
    } catch (error) {
      throwIfItMayPass(error, limits.session(team));
      if (lacking.has(codeOf(error))) features.sessions = false;
      log.debug({ channel, code: codeOf(error) }, 'cannot show Slack’s own Stop');
    }
  }
}

function throwIfItMayPass(error: unknown, budget: Budget): void {
  if (mayPass(error)) throw toWriteError(error, [budget]);
}
