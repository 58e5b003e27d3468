import { randomBytes } from 'node:crypto';
import { InteractionType, MessageFlags, type MessageType } from 'discord.js';
import type { Clock } from '../../src/clock.ts';
import { NO_RESPONSE } from './shown.ts';
import type { World } from './world.ts';

/** Time to acknowledge an interaction, and how long its token lives then. */
const ACKNOWLEDGE_MS = 3000;
const TOKEN_MS = 15 * 60_000;

export interface Interaction {
  readonly id: string;
  readonly token: string;
  readonly type: InteractionType.ApplicationCommand | InteractionType.MessageComponent;
  readonly channel: string;
  readonly user: string;
  /** The command with its subcommand: "warm start". */
  readonly command?: string;
  /** What an answer's message is: a slash command's or a context menu's. */
  readonly messageType: MessageType;
  /** The message whose button was clicked. */
  readonly clicked?: string;
  /** On the monotonic clock, ms. */
  readonly openedAt: number;
  state: 'waiting' | 'acknowledged' | 'failed' | 'expired';
  /** The message that @original means. */
  original?: string;
}

/** Interactions and their deadlines: 3 s to acknowledge, 15 min for all the rest. */
export class Interactions {
  readonly #world: World;
  readonly #clock: Clock;
  readonly #byToken = new Map<string, Interaction>();
  readonly #settle = new Map<Interaction, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #timers = new Map<Interaction, () => void>();

  constructor(world: World) {
    this.#world = world;
    this.#clock = world.clock;
  }

  /** `acknowledged` rejects when the bot did not acknowledge in 3 s. */
  open(about: Omit<Interaction, 'id' | 'token' | 'openedAt' | 'state' | 'original'>): {
    interaction: Interaction;
    acknowledged: Promise<void>;
  } {
    const id = this.#world.ids.next();
    const token = randomBytes(60).toString('base64url');
    const interaction: Interaction = {
      ...about,
      id,
      token,
      openedAt: this.#clock.monotonic(),
      state: 'waiting',
    };
    this.#byToken.set(token, interaction);
    const acknowledged = new Promise<void>((resolve, reject) => {
      this.#settle.set(interaction, { resolve, reject });
    });
    this.#timers.set(
      interaction,
      this.#clock.after(ACKNOWLEDGE_MS, () => this.#fail(interaction)),
    );
    return { interaction, acknowledged };
  }

  find(token: string): Interaction | undefined {
    return this.#byToken.get(token);
  }

  /** By its own id or by its answer's. Throws when there is none. */
  get(id: string): Interaction {
    const found = [...this.#byToken.values()].find((known) => known.id === id || known.original === id);
    if (!found) throw new Error(`This local Discord has no interaction ${id}`);
    return found;
  }

  acknowledge(interaction: Interaction, original: string | undefined): void {
    interaction.state = 'acknowledged';
    if (original) interaction.original = original;
    this.#timers.get(interaction)?.();
    const left = interaction.openedAt + TOKEN_MS - this.#clock.monotonic();
    this.#timers.set(
      interaction,
      this.#clock.after(left, () => this.expire(interaction)),
    );
    this.#settle.get(interaction)?.resolve();
    this.#settle.delete(interaction);
  }

  /** The 15 minutes are over. */
  expire(interaction: Interaction): void {
    this.#timers.get(interaction)?.();
    this.#timers.delete(interaction);
    interaction.state = 'expired';
    const original = this.#world.channels.get(interaction.channel)?.messages.get(interaction.original ?? '');
    if (original && original.flags & MessageFlags.Loading) original.unanswered = true;
    this.#world.emit('change');
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    for (const { reject } of this.#settle.values()) reject(new Error('The local Discord was closed'));
    this.#settle.clear();
  }

  #fail(interaction: Interaction): void {
    interaction.state = 'failed';
    const content =
      interaction.type === InteractionType.ApplicationCommand ? NO_RESPONSE : 'This interaction failed';
    if (this.#world.channels.has(interaction.channel))
      this.#world.post({
        channel: interaction.channel,
        author: this.#world.bot.id,
        type: interaction.messageType,
        content,
        flags: MessageFlags.Ephemeral,
        onlyFor: interaction.user,
      });
    this.#settle.get(interaction)?.reject(new Error(content));
    this.#settle.delete(interaction);
  }
}
