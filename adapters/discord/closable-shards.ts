import { SimpleShardingStrategy } from 'discord.js';

/**
 * Shards that stay closed once they were. The library's own may connect again half a second after they were told
 * to close, when that came while they connected or between two attempts (1.2.3, WebSocketShard#destroy); and who
 * has lost a shard must not go on hearing what another process hears now.
 */
export class ClosableShards extends SimpleShardingStrategy {
  override async destroy(options?: Parameters<SimpleShardingStrategy['destroy']>[0]): Promise<void> {
    // biome-ignore lint/complexity/useLiteralKeys: the library keeps them private
    for (const shard of this['shards'].values()) shard.on('hello', () => shard.destroy());
    await super.destroy(options);
  }
}
