/** What an adapter promises about a reply, for each way to ask. */
import { describe, expect, it } from 'vitest';
import { buttonId, buttonLabels, type Page, type ReplySurface, WriteError } from '../../src/bot/ports.ts';
import { Pages } from '../../src/reply/pages.ts';
import { type Chat, final, type Harness, live, page, started, until } from './harness.ts';

async function faultOf(write: Promise<unknown>): Promise<WriteError> {
  const error = await write.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(WriteError);
  return error as WriteError;
}

export function replies<Fake extends Chat>(harness: Harness<Fake>): void {
  const { connect, connectTo } = started(harness);

  describe.each(harness.ways)(`${harness.name}: the reply to $name`, (way) => {
    async function asked() {
      const running = await connect();
      const next = running.bot.next();
      await way.ask(running.fake, 'a question');
      const question = await next;
      return { ...running, question, surface: running.adapter.open(question.address, 0) };
    }
    const answers = (fake: Fake) => fake.messages(way.channel(fake)).filter(({ author }) => author.bot);
    const shown = (fake: Fake, id: string) => answers(fake).find((message) => message.id === id);
    const shows = (wanted: Page) => ({
      text: `${way.above?.('a question') ?? ''}${harness.shows(wanted)}`,
      buttons: wanted.buttons.map((kind) => ({ id: buttonId(kind, '7.0'), label: buttonLabels[kind] })),
      pending: false,
    });
    const failing = (
      fake: Fake,
      calls: readonly string[],
      act: Parameters<Chat['faults']['add']>[0]['act'],
    ) => {
      for (const on of calls) fake.faults.add({ on, act, times: Number.POSITIVE_INFINITY });
    };

    it('shows exactly the page, its footer and its buttons, from the notice to the last word', async () => {
      const { fake, surface } = await asked();
      const notice = page('', { footer: 'Waking: 12 s', buttons: ['stop'] });
      const { message } = await surface.post(notice, live);
      expect(shown(fake, message)).toMatchObject(shows(notice));
      const half = page('**Half** an', { footer: 'so far', buttons: ['stop'] });
      expect((await surface.edit(message, half, live)).message).toBe(message);
      expect(shown(fake, message)).toMatchObject(shows(half));
      const whole = page('**Half** an answer', { footer: 'cut short', buttons: ['continue', 'retry'] });
      expect((await surface.edit(message, whole, final)).message).toBe(message);
      expect(answers(fake)).toMatchObject([{ id: message, ...shows(whole) }]);
    });

    it('ends the same way when it begins with text, and takes footer and buttons away again', async () => {
      const { fake, surface } = await asked();
      const { message } = await surface.post(page('Half', { buttons: ['stop'] }), live);
      await surface.edit(message, page('Half an', { buttons: ['stop'] }), live);
      await surface.edit(message, page('Half an answer'), final);
      expect(answers(fake)).toMatchObject([{ id: message, ...shows(page('Half an answer')) }]);
    });

    it('goes on in further messages', async () => {
      const { fake, surface } = await asked();
      const first = await surface.post(page('one'), final);
      const second = await surface.post(page('two'), { ...final, key: '7.0:1' });
      expect(answers(fake).map(({ id }) => id)).toEqual([first.message, second.message]);
      expect(shown(fake, first.message)).toMatchObject(shows(page('one')));
      expect(shown(fake, second.message)!.text).toBe('two');
    });

    it('takes the fullest page, of any script, with a long footer and buttons', async () => {
      const { fake, surface } = await asked();
      const [plain, dense] = ['every word counts. ', '👩‍💻 & <答> '].map((words) => {
        const pages = new Pages(surface.dialect);
        pages.append(words.repeat(3_000));
        return page(pages.view()[0]!.text, { footer: 'x'.repeat(150), buttons: ['continue', 'retry'] });
      });
      const { message } = await surface.post(plain!, live);
      await surface.edit(message, dense!, final);
      expect(shown(fake, message)!.text).toContain(harness.shows(dense!));
    });

    it('says when a page is too long', async () => {
      const { surface } = await asked();
      const fault = await faultOf(surface.post(page('x'.repeat(12_001)), final));
      expect(fault.fault).toBe('too-long');
    });

    it('pings nobody, whatever is in it; only an announcement does, and only the asker', async () => {
      const { fake, surface } = await asked();
      const { asker, colleague } = fake.people;
      const pages = new Pages(surface.dialect);
      pages.append(`@everyone @here <@${colleague}> <!channel> <!here> \`<@${asker}>\``);
      pages.end();
      const { text } = pages.view()[0]!;
      const all = page(text, { footer: `<!here> @everyone <@${colleague}>`, buttons: ['stop'] });
      const { message } = await surface.post(all, live);
      await surface.edit(message, page(`${text} again`, all), live);
      await surface.edit(message, page(`${text} again`, { footer: all.footer! }), final);
      await surface.post(all, { ...final, key: '7.0:1' });
      expect(fake.pings).toEqual([]);
      await surface.announce('your answer is ready, @everyone <!channel>');
      expect(fake.pings.map(({ what }) => what)).toEqual([`<@${asker}>`]);
    });

    it('is told that it is gone when somebody deletes it, and is not written again', async () => {
      const { fake, surface, bot, question } = await asked();
      const { message } = await surface.post(page('Half'), live);
      fake.deleteMessage(way.channel(fake), message);
      const { platform, workspace, channel } = question;
      await until(() => expect(bot.deleted).toEqual([{ platform, workspace, channel, message }]));
      expect((await faultOf(surface.edit(message, page('Half an answer'), live))).fault).toBe('gone');
      expect(answers(fake)).toEqual([]);
    });

    it('is told how long to wait, and for which budget, when it writes too much', async () => {
      const { fake, surface } = await asked();
      const { message } = await surface.post(page('word'), live);
      const budgets = surface.budgets('edit', message);
      let refused: unknown;
      for (let n = 1; n < 100 && !refused; n += 1) {
        await surface.edit(message, page('word '.repeat(n + 1).trim()), live).catch((error) => {
          refused = error;
        });
      }
      const fault = await faultOf(Promise.reject(refused));
      expect(fault.fault).toBe('rate-limited');
      expect(fault.retryAfterMs).toBeGreaterThan(0);
      expect(fault.retryAfterMs).toBeLessThanOrEqual(budgets[0]!.windowMs);
      expect(fault.budgets!.length).toBeGreaterThan(0);
      expect(budgets.map(({ id }) => id)).toEqual(expect.arrayContaining([...fault.budgets!]));
      expect(fake.rateLimitHits).toHaveLength(1);
      await surface.post(page('the rest'), { ...final, key: '7.0:1' });
    });

    it.each([
      ['a 500', { type: 'answer', status: 500 }],
      ['a broken connection', { type: 'reset' }],
    ] as const)('is told to try later after %s, and then stands', async (_, act) => {
      const { fake, surface } = await asked();
      failing(fake, way.calls.post, act);
      expect((await faultOf(surface.post(page('Half'), live))).fault).toBe('unavailable');
      fake.faults.clear();
      const { message } = await surface.post(page('Half'), live);
      failing(fake, way.calls.edit, act);
      expect((await faultOf(surface.edit(message, page('Half an answer'), live))).fault).toBe('unavailable');
      fake.faults.clear();
      await surface.edit(message, page('Half an answer'), final);
      expect(answers(fake)).toMatchObject([{ id: message, ...shows(page('Half an answer')) }]);
    });

    it('is told when the bot may not write here any more', async () => {
      const { fake, surface } = await asked();
      await surface.post(page('one'), final);
      way.deny(fake);
      const fault = await faultOf(surface.post(page('two'), { ...final, key: '7.0:1' }));
      expect(fault.fault).toBe('denied');
    });

    it('can be spoken of to who asked alone, in direct messages, and pings nobody', async () => {
      const { fake, adapter, question } = await asked();
      const direct = await adapter.directChannel!(question.author.id);
      expect(direct.channel).toBe(fake.dm);
      await adapter.tell!(direct, { text: 'Not written, @everyone <!channel>', buttons: [] });
      expect(fake.messages(fake.dm).at(-1)!.text).toBe('Not written, @everyone <!channel>');
      expect(fake.pings).toEqual([]);
    });

    it('is one message although it was posted twice, because the first answer was lost', async () => {
      const { fake, surface } = await asked();
      for (const on of way.calls.post) fake.faults.add({ on, act: { type: 'lose-answer' } });
      expect((await faultOf(surface.post(page('Half'), live))).fault).toBe('unavailable');
      fake.faults.clear();
      const { message } = await surface.post(page('Half'), live);
      await surface.edit(message, page('Half an answer'), final);
      expect(answers(fake)).toMatchObject([{ id: message, ...shows(page('Half an answer')) }]);
    });

    it('is written on by another process, from its address alone', async () => {
      const { fake, surface, adapter, question } = await asked();
      const { message } = await surface.post(page('Half'), live);
      await adapter.close();
      const { adapter: later } = await connectTo(fake);
      const again = later.open(JSON.parse(JSON.stringify(question.address)), 0);
      const ended = page('Half', { footer: 'interrupted', buttons: ['continue'] });
      await again.edit(message, ended, final);
      expect(answers(fake)).toMatchObject([{ id: message, ...shows(ended) }]);
    });

    it.each(['the same', 'another'])(
      'is never overwritten by another attempt in %s process',
      async (process) => {
        const { fake, surface, adapter, question } = await asked();
        const { message } = await surface.post(page('The first'), live);
        await surface.edit(message, page('The first answer'), final);
        let by = adapter;
        if (process === 'another') {
          await adapter.close();
          by = (await connectTo(fake)).adapter;
        }
        const retry: ReplySurface = by.open(question.address, 1);
        const second = await retry.post(page('The second'), { turn: '7.1', key: '7.1:0', final: false });
        await retry.edit(second.message, page('The second answer'), {
          turn: '7.1',
          key: '7.1:0',
          final: true,
        });
        expect(shown(fake, message)).toMatchObject(shows(page('The first answer')));
        expect(shown(fake, second.message)!.text).toContain('The second answer');
        expect(answers(fake)).toHaveLength(2);
      },
    );

    it('shows life before it has a message, and no more of it when it has ended', async () => {
      const { fake, surface } = await asked();
      const channel = way.channel(fake);
      const life = () =>
        fake.activity(channel).length > 0 ||
        fake.messages(channel).some(({ pending, reactions }) => pending || reactions.length > 0);
      surface.activity('is thinking…');
      await until(() => expect(life()).toBe(true));
      surface.activity(null);
      await surface.post(page('An answer'), final);
      await until(() => expect(life()).toBe(false));
    });

    it('has buttons that reach the bot; what it says to that is for the presser alone', async () => {
      const { fake, surface, bot, question } = await asked();
      const channel = way.channel(fake);
      const { asker, colleague } = fake.people;
      const { message } = await surface.post(page('Half', { buttons: ['continue', 'retry'] }), final);
      await fake.click(channel, message, buttonId('retry', '7.0'), asker);
      await until(() => expect(bot.presses).toHaveLength(1));
      const { workspace } = question;
      expect(bot.presses[0]).toMatchObject({ workspace, channel, button: 'retry', turn: '7.0' });
      expect(bot.presses[0]!.user).toMatchObject({ id: asker, name: 'asker' });
      bot.pressAnswer = 'Too late, @everyone.';
      await fake.click(channel, message, buttonId('continue', '7.0'), asker);
      const told = () => fake.messages(channel).filter(({ onlyFor }) => onlyFor !== undefined);
      await until(() => expect(told()).toMatchObject([{ onlyFor: asker, text: 'Too late, @everyone.' }]));
      expect(shown(fake, message)).toMatchObject(shows(page('Half', { buttons: ['continue', 'retry'] })));
      expect(fake.pings.filter(({ what }) => what.includes(colleague) || what.includes('every'))).toEqual([]);
    });

    it('loses its buttons, and nothing else, when a press says that the answer went on elsewhere', async () => {
      const { fake, surface, bot } = await asked();
      const channel = way.channel(fake);
      const told = { footer: 'Stopped by @everyone.' };
      const cut = page('**Half** of 1 < 2 & 3', { ...told, buttons: ['continue', 'retry', 'reasoning'] });
      const { message } = await surface.post(page('**Half**', { buttons: ['stop'] }), live);
      await surface.edit(message, cut, final);
      bot.pressSpends = true;
      // Nothing depends on it: one that is lost is made up for by the next press.
      failing(fake, ['chat.update', 'PATCH /webhooks/*/*/messages/*'], { type: 'answer', status: 400 });
      bot.pressAnswer = 'told all the same';
      await fake.click(channel, message, buttonId('retry', '7.0'), fake.people.asker);
      await until(() =>
        expect(fake.messages(channel).filter(({ onlyFor }) => onlyFor)).toMatchObject([
          { text: bot.pressAnswer },
        ]),
      );
      expect(shown(fake, message)).toMatchObject(shows(cut));
      fake.faults.clear();
      bot.pressAnswer = null;
      await fake.click(channel, message, buttonId('continue', '7.0'), fake.people.asker);
      await until(() => expect(shown(fake, message)!.buttons).toEqual([]));
      expect(shown(fake, message)).toMatchObject(shows({ ...cut, buttons: [] }));
      expect(fake.pings).toEqual([]);
    });
  });
}
