import { pino } from 'pino';
import { createDiscord, type DiscordOptions } from '../../adapters/discord/discord.ts';
import { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { systemClock } from '../../src/clock.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { conformance } from './adapter-suite.ts';
import type { Way } from './harness.ts';

const log = pino({ level: 'silent' });

const create = (discord: FakeDiscord, options: Partial<DiscordOptions> = {}) =>
  createDiscord({
    token: discord.token,
    apiUrl: discord.apiUrl,
    spare: new EditPacer({ clock: systemClock, log }),
    clock: systemClock,
    log,
    ...options,
  });

const byMessage: Way<FakeDiscord>['calls'] = {
  post: ['POST /channels/*/messages'],
  edit: ['PATCH /channels/*/messages/*'],
};
const BY_TOKEN = 'PATCH /webhooks/*/*/messages/*';

conformance<FakeDiscord>({
  name: 'Discord',
  platform: 'discord',
  keepsConnection: true,
  startFake: () => FakeDiscord.start(),
  create: (discord) => create(discord),
  ways: [
    {
      name: 'a mention in a channel',
      channel: ({ channel }) => channel,
      ask: (discord, text) =>
        discord.say({ channel: discord.channel, user: discord.people.asker, text: `@pilotlight ${text}` }),
      calls: byMessage,
      deny: (discord) => discord.deny(discord.channel, 'SendMessages'),
    },
    {
      name: 'a command',
      channel: ({ channel }) => channel,
      ask: (discord, prompt) =>
        discord.command({
          channel: discord.channel,
          user: discord.people.asker,
          name: 'ask',
          options: { prompt },
        }),
      above: (text) => `> ${text}\n`,
      calls: { post: [BY_TOKEN], edit: [BY_TOKEN] },
      deny: (discord) => discord.deny(discord.channel, 'SendMessages'),
    },
    {
      name: 'a direct message',
      channel: ({ dm }) => dm,
      ask: (discord, text) => discord.say({ channel: discord.dm, user: discord.people.asker, text }),
      calls: byMessage,
      deny: (discord) => discord.refuseDms(discord.people.asker),
    },
  ],
  botsSpeak(discord) {
    const { channel, dm, botUserId } = discord;
    const another = discord.addUser('another bot', { bot: true });
    for (const user of [botUserId, another]) discord.say({ channel, user, text: '@pilotlight hello' });
    discord.say({ channel: dm, user: botUserId, text: 'hello' });
  },
  edit: (discord, { channel, id, text }) => discord.editMessage(channel, id, text),
  openThread(discord) {
    const { channel, people } = discord;
    const thread = discord.createThread({ channel, user: people.asker, name: 'a thread' });
    return {
      conversation: thread,
      say: (text) => void discord.say({ channel: thread, user: people.colleague, text }),
    };
  },
  shows: ({ text, footer }) => [text, footer && `-# ${footer}`].filter(Boolean).join('\n'),
  badTokens: { DISCORD_TOKEN: (discord, token) => create(discord, { token }) },
});
