import type {
  Address,
  Begun,
  ButtonKind,
  ChatPlatform,
  CommandNotice,
  ImageLimits,
  ImageRef,
  Question,
  ReplySurface,
  Spot,
} from '../../src/bot/ports.ts';
import { WriteError } from '../../src/bot/ports.ts';

export interface DoubleMessage {
  text: string;
  footer: string | undefined;
  buttons: readonly ButtonKind[];
  writes: number;
}

/** A chat without limits that shows what was written, for tests of the core. */
export class ChatDouble implements ChatPlatform {
  /** What each reply was opened with. */
  readonly begun: Begun[] = [];
  readonly platform = 'slack';
  readonly connected = true;
  /** Messages by id, in the order of posting. */
  readonly messages = new Map<string, DoubleMessage>();
  readonly announcements: string[] = [];
  /** What people were told directly. */
  readonly direct: { readonly user: string; readonly text: string }[] = [];
  readonly deleted = new Set<string>();
  /** So many of the next posts are carried out, and their answers lost. */
  losing = 0;
  /** The message of each key that something was posted with. */
  readonly #posted = new Map<string, string>();
  readonly activities: (string | null)[] = [];
  /** While set, every write fails with it. */
  failing: WriteError | undefined;
  /** How each picture is got, by its address. */
  readonly pictures = new Map<string, (limits: ImageLimits) => Promise<Uint8Array>>();

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async close(): Promise<void> {}

  /** What a person reads now: each message's text and footer. */
  get shown(): string[] {
    return [...this.messages.values()].map(({ text, footer }) => [text, footer].filter(Boolean).join(' | '));
  }

  async directChannel(user: string): Promise<Spot> {
    return { channel: `D${user}` };
  }

  async tell({ channel }: Spot, { text }: CommandNotice): Promise<void> {
    this.direct.push({ user: channel.slice(1), text });
  }

  delete(id: string): void {
    this.messages.delete(id);
    this.deleted.add(id);
  }

  async fetchImage({ url }: ImageRef, limits: ImageLimits): Promise<Uint8Array> {
    const get = this.pictures.get(url);
    if (!get) throw new Error(`the test has no picture at ${url}`);
    return get(limits);
  }

  /** Like Slack, it does not look for a message that was posted before unless there is a reason to. */
  open(_address: Address, _attempt: number, begun: Begun = 'nothing'): ReplySurface {
    const lost = new Set<string>();
    this.begun.push(begun);
    return {
      dialect: 'slack',
      budgets: () => [],
      post: async (page, { key }) => {
        if (this.failing) throw this.failing;
        const found = begun !== 'nothing' || lost.has(key) ? this.#posted.get(key) : undefined;
        const message = found ?? `m${this.messages.size + this.deleted.size + 1}`;
        this.messages.set(message, { ...page, footer: page.footer, writes: 1 });
        this.#posted.set(key, message);
        if (this.losing === 0) return { message };
        this.losing -= 1;
        lost.add(key);
        throw new WriteError('unavailable', 'no answer');
      },
      edit: async (message, page) => {
        if (this.failing) throw this.failing;
        const shown = this.messages.get(message);
        if (!shown) throw new WriteError('gone', 'message_not_found');
        this.messages.set(message, { ...page, footer: page.footer, writes: shown.writes + 1 });
        return { message };
      },
      activity: (status) => {
        this.activities.push(status);
      },
      announce: async (text) => {
        this.announcements.push(text);
      },
    };
  }
}

let asked = 0;

/** A question in a thread of its own unless told otherwise. */
export function aQuestion(text: string, more: Partial<Question> = {}): Question {
  asked += 1;
  return {
    platform: 'slack',
    workspace: 'T1',
    channel: 'C1',
    message: `${asked}`,
    conversation: `thread-${asked}`,
    author: { id: 'U1', roles: [], name: 'asker' },
    text,
    images: [],
    address: {},
    ...more,
  };
}
