import type { EventEmitter } from 'node:events';
import type { Faults } from './faults.ts';

/** A message as a person sees it in a fake chat; the page, the transcript and the tests read this. */
export interface ShownMessage {
  readonly id: string;
  readonly channel: string;
  /** The thread it stands in: a Slack thread_ts; on Discord the message it replies to. */
  readonly thread?: string;
  readonly author: { readonly id: string; readonly name: string; readonly bot: boolean };
  /** Markdown in the platform's dialect, as shown; footers and context lines last. */
  readonly text: string;
  readonly buttons: readonly { readonly id: string; readonly label: string }[];
  readonly reactions: readonly string[];
  /** Edits and stream appends so far. */
  readonly edits: number;
  /** "NAME used /COMMAND", as Discord's client says above the answer. */
  readonly usedBy?: string;
  /** Shown to this user only. */
  readonly onlyFor?: string;
  /** Discord's "thinking…", a Slack stream that is still open. */
  readonly pending: boolean;
  /** ms since the epoch */
  readonly at: number;
}

/** A budget's refusal: tests assert that there were none of our own making. */
export interface RateLimitHit {
  readonly call: string;
  readonly budget: string;
  readonly at: number;
}

/** What every fake chat offers beside its network side. Emits 'change' whenever what is shown changes. */
export interface FakeChat extends EventEmitter<{ change: [] }> {
  /** For SLACK_API_URL or DISCORD_API_URL. */
  readonly apiUrl: string;
  readonly faults: Faults;
  /** 429s answered because a budget was exceeded (faults not counted). */
  readonly rateLimitHits: readonly RateLimitHit[];
  /** All messages of a channel, oldest first, deleted ones left out. */
  messages(channel: string): readonly ShownMessage[];
  /** Who is shown as typing, and Slack's thread statuses. */
  activity(channel: string): readonly { readonly thread?: string; readonly text: string }[];
  /** A person deletes a message (anybody's). */
  deleteMessage(channel: string, id: string): void;
  /** A person clicks a button. Resolves when the bot has acknowledged it; rejects when it did not in 3 s. */
  click(channel: string, message: string, button: string, user: string): Promise<void>;
  /** Closes the bot's sockets, as a server restart would; it may connect again. */
  dropConnections(): void;
  close(): Promise<void>;
}
