/** The far side in a process of its own: fakes, askers, and a watch on what the chat shows. See `FarSide`. */
import type { FakeChat, ShownMessage } from '../../sandbox/chat.ts';
import { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import { FakeSlack } from '../../sandbox/slack/fake-slack.ts';

const wide = { limit: 1_000_000, windowMs: 60_000, burst: 1_000_000, per: 'team' } as const;
const awake = { awake: true, minContainers: 1, firstTokenMs: 0 };

/** Signs of life are best effort, and each process counts its own. */
const writes = /^chat\.|messages/;

const slack = await FakeSlack.start({ budgets: { default: wide } });
const discord = await FakeDiscord.start();
const quick = await SleepingModel.start({ ...awake, tokensPerSecond: Number.POSITIVE_INFINITY });
const slow = await SleepingModel.start({ ...awake, tokensPerSecond: 20 });

for (const fake of [slack, discord]) fake.setMaxListeners(0);

const bots = (fake: FakeChat, channel: string): readonly ShownMessage[] =>
  fake.messages(channel).filter(({ author }) => author.bot);
const isOver = ({ pending, buttons }: ShownMessage) =>
  !pending && !buttons.some(({ label }) => label === 'Stop');
let channels = 0;
const newSlack = () => slack.addChannel(`c${++channels}`);
const newDiscord = () => discord.addChannel(`c${++channels}`);
const askSlack = (channel: string, text: string) =>
  slack.say({ channel, user: slack.people.asker, text: `@pilotlight ${text}` });
const askDiscord = (channel: string, text: string) =>
  discord.say({ channel, user: discord.people.asker, text: `@pilotlight ${text}` });

/** Resolves to the ms that it took until `look` holds. */
function when(fake: FakeChat, look: () => boolean): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    const check = () => {
      if (!look()) return;
      fake.off('change', check);
      resolve(performance.now() - started);
    };
    fake.on('change', check);
    check();
  });
}

const farSide = {
  /** What a bot needs to know of us; `slow`: a model whose answers take long. */
  env: (pace: 'quick' | 'slow') => ({
    SLACK_BOT_TOKEN: slack.botToken,
    SLACK_APP_TOKEN: slack.appToken,
    SLACK_API_URL: slack.apiUrl,
    DISCORD_TOKEN: discord.token,
    DISCORD_API_URL: discord.apiUrl,
    DISCORD_GUILD_ID: discord.guildId,
    MODEL_BASE_URL: (pace === 'slow' ? slow : quick).baseUrl,
  }),

  /** ms from each of so many questions, one after the other, to what a person sees first. */
  async firstSigns(questions: number): Promise<number[]> {
    const figures: number[] = [];
    for (let i = 0; i < questions; i += 1) {
      const channel = newSlack();
      const seen = () =>
        bots(slack, channel).length > 0 ||
        slack.activity(channel).length > 0 ||
        slack.messages(channel).some(({ reactions }) => reactions.length > 0);
      askSlack(channel, 'repeat after me: here');
      figures.push(await when(slack, seen));
      await when(slack, () => bots(slack, channel).some(isOver));
    }
    return figures;
  },

  /**
   * Answers that came in so many ms when this many people ask without a pause, each question in a new channel: what
   * Slack takes in one channel is then no limit.
   */
  async load(askers: number, ms: number): Promise<number> {
    const end = performance.now() + ms;
    let answers = 0;
    const asker = async () => {
      const channel = newSlack();
      for (let asked = 1; performance.now() < end; asked += 1) {
        askSlack(channel, 'repeat after me: here');
        await when(
          slack,
          () => bots(slack, channel).filter(isOver).length >= asked || performance.now() > end,
        );
        if (performance.now() < end) answers += 1;
      }
    };
    await Promise.all(Array.from({ length: askers }, asker));
    return answers;
  },

  /** Asks for so many long answers, each in a Discord channel of its own, and waits until all of them grow. */
  async stream(answers: number): Promise<string[]> {
    const asked = Array.from({ length: answers }, newDiscord);
    for (const channel of asked) askDiscord(channel, 'write 20000 characters');
    await Promise.all(
      asked.map((channel) => when(discord, () => bots(discord, channel).some(({ edits }) => edits > 1))),
    );
    return asked;
  },

  /** ms from now until so many of these answers stand as interrupted, each. */
  async repaired(asked: string[], answers: number): Promise<number[]> {
    const started = performance.now();
    const repaired = new Map<string, number>();
    await when(discord, () => {
      for (const channel of asked) {
        const over = bots(discord, channel).some(
          (message) => isOver(message) && message.text.includes('Interrupted'),
        );
        if (over && !repaired.has(channel)) repaired.set(channel, performance.now() - started);
      }
      return repaired.size >= answers;
    });
    return [...repaired.values()];
  },

  /** Presses Stop on those that still grow. */
  async stop(asked: string[]): Promise<void> {
    for (const channel of asked) {
      const message = bots(discord, channel).find((each) => !isOver(each));
      const button = message?.buttons.find(({ label }) => label === 'Stop');
      if (message && button) await discord.click(channel, message.id, button.id, discord.people.asker);
    }
  },

  /** Messages and edits that were refused. */
  refused: () =>
    [...slack.rateLimitHits, ...discord.rateLimitHits].filter(({ call }) => writes.test(call)).length,
};

export type FarSide = typeof farSide;

process.on('message', async ({ id, name, args }: { id: number; name: keyof FarSide; args: unknown[] }) => {
  try {
    const call = farSide[name] as (...args: unknown[]) => unknown;
    process.send!({ id, result: await call(...args) });
  } catch (error) {
    process.send!({ id, error: String(error) });
  }
});
process.send!({ ready: true });
