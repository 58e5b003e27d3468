import { EventEmitter } from 'node:events';
import type { FakeChat, ShownMessage } from '../../sandbox/chat.ts';
import { Faults } from '../../sandbox/faults.ts';

/** A chat whose one channel shows what a test says. */
export class FakeChatDouble extends EventEmitter<{ change: [] }> implements FakeChat {
  readonly apiUrl = '';
  readonly faults = new Faults();
  readonly rateLimitHits = [];
  readonly #messages: readonly ShownMessage[];

  constructor(messages: readonly ShownMessage[]) {
    super();
    this.#messages = messages;
  }

  messages(): readonly ShownMessage[] {
    return this.#messages;
  }

  activity(): [] {
    return [];
  }

  deleteMessage(): void {}
  dropConnections(): void {}
  async click(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A message of the bot; buttons by their labels. */
export function messageOf({
  buttons = [],
  ...message
}: Partial<Omit<ShownMessage, 'buttons'>> & { buttons?: readonly string[] }): ShownMessage {
  return {
    id: '1',
    channel: 'C',
    author: { id: 'B', name: 'pilotlight', bot: true },
    text: '',
    reactions: [],
    edits: 0,
    pending: false,
    at: 0,
    ...message,
    buttons: buttons.map((label) => ({ id: label, label })),
  };
}
