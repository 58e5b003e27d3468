import { describe, expect, it, vi } from 'vitest';
import { adapterFor, connected } from './discord-support.ts';

const picture = { name: 'plot.png', mimetype: 'image/png', content: new Uint8Array(5) };
const log = { name: 'build.log', mimetype: 'text/plain', content: Buffer.from('error: no space left') };
const pdf = { name: 'notes.pdf', mimetype: 'application/pdf', content: new Uint8Array(1) };

describe('a message that is forwarded in Discord', () => {
  it('is what is asked about, with its files and pictures', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const message = fake.say({
      channel,
      user: people.colleague,
      text: 'The build\nfails',
      files: [picture, log],
    });
    const next = bot.next();
    fake.say({ channel: fake.dm, user: people.asker, text: '', forwards: { channel, message } });
    const { text, images } = await next;
    expect(text).toBe('Somebody wrote:\n> The build\n> fails\n\nbuild.log:\n\nerror: no space left');
    expect(images).toMatchObject([{ url: expect.stringContaining('plot.png') }]);
  });

  it('is for the bot in a thread that it takes part in', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const message = fake.say({ channel, user: people.colleague, text: 'Long story' });
    const thread = fake.createThread({ channel, user: people.asker, name: 'a thread' });
    bot.engaged.add(thread);
    const next = bot.next();
    fake.say({ channel: thread, user: people.asker, text: '', forwards: { channel, message } });
    expect((await next).text).toBe('Somebody wrote:\n> Long story');
  });

  it('asks nothing in a channel, whoever it mentions', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const text = '@pilotlight hello';
    const message = fake.say({ channel: fake.dm, user: people.asker, text });
    fake.say({ channel, user: people.asker, text: '', forwards: { channel: fake.dm, message } });
    fake.say({ channel, user: people.asker, text: '@pilotlight the second' });
    await bot.next();
    expect(bot.questions.map((question) => question.text)).toEqual(['hello', 'the second']);
  });

  it('can be taken for the question by "Answer this"', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const first = fake.say({ channel, user: people.colleague, text: 'Why?', files: [picture] });
    const forwards = { channel, message: first };
    const message = fake.say({ channel, user: people.colleague, text: '', forwards });
    const next = bot.next();
    await fake.messageCommand({ channel, user: people.asker, name: 'Answer this', message });
    expect(await next).toMatchObject({ text: 'Somebody wrote:\n> Why?', images: [{ bytes: 5 }] });
  });
});

describe('a question about somebody else’s message in Discord', () => {
  const whole = 'colleague wrote:\n> It fails\n\nwhy?';

  it('has that message, however many were written before the question is looked at', async () => {
    const { fake, bot } = await connected();
    const { channel, dm, people } = fake;
    const stored = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<void>();
    const take = bot.ask.bind(bot);
    bot.ask = async (question) => {
      if (question.channel === dm) heard.resolve();
      await stored.promise;
      return take(question);
    };
    const replyTo = fake.say({ channel, user: people.colleague, text: 'It fails' });
    fake.say({ channel, user: people.asker, text: '@pilotlight one' });
    fake.say({ channel, user: people.asker, text: '@pilotlight why?', replyTo });
    for (const text of ['a', 'b', 'c']) fake.say({ channel, user: people.colleague, text });
    fake.say({ channel: dm, user: people.asker, text: 'two' });
    await heard.promise;
    stored.resolve();
    await vi.waitUntil(() => bot.questions.length === 3, { timeout: 5_000 });
    expect(bot.questions.map(({ text }) => text)).toEqual(expect.arrayContaining(['one', whole, 'two']));
  });

  it('has its picture where it says nothing', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const replyTo = fake.say({ channel, user: people.colleague, text: '', files: [picture] });
    const next = bot.next();
    fake.say({ channel, user: people.asker, text: '@pilotlight what is it?', replyTo });
    expect(await next).toMatchObject({ text: 'what is it?', images: [{ bytes: 5 }] });
  });

  it('has it also when it was asked while the bot was away', async () => {
    const { fake, bot, discord } = await connected();
    const { channel, people } = fake;
    await discord.close();
    for (const text of ['a', 'b', 'c']) {
      const replyTo = fake.say({ channel, user: people.colleague, text });
      fake.say({ channel, user: people.colleague, text, replyTo });
    }
    const replyTo = fake.say({ channel, user: people.colleague, text: 'It fails' });
    fake.say({ channel, user: people.asker, text: '@pilotlight why?', replyTo });
    await adapterFor(fake).discord.start(bot);
    await vi.waitUntil(() => bot.questions.length === 1, { timeout: 5_000 });
    expect(bot.questions[0]!.text).toBe(whole);
  });
});

