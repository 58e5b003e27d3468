/** What an adapter takes for a question. */
import { describe, expect, it } from 'vitest';
import { askedInAll, type Chat, final, type Harness, live, page, started, until } from './harness.ts';

export function questions<Fake extends Chat>(harness: Harness<Fake>): void {
  const { connect } = started(harness);

  describe(`${harness.name}: what is asked`, () => {
    it.each(harness.ways)('$name is a question, as plain text', async ({ ask, channel }) => {
      const { fake, bot } = await connect();
      const next = bot.next();
      await ask(fake, 'what is 1 < 2 & 3?');
      const question = await next;
      expect(question).toMatchObject({
        platform: harness.platform,
        channel: channel(fake),
        author: { id: fake.people.asker },
        text: 'what is 1 < 2 & 3?',
        images: [],
      });
      expect(JSON.parse(JSON.stringify(question))).toEqual(question);
    });

    it('is taken once although the platform repeats its events', async () => {
      const { fake, bot } = await connect();
      const user = fake.people.asker;
      fake.say({ channel: fake.channel, user, text: '@pilotlight once', duplicate: true });
      fake.say({ channel: fake.dm, user, text: 'once more', duplicate: true });
      expect(await askedInAll(fake, bot)).toEqual(['once', 'once more']);
    });

    it('stays as it was sent: to edit or delete it asks nothing, and stops nothing', async () => {
      const { fake, bot } = await connect();
      const { channel, people } = fake;
      const id = fake.say({ channel, user: people.asker, text: '@pilotlight what is a lamp?' });
      await until(() => expect(bot.questions).toHaveLength(1));
      harness.edit(fake, { channel, id, text: '@pilotlight what is a pilot lamp?' });
      fake.deleteMessage(channel, id);
      expect(await askedInAll(fake, bot)).toEqual(['what is a lamp?']);
      expect(bot.deleted).toEqual([]);
    });

    it('is never what a bot says, itself or another', async () => {
      const { fake, bot } = await connect();
      harness.botsSpeak(fake);
      expect(await askedInAll(fake, bot)).toEqual([]);
    });

    it('is not what people say to each other in a channel', async () => {
      const { fake, bot } = await connect();
      const { channel, people } = fake;
      fake.say({ channel, user: people.asker, text: 'hello all' });
      fake.say({ channel, user: people.asker, text: '@colleague and hello to you' });
      expect(await askedInAll(fake, bot)).toEqual([]);
    });

    it('needs no mention in a thread that the bot takes part in, and needs one in any other', async () => {
      const { fake, bot } = await connect();
      const [known, other] = [harness.openThread(fake), harness.openThread(fake)];
      bot.engaged.add(known.conversation);
      other.say('not for the bot');
      known.say('and in short?');
      await until(() => expect(bot.questions).toHaveLength(1));
      expect(bot.questions[0]).toMatchObject({ conversation: known.conversation, text: 'and in short?' });
      expect(await askedInAll(fake, bot)).toEqual(['and in short?']);
    });

    it('may be nothing at all, so that the bot can say how to ask', async () => {
      const { fake, bot } = await connect();
      const next = bot.next();
      fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight' });
      expect((await next).text).toBe('');
    });

    it.each(harness.ways)('is not lost silently when it cannot be stored: $name', async (way) => {
      const { fake, bot } = await connect();
      bot.broken = true;
      await way.ask(fake, 'hello');
      const told = () => fake.messages(way.channel(fake)).filter(({ author }) => author.bot);
      await until(() => expect(told()).toMatchObject([{ text: expect.stringMatching(/again/) }]));
    });

    it('is no longer taken once the adapter was stopped, while replies can still be written', async () => {
      const { fake, bot, adapter } = await connect();
      const next = bot.next();
      fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight before' });
      const surface = adapter.open((await next).address, 0);
      await adapter.stop();
      fake.say({ channel: fake.channel, user: fake.people.asker, text: '@pilotlight after' });
      const { message } = await surface.post(page('an'), live);
      await surface.edit(message, page('an answer'), final);
      expect(fake.messages(fake.channel).at(-1)!.text).toBe('an answer');
      expect(bot.questions.map(({ text }) => text)).toEqual(['before']);
    });
  });
}
