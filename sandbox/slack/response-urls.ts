/** response_url: a way to answer a click or a command without a token, for a while. */
import { randomUUID } from 'node:crypto';
import { Args } from './args.ts';
import { contentOf } from './chat-methods.ts';
import { announce, edit, type SlackContext } from './method.ts';
import type { Answer, Call } from './server.ts';
import { SlackError } from './slack-error.ts';
import type { SlackMessage } from './workspace.ts';

/** Docs: up to five times within 30 minutes. */
const maxUses = 5;
const lifeMs = 30 * 60_000;

interface Origin {
  readonly channel: string;
  readonly user: string;
  /** The message whose button was clicked. */
  readonly message?: SlackMessage;
}

export class ResponseUrls {
  readonly #slack: SlackContext;
  readonly #baseUrl: string;
  readonly #open = new Map<string, Origin & { uses: number; readonly until: number }>();

  constructor(slack: SlackContext, baseUrl: string) {
    this.#slack = slack;
    this.#baseUrl = baseUrl;
  }

  create(origin: Origin): string {
    const id = randomUUID();
    this.#open.set(id, { ...origin, uses: 0, until: this.#slack.workspace.clock.now() + lifeMs });
    return `${this.#baseUrl}/response/${id}`;
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  handle(id: string, call: Call): Answer {
    const origin = this.#open.get(id);
    const expired = !origin || this.#slack.workspace.clock.now() > origin.until;
    if (expired) return { status: 404, body: { ok: false, error: 'expired_url' } };
    if (origin.uses >= maxUses) return { status: 404, body: { ok: false, error: 'used_url' } };
    origin.uses += 1;
    try {
      this.respond(origin, Object(JSON.parse(call.body)));
      return { status: 200, body: 'ok' };
    } catch (error) {
      if (error instanceof SyntaxError) return { status: 500, body: 'invalid_payload' };
      if (!(error instanceof SlackError)) throw error;
      return { status: 400, body: { ok: false, error: error.code } };
    }
  }

  /** Does what a response says; an acknowledgement's payload says it the same way. */
  respond(origin: Origin, response: Readonly<Record<string, unknown>>): SlackMessage | undefined {
    const { workspace } = this.#slack;
    const { message } = origin;
    const args = new Args(response);
    if (message && args.flag('delete_original')) {
      workspace.remove(message);
      if (!message.onlyFor) this.#slack.events.deleted(message);
      return undefined;
    }
    const { text = '', blocks = [] } = contentOf(args);
    if (message && args.flag('replace_original')) {
      if (!workspace.messages(message.channel).includes(message)) throw new SlackError('message_not_found');
      edit(this.#slack, message, false, () => Object.assign(message, { text, blocks }));
      return message;
    }
    const added = workspace.add({
      channel: origin.channel,
      user: workspace.bot.id,
      text,
      blocks,
      threadTs: args.text('thread_ts'),
      onlyFor: args.text('response_type') === 'in_channel' ? undefined : origin.user,
    });
    announce(this.#slack, added);
    return added;
  }
}