describe('what another bot wrote in Discord', () => {
  const embeds = [
    {
      title: 'Disk full',
      description: 'on **web-1**',
      url: 'https://example.com/1',
      fields: [{ name: 'Since', value: '<t:1767614400:R>' }],
    },
  ];
  const text = 'Disk full\n> on **web-1**\n> Since: 2026-01-05 12:00 UTC';

  it('goes along with a question about it, also what it shows in boxes', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const replyTo = fake.say({ channel, user: fake.addUser('alerts', { bot: true }), text: '', embeds });
    const next = bot.next();
    fake.say({ channel, user: people.asker, text: '@pilotlight what now?', replyTo });
    expect((await next).text).toBe(`alerts wrote:\n> ${text}\n\nwhat now?`);
  });

  it('can be taken for the question, and be forwarded', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const message = fake.say({ channel, user: fake.addUser('alerts', { bot: true }), text: '', embeds });
    const asked = bot.next();
    await fake.messageCommand({ channel, user: people.asker, name: 'Answer this', message });
    expect((await asked).text).toBe(text.replaceAll('> ', ''));
    const thread = fake.createThread({ channel, user: people.asker, name: 'a thread' });
    bot.engaged.add(thread);
    const forwarded = bot.next();
    fake.say({ channel: thread, user: people.asker, text: '', forwards: { channel, message } });
    expect((await forwarded).text).toBe(`Somebody wrote:\n> ${text}`);
  });

  it('is told from the preview of a link', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const replyTo = fake.say({ channel, user: people.colleague, text: 'https://example.com' });
    fake.unfurl(channel, replyTo, 'A page');
    const next = bot.next();
    fake.say({ channel, user: people.asker, text: '@pilotlight what is it?', replyTo });
    expect((await next).text).toBe('colleague wrote:\n> https://example.com\n\nwhat is it?');
  });
});

describe('text files in Discord', () => {
  it('are read in a message that a mention is about', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const replyTo = fake.say({ channel, user: people.colleague, text: 'It fails', files: [log, picture] });
    const next = bot.next();
    fake.say({ channel, user: people.asker, text: '@pilotlight why?', replyTo, files: [pdf] });
    const { text, images } = await next;
    expect(text).toBe(
      [
        'colleague wrote:\n> It fails',
        'why?',
        'build.log:',
        'error: no space left',
        '(The file notes.pdf cannot be read.)',
      ].join('\n\n'),
    );
    expect(images).toHaveLength(1);
  });

  it('are told by their bytes, whatever Discord calls them', async () => {
    const { fake, bot } = await connected();
    const files = [
      { name: 'main.ts', mimetype: 'video/mp2t', content: Buffer.from('export {};') },
      { name: 'Makefile', content: Buffer.from('all: test') },
      { name: 'data.gz', content: Buffer.from([31, 139, 8, 0]) },
    ];
    const next = bot.next();
    fake.say({ channel: fake.dm, user: fake.people.asker, text: 'why?', files });
    const read = ['main.ts:', 'export {};', 'Makefile:', 'all: test', '(The file data.gz cannot be read.)'];
    expect((await next).text).toBe(['why?', ...read].join('\n\n'));
  });

  it('can be the whole question, as a long paste is, of which Discord may not say that it is text', async () => {
    const { fake, bot } = await connected();
    const next = bot.next();
    const paste = { name: 'message.txt', content: Buffer.from('Why does it fail? ...') };
    fake.say({ channel: fake.dm, user: fake.people.asker, text: '', files: [paste] });
    expect((await next).text).toBe('message.txt:\n\nWhy does it fail? ...');
  });

  it('are read in a message that "Answer this" takes, as of a long paste', async () => {
    const { fake, bot } = await connected();
    const { channel, people } = fake;
    const message = fake.say({ channel, user: people.colleague, text: 'Why?', files: [log] });
    const next = bot.next();
    await fake.messageCommand({ channel, user: people.asker, name: 'Answer this', message });
    const { text, address } = await next;
    expect(text).toBe('Why?\n\nbuild.log:\n\nerror: no space left');
    expect(address.asked).toBe('Why?');
  });

  it.each([
    { file: log, text: 'why?\n\nbuild.log:\n\nerror: no space left', images: 0 },
    { file: pdf, text: 'why?\n\n(The file notes.pdf cannot be read.)', images: 0 },
    { file: picture, text: 'why?', images: 1 },
  ])('go along with /ask, as pictures do: $file.name', async ({ file, text, images }) => {
    const { fake, bot } = await connected();
    const next = bot.next();
    await fake.command({
      channel: fake.channel,
      user: fake.people.asker,
      name: 'ask',
      options: { prompt: 'why?', file },
    });
    const question = await next;
    expect(question.text).toBe(text);
    expect(question.images).toHaveLength(images);
    expect(question.address.asked).toBe('why?');
  });
});
