import { SimpleShardingStrategy } from 'discord.js';

/**
 * Shards that stay closed once they were. The library's own may connect again half a second after they were told
 * to close, when that came while they connected or between two attempts; and a connection that fails just then is
 * an error that nobody hears, which ends the process (@discordjs/ws 1.2.3, WebSocketShard#destroy).
 */
export class ClosableShards extends SimpleShardingStrategy {
  override async destroy(options?: Parameters<SimpleShardingStrategy['destroy']>[0]): Promise<void> {
    // biome-ignore lint/complexity/useLiteralKeys: the library keeps them private
    const shards = [...this['shards'].values()];
    for (const shard of shards) {
      hearErrors(shard.connection);
      shard.on('hello', () => {
        hearErrors(shard.connection);
        void shard.destroy();
      });
    }
    await super.destroy(options);
    for (const { connection } of shards) connection?.close();
  }
}

const hearErrors = (connection: EventTarget | null) => connection?.addEventListener('error', () => {});
