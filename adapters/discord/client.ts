import { Client, GatewayIntentBits, type IIdentifyThrottler, Options, Partials } from 'discord.js';
import { ClosableShards } from './closable-shards.ts';

export interface ClientSettings {
  /** Without the version; default the real service. */
  readonly apiUrl: string | undefined;
  /** Whether to be told who types. */
  readonly typing: boolean;
  /** Which shard of how many. */
  readonly shard: number;
  readonly shards: number;
  readonly identify: IIdentifyThrottler;
}

/** Discord's client for one shard, not connected. It connects once: after `destroy` another one is needed. */
export function newClient({ apiUrl, typing, shard, shards, identify }: ClientSettings): Client {
  const own = ({ id, client }: { id: string; client: Client }) => id === client.user?.id;
  return new Client({
    shards: [shard],
    shardCount: shards,
    ws: {
      buildStrategy: (manager) => new ClosableShards(manager),
      buildIdentifyThrottler: () => identify,
    },
    intents: [
      GatewayIntentBits.Guilds,
      GatewayIntentBits.GuildMessages,
      GatewayIntentBits.MessageContent,
      GatewayIntentBits.DirectMessages,
      ...(typing ? [GatewayIntentBits.GuildMessageTyping, GatewayIntentBits.DirectMessageTyping] : []),
    ],
    // Direct messages come from channels not seen before; deletions are of messages seen long ago.
    partials: [Partials.Channel, Partials.Message],
    allowedMentions: { parse: [], repliedUser: false },
    failIfNotExists: false,
    makeCache: Options.cacheWithLimits({
      ...Options.DefaultMakeCacheSettings,
      // A message and the one that it replies to: each costs some kB, and nothing else is looked up here.
      MessageManager: 2,
      ReactionManager: 0,
      PresenceManager: 0,
      GuildEmojiManager: 0,
      GuildStickerManager: 0,
      GuildMemberManager: { maxSize: 1000, keepOverLimit: own },
      UserManager: { maxSize: 2000, keepOverLimit: own },
    }),
    ...(apiUrl !== undefined && { rest: { api: apiUrl.replace(/\/+$/, '') } }),
  });
}
