import { ApplicationCommandType, InteractionType, MessageType } from 'discord.js';
import type { Commands, Registered } from './commands.ts';
import { buttonsOf } from './components.ts';
import type { Interaction, Interactions } from './interactions.ts';
import {
  checkMayUse,
  clickData,
  interactionPayload,
  messageCommandData,
  type OptionValues,
  slashData,
} from './invocation-payloads.ts';
import type { Message } from './records.ts';
import type { World } from './world.ts';

export { type OptionValue, type OptionValues, type SharedFile, uploaded } from './invocation-payloads.ts';

interface Place {
  readonly channel: string;
  readonly user: string;
}

/** An interaction that the bot acknowledged. */
export interface Invoked {
  readonly id: string;
  /** The message that @original means: the answer, or the message whose button was clicked. */
  readonly message: string;
}

/** What people start: commands and clicks, as far as Discord's client offers them. */
export class Invocations {
  readonly #world: World;
  readonly #commands: Commands;
  readonly #interactions: Interactions;

  constructor(parts: { world: World; commands: Commands; interactions: Interactions }) {
    this.#world = parts.world;
    this.#commands = parts.commands;
    this.#interactions = parts.interactions;
  }

  command(use: Place & { name: string; options?: OptionValues }): Promise<Invoked> {
    const path = use.name.split(' ');
    const registered = this.#find(path[0]!, ApplicationCommandType.ChatInput, use);
    const data = slashData(this.#world, registered, path, use.options ?? {});
    return this.#send(use, { ...COMMAND, command: use.name }, data);
  }

  messageCommand(use: Place & { name: string; message: string }): Promise<Invoked> {
    const registered = this.#find(use.name, ApplicationCommandType.Message, use);
    const data = messageCommandData(this.#world, registered, this.#world.message(use.channel, use.message));
    return this.#send(use, { ...MENU, command: use.name }, data);
  }

  click(use: Place & { message: string; button: string }): Promise<Invoked> {
    const target = this.#world.message(use.channel, use.message);
    const button = buttonsOf(target.components).find((b) => 'custom_id' in b && b.custom_id === use.button);
    if (!button || button.disabled) throw new Error(`message ${target.id} shows no button ${use.button}`);
    if (target.onlyFor && target.onlyFor !== use.user)
      throw new Error(`message ${target.id} is not shown to ${use.user}`);
    return this.#send(use, { ...CLICK, clicked: target.id }, clickData(use.button), target);
  }

  #find(name: string, type: ApplicationCommandType, use: Place): Registered {
    const channel = this.#world.channel(use.channel);
    const registered = this.#commands.find(name, type, channel.recipient !== undefined);
    if (!registered) throw new Error(`no command "${name}" is registered here`);
    checkMayUse(this.#world, registered, use.user, channel);
    return registered;
  }

  async #send(
    { channel, user }: Place,
    about: Pick<Interaction, 'type' | 'messageType' | 'command' | 'clicked'>,
    data: object,
    message?: Message,
  ): Promise<Invoked> {
    const { interaction, acknowledged } = this.#interactions.open({ ...about, channel, user });
    const payload = interactionPayload(this.#world, interaction, data, message);
    this.#world.publishInteraction(this.#world.channel(channel), payload);
    await acknowledged;
    return { id: interaction.id, message: interaction.original! };
  }
}

const COMMAND = {
  type: InteractionType.ApplicationCommand,
  messageType: MessageType.ChatInputCommand,
} as const;
const MENU = {
  type: InteractionType.ApplicationCommand,
  messageType: MessageType.ContextMenuCommand,
} as const;
const CLICK = { type: InteractionType.MessageComponent, messageType: MessageType.Reply } as const;
