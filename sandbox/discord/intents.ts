import { GatewayIntentBits as Bits } from 'discord.js';

/** Intents that a bot gets only when they are switched on in the developer portal. */
export const PRIVILEGED = Bits.GuildMembers | Bits.GuildPresences | Bits.MessageContent;

/** Every intent there is; any other bit closes the connection with 4013. */
export const KNOWN = Object.values(Bits)
  .filter((bit) => typeof bit === 'number')
  .reduce((sum, bit) => sum | bit, 0);

export type EventFamily = 'guilds' | 'messages' | 'reactions' | 'typing';

/** Which intent lets an event through. */
export function intentFor(family: EventFamily, direct: boolean): number {
  if (family === 'guilds') return Bits.Guilds;
  if (family === 'messages') return direct ? Bits.DirectMessages : Bits.GuildMessages;
  if (family === 'reactions') return direct ? Bits.DirectMessageReactions : Bits.GuildMessageReactions;
  return direct ? Bits.DirectMessageTyping : Bits.GuildMessageTyping;
}

/** An event for the gateway: who gets it, and what they get. */
export interface GatewayEvent {
  readonly type: string;
  readonly data: object;
  /** What sessions without MESSAGE_CONTENT get instead. */
  readonly withoutContent?: object;
  /** Sessions need this bit; 0 for events that come to all. */
  readonly intents: number;
  /** Decides the shard; direct messages go to shard 0. */
  readonly guild?: string;
}
