import type { FakeSlack } from '../../sandbox/slack/fake-slack.ts';
import type { ChatPlatform } from '../../src/bot/ports.ts';
import { type HttpServer, serve } from '../../src/server.ts';

/** Where nobody listens. */
export const nowhere = 'http://127.0.0.1:9/slack/events';

/** Puts an adapter behind the bot's own HTTP server. */
export function serveSlack(platform: ChatPlatform): Promise<HttpServer> {
  return serve(0, {
    parts: () => ({ slack: platform.connected }),
    listener: (name) => (name === 'slack' ? platform.listener : undefined),
  });
}

/** The adapter with a server of its own, which this Slack calls from when it is started. */
export function served(slack: FakeSlack, platform: ChatPlatform): ChatPlatform {
  let server: HttpServer | undefined;
  return {
    platform: 'slack',
    get connected() {
      return platform.connected;
    },
    directChannel: (user) => platform.directChannel!(user),
    tell: (where, notice) => platform.tell!(where, notice),
    open: (...reply) => platform.open(...reply),
    fetchImage: (...image) => platform.fetchImage(...image),
    stop: () => platform.stop(),
    async start(bot) {
      server = await serveSlack(platform);
      slack.requestUrl = `http://127.0.0.1:${server.port}/slack/events`;
      await platform.start(bot);
    },
    async close() {
      await platform.close();
      await server?.close();
    },
  };
}
