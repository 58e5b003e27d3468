/** Slash commands and clicks: what the app gets, and what the person sees of its acknowledgement. */
import { randomUUID } from 'node:crypto';
import { buttonsOf } from './blocks.ts';
import type { Deliveries } from './delivery.ts';
import type { Installation } from './events.ts';
import type { ResponseUrls } from './response-urls.ts';
import { messageJson } from './shown.ts';
import type { SlackMessage, Workspace } from './workspace.ts';

export interface SlashCommand {
  /** With its slash. */
  readonly command: string;
  readonly text?: string;
  readonly user: string;
  /** Slash commands do not work inside threads. */
  readonly channel: string;
}

export class Interactions {
  readonly #workspace: Workspace;
  readonly #deliveries: Deliveries;
  readonly #responseUrls: ResponseUrls;
  readonly #installation: () => Installation | undefined;

  constructor(options: {
    workspace: Workspace;
    deliveries: Deliveries;
    responseUrls: ResponseUrls;
    installation: () => Installation | undefined;
  }) {
    this.#workspace = options.workspace;
    this.#deliveries = options.deliveries;
    this.#responseUrls = options.responseUrls;
    this.#installation = options.installation;
  }

  /** Resolves to the message in the acknowledgement, if it had one. */
  async slashCommand(run: SlashCommand): Promise<SlackMessage | undefined> {
    const { teamId, teamName, appId } = this.#workspace;
    const origin = { channel: run.channel, user: run.user };
    const answer = await this.#deliver('slash_commands', {
      token: 'sandbox',
      team_id: teamId,
      team_domain: teamName,
      channel_id: run.channel,
      channel_name: this.#workspace.channel(run.channel).name,
      user_id: run.user,
      user_name: this.#workspace.user(run.user).name,
      command: run.command,
      text: run.text ?? '',
      api_app_id: appId,
      ...(this.#enterprise !== undefined && { enterprise_id: this.#enterprise }),
      is_enterprise_install: String(this.#enterprise !== undefined),
      response_url: this.#responseUrls.create(origin),
      trigger_id: randomUUID(),
    });
    if (typeof answer !== 'object' || answer === null || Object.keys(answer).length === 0) return undefined;
    return this.#responseUrls.respond(origin, answer as Record<string, unknown>);
  }

  async click(message: SlackMessage, buttonId: string, user: string): Promise<void> {
    const button = buttonsOf(message.blocks).find(({ id }) => id === buttonId);
    if (!button) throw new Error(`there is no button ${buttonId} on ${message.ts}`);
    const { teamId, teamName, appId } = this.#workspace;
    const { channel, ts, threadTs, onlyFor } = message;
    const { name } = this.#workspace.user(user);
    await this.#deliver('interactive', {
      type: 'block_actions',
      user: { id: user, username: name, name, team_id: teamId },
      api_app_id: appId,
      token: 'sandbox',
      container: {
        type: 'message',
        message_ts: ts,
        channel_id: channel,
        is_ephemeral: onlyFor !== undefined,
        ...(threadTs && { thread_ts: threadTs }),
      },
      trigger_id: randomUUID(),
      team: { id: teamId, domain: teamName },
      enterprise: this.#enterprise === undefined ? null : { id: this.#enterprise },
      is_enterprise_install: this.#enterprise !== undefined,
      channel: { id: channel, name: this.#workspace.channel(channel).name },
      ...(!onlyFor && { message: messageJson(this.#workspace, message) }),
      state: { values: {} },
      response_url: this.#responseUrls.create({ channel, user, message }),
      actions: [
        {
          type: button.element.type,
          action_id: button.element.action_id,
          block_id: button.block.block_id,
          text: { type: 'plain_text', text: button.label, emoji: true },
          ...(button.value !== undefined && { value: button.value }),
          action_ts: this.#workspace.newTs(),
        },
      ],
    });
  }

  get #enterprise(): string | undefined {
    return this.#installation()?.enterprise;
  }

  async #deliver(type: 'slash_commands' | 'interactive', payload: Record<string, unknown>): Promise<unknown> {
    try {
      return await this.#deliveries.once(type, payload);
    } catch (error) {
      throw new Error(`the bot did not acknowledge in time (${(error as Error).message})`);
    }
  }
}
