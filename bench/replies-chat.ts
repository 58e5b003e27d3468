/**
 * Child of the ingest bench: a Slack and a Discord with their real limits, and the people in them. Sends the
 * bot's settings; told a number, lets so many people ask, half of them on each; told anything else, sends how many
 * of the bot's messages there are.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { FakeChat } from '../sandbox/chat.ts';
import { FakeDiscord } from '../sandbox/discord/fake-discord.ts';
import { FakeSlack } from '../sandbox/slack/fake-slack.ts';

/** Answers that grow in one channel at the same time. */
const PER_CHANNEL = 10;
/** Between two questions: a thousand within ten seconds, ms. */
const BETWEEN = 10;

const slack = await FakeSlack.start();
const discord = await FakeDiscord.start();
const channels: { readonly fake: FakeChat; readonly channel: string; readonly ask: () => unknown }[] = [];

process.on('message', async (message) => {
  if (typeof message === 'number') await ask(message);
  else process.send?.(channels.map(shown).reduce((sum, count) => sum + count, 0));
});
process.on('disconnect', () => process.exit());
process.send?.({
  SLACK_BOT_TOKEN: slack.botToken,
  SLACK_APP_TOKEN: slack.appToken,
  SLACK_API_URL: slack.apiUrl,
  DISCORD_TOKEN: discord.token,
  DISCORD_API_URL: discord.apiUrl,
});

async function ask(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const pair = Math.floor(index / 2 / PER_CHANNEL);
    if (index % (2 * PER_CHANNEL) === 0) openChannels(pair);
    channels[2 * pair + (index % 2)]!.ask();
    await wait(BETWEEN);
  }
}

function openChannels(number: number): void {
  const text = '@pilotlight tell me everything';
  for (const fake of [slack, discord]) {
    const channel = fake.addChannel(`room-${number}`);
    channels.push({ fake, channel, ask: () => fake.say({ channel, user: fake.people.asker, text }) });
  }
}

const shown = ({ fake, channel }: (typeof channels)[number]): number =>
  fake.messages(channel).filter(({ author }) => author.bot).length;
