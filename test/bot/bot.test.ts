import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PilotlightBot } from '../../src/bot/bot.ts';
import { type ButtonKind, ImageError, type ImageRef, WriteError } from '../../src/bot/ports.ts';
import { LocalTurnQueue } from '../../src/cluster/local-turn-queue.ts';
import { LocalSignals } from '../../src/cluster/signals.ts';
import { ModelError } from '../../src/model/model.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { SqliteStore } from '../../src/store/sqlite/store.ts';
import { aQuestion, ChatDouble } from '../support/chat-double.ts';
import { ModelDouble, untilAborted } from '../support/model-double.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const log = pino({ level: 'silent' });

describe('the bot', () => {
  let clock: VirtualClock;
  let chat: ChatDouble;
  let model: ModelDouble;
  let store: SqliteStore;
  let bot: PilotlightBot;
  /** What the next questions are refused with. */
  let refusals: string[];

  function start({ showReasoning = false, takesImages = false } = {}): Promise<void> {
    bot = new PilotlightBot({
      store,
      queue: new LocalTurnQueue({ store, clock, log }),
      signals: new LocalSignals(),
      models: {
        for: () => ({ model, name: 'default', systemPrompt: 'Be brief.', takesImages, showReasoning }),
      },
      pacer: new EditPacer({ clock, log }),
      platforms: [chat],
      clock,
      log,
      admins: { slack: ['U9'], discord: [] },
      limits: { refusal: async () => refusals.shift() ?? null },
      announceAfterMs: 60_000,
    });
    return bot.start();
  }
  const settle = (ms = 30_000) => clock.advance(ms);
  const press = (button: ButtonKind, user = 'U1', turn = '1.0') =>
    bot.press({
      button,
      turn,
      platform: 'slack',
      workspace: 'T1',
      channel: 'C1',
      user: { id: user, roles: [], name: `name of ${user}` },
    });

  beforeEach(async () => {
    clock = new VirtualClock();
    chat = new ChatDouble();
    model = new ModelDouble();
    refusals = [];
    store = new SqliteStore(':memory:');
    await start();
  });
  afterEach(() => store.close());

  it('refuses at once what is too much, and takes it when it is asked again', async () => {
    model.will(async function* () {
      await new Promise<void>((resolve) => clock.after(20_000, resolve));
      yield { type: 'text', text: 'One.' };
      yield { type: 'done', reason: 'stop' };
    });
    await bot.ask(aQuestion('first', { conversation: 'thread' }));
    refusals = ['Too many.', 'Still too many.'];
    expect(await bot.ask(aQuestion('second', { conversation: 'thread' }))).toBe('accepted');
    await settle(1_000);
    expect(chat.shown).toEqual(['Too many.']);
    expect(await press('retry', 'U1', '2.0')).toBe('Still too many.');
    model.willSay('Two.');
    expect(await press('retry', 'U1', '2.0')).toBeNull();
    await settle(60_000);
    expect(chat.shown.toSorted()).toEqual(['One.', 'Two.']);
  });

  it('answers a question', async () => {
    model.willSay('Forty-two.');
    expect(await bot.ask(aQuestion('What is six times seven?'))).toBe('accepted');
    await settle();
    expect(chat.shown).toEqual(['Forty-two.']);
    expect([...chat.messages.values()][0]!.buttons).toEqual([]);
    expect(await store.unfinished()).toEqual([]);
  });

  it('answers a question once when it is delivered twice, also at the same moment', async () => {
    model.willSay('Once.');
    const question = aQuestion('Hello?');
    const answers = await Promise.all([bot.ask(question), bot.ask(question)]);
    await settle();
    expect(await bot.ask(question)).toBe('seen');
    expect(answers.sort()).toEqual(['accepted', 'seen']);
    expect(chat.shown).toEqual(['Once.']);
  });

  it('shows life before it has anything to say', async () => {
    model.will(async function* ({ signal }) {
      await untilAborted(signal);
    });
    await bot.ask(aQuestion('Hello?'));
    expect(chat.activities.at(-1)).toBe('is thinking…');
  });

  it('gives the model the earlier turns of the same conversation, and no others', async () => {
    model.willSay('One.').willSay('Two.').willSay('Elsewhere.').willSay('Three.');
    await bot.ask(aQuestion('first', { conversation: 'thread' }));
    await settle();
    await bot.ask(aQuestion('second', { conversation: 'thread' }));
    await settle();
    await bot.ask(aQuestion('other', { conversation: 'elsewhere' }));
    await settle();
    await bot.ask(aQuestion('third', { conversation: 'thread' }));
    await settle();
    expect(model.requests[3]!.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    expect(model.sent(3)).toEqual([
      'user: first',
      'assistant: One.',
      'user: second',
      'assistant: Two.',
      'user: third',
    ]);
  });

  it('gives the model one name for all turns of a conversation, that tells nothing of it', async () => {
    for (const conversation of ['thread', 'elsewhere', 'thread']) {
      model.willSay('Yes.');
      await bot.ask(aQuestion('Hello?', { conversation }));
      await settle();
    }
    const [first, other, again] = model.requests.map(({ session }) => session);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(first).toMatch(/^[\w-]{43}$/);
  });

  it('goes on with the conversation of the message that is replied to', async () => {
    model.willSay('One.').willSay('Two.');
    await bot.ask(aQuestion('first', { conversation: 'chain' }));
    await settle();
    await bot.ask(aQuestion('second', { conversation: 'new', inReplyTo: 'm1' }));
    await settle();
    expect(model.sent(1)).toEqual(['user: first', 'assistant: One.', 'user: second']);
  });

  it('runs the turns of one conversation in order, those of others side by side', async () => {
    const order: string[] = [];
    const slow = (name: string) => {
      model.will(async function* () {
        order.push(`${name} starts`);
        await new Promise<void>((resolve) => clock.after(10_000, resolve));
        yield { type: 'text', text: name };
        yield { type: 'done', reason: 'stop' };
        order.push(`${name} ends`);
      });
    };
    for (const name of ['first', 'second', 'third']) slow(name);
    await bot.ask(aQuestion('a', { conversation: 'one' }));
    await bot.ask(aQuestion('b', { conversation: 'two' }));
    await bot.ask(aQuestion('c', { conversation: 'one' }));
    await settle(5_000);
    expect(order).toEqual(['first starts', 'second starts']);
    expect(chat.shown.join()).toContain('Waiting for the answer before this one');
    await settle(60_000);
    expect(order.slice(2)).toContain('third starts');
    expect(chat.shown).toContain('third');
  });

  describe('a question behind another of its conversation', () => {
    let release: () => void;

    beforeEach(async () => {
      model.will(async function* ({ signal }) {
        yield { type: 'text', text: 'One. And then' };
        const released = new Promise<void>((resolve) => {
          release = resolve;
        });
        await Promise.race([released, untilAborted(signal)]);
        yield { type: 'done', reason: 'stop' };
      });
      await bot.ask(aQuestion('first', { conversation: 'thread' }));
      await settle();
      await bot.ask(aQuestion('second', { conversation: 'thread' }));
      await settle();
    });

    it('waits visibly, and is answered in the message that said so', async () => {
      expect(chat.shown).toEqual(['One. And', '⏳ Waiting for the answer before this one']);
      model.willSay('Two.');
      release();
      await settle();
      expect(chat.shown).toEqual(['One. And then', 'Two.']);
      expect([...chat.messages.values()].map(({ buttons }) => buttons)).toEqual([[], []]);
    });

    it('is answered in the message that said so, also when the chat never told that it stands', async () => {
      model.willSay('Two.').willSay('Three.');
      chat.losing = 1;
      await bot.ask(aQuestion('third', { conversation: 'thread' }));
      await clock.advance(50);
      const waits = '⏳ Waiting for the answer before this one';
      expect(chat.shown).toEqual(['One. And', waits, waits]);
      // So soon that the line of the third was let go before it was written again.
      release();
      await clock.advance(100);
      await settle();
      expect(chat.shown).toEqual(['One. And then', 'Two.', 'Three.']);
    });

    it('can be stopped while it waits, at once, and never reaches the model', async () => {
      expect(await press('stop', 'U1', '2.0')).toBeNull();
      await settle(5_000);
      expect(chat.shown).toEqual(['One. And', '⏹ Stopped by name of U1.']);
      expect(model.requests[0]!.signal.aborted).toBe(false);
      release();
      await settle();
      expect(model.requests).toHaveLength(1);
      expect(await store.unfinished()).toEqual([]);
    });

    it('is never asked when the message that says that it waits is deleted', async () => {
      chat.delete('m2');
      await bot.messageDeleted({ platform: 'slack', workspace: 'T1', channel: 'C1', message: 'm2' });
      await settle(5_000);
      release();
      await settle();
      expect(chat.shown).toEqual(['One. And then']);
      expect(model.requests).toHaveLength(1);
    });

    it('ends with the first one when people stop the whole conversation', async () => {
      const conversation = { platform: 'slack', workspace: 'T1', conversation: 'thread' } as const;
      await bot.stopConversation(conversation, { id: 'U2', roles: [], name: 'somebody' });
      expect(model.requests[0]!.signal.aborted).toBe(false);
      await bot.stopConversation(conversation, { id: 'U1', roles: [], name: 'asker' });
      await settle(5_000);
      expect(model.requests[0]!.signal.aborted).toBe(true);
      release();
      await settle();
      expect(chat.shown).toEqual(['One. And then | ⏹ Stopped by asker.', '⏹ Stopped by asker.']);
    });

    it('is told that the bot restarts when both do not end in time', async () => {
      void bot.drain(5_000);
      await settle(6_000);
      release();
      await settle();
      expect(chat.shown[1]).toBe('⚠️ Interrupted: Pilotlight was restarted.');
    });
  });

  it('tells how the wake-up goes, in the message that the answer then fills', async () => {
    model.will(async function* () {
      const waking = {
        type: 'waking',
        elapsedMs: 42_000,
        usualMs: 70_000,
        slowMs: 90_000,
        place: 2,
      } as const;
      yield { ...waking, phase: 'loading' };
      await new Promise<void>((resolve) => clock.after(10_000, resolve));
      yield { type: 'text', text: 'Awake.' };
      yield { type: 'done', reason: 'stop' };
    });
    await bot.ask(aQuestion('Hello?'));
    await settle(6_000);
    expect(chat.shown).toHaveLength(1);
    expect(chat.shown[0]).toContain(
      'Waking the model: loading weights · 0:42 · usually 1:10 · number 2 in line',
    );
    expect([...chat.messages.values()][0]!.buttons).toEqual(['stop']);
    await settle();
    expect(chat.shown).toEqual(['Awake.']);
  });

  describe('a model that thinks first', () => {
    beforeEach(() => {
      model.will(async function* () {
        for (let step = 1; step <= 8; step += 1) {
          yield { type: 'reasoning', text: `Step ${step} of **many**, for <!chan` };
          yield { type: 'reasoning', text: 'nel> to see. ' };
          await new Promise<void>((resolve) => clock.after(1_000, resolve));
        }
        yield { type: 'text', text: 'Forty-two.' };
        yield { type: 'done', reason: 'stop' };
      });
      model.willSay('You are welcome.');
    });

    it('is said to think, and how much, without what it thinks', async () => {
      await bot.ask(aQuestion('What is six times seven?'));
      await settle(7_500);
      expect(chat.shown).toHaveLength(1);
      expect(chat.shown[0]).toMatch(/^💭 Thinking · \d+ words so far$/);
    });

    it('has all it thought under a button, where the operator wants that, for whoever presses it', async () => {
      await start({ showReasoning: true });
      await bot.ask(aQuestion('What is six times seven?'));
      await settle(60_000);
      expect(chat.shown).toEqual(['Forty-two.']);
      expect([...chat.messages.values()][0]!.buttons).toEqual(['reasoning']);
      expect(await press('reasoning', 'U2')).toMatch(
        /^💭 Step 1 of many, for <\u200b!channel> to see\. .*Step 8 /,
      );
      expect(chat.shown).toEqual(['Forty-two.']);
    });

    it('is not folded under a button otherwise', async () => {
      await bot.ask(aQuestion('What is six times seven?'));
      await settle(60_000);
      expect([...chat.messages.values()][0]!.buttons).toEqual([]);
      expect(await press('reasoning')).toBe('What the model thought is no longer kept.');
    });

    it('ends its answer without that button when the thought cannot be stored', async () => {
      await start({ showReasoning: true });
      vi.spyOn(store, 'keepReasoning').mockRejectedValueOnce(new Error('disk I/O error'));
      await bot.ask(aQuestion('What is six times seven?'));
      await settle(60_000);
      expect(chat.shown).toEqual(['Forty-two.']);
      expect([...chat.messages.values()][0]!.buttons).toEqual([]);
    });

    it('shows its latest thought as plain text, where the operator wants that, and then the answer alone', async () => {
      await start({ showReasoning: true });
      await bot.ask(aQuestion('What is six times seven?', { conversation: 'thread' }));
      await settle(7_500);
      expect(chat.shown).toHaveLength(1);
      expect(chat.shown[0]).toMatch(
        /^💭 Thinking · \d+ words so far · ….*Step \d of many, for <\u200b!channel> to see\.$/,
      );
      expect(chat.shown[0]!.length).toBeLessThan(200);
      await settle();
      expect(chat.shown).toEqual(['Forty-two.']);
      await bot.ask(aQuestion('Thank you.', { conversation: 'thread' }));
      await settle();
      expect(model.sent(1)).toEqual([
        'user: What is six times seven?',
        'assistant: Forty-two.',
        'user: Thank you.',
      ]);
    });
  });

  describe('pictures', () => {
    const picture = (name: string, more: Partial<ImageRef> = {}): ImageRef => {
      const url = `https://files.example/${name}`;
      chat.pictures.set(url, async () => Buffer.from(name));
      return { url, mimeType: 'image/png', bytes: name.length, ...more };
    };
    const part = (name: string, type = 'image/png') => ({
      type: 'image_url',
      image_url: { url: `data:${type};base64,${Buffer.from(name).toString('base64')}` },
    });
    const ask = async (text: string, images: ImageRef[]) => {
      await bot.ask(aQuestion(text, { images, conversation: 'thread' }));
      await settle();
    };
    const asked = (request: number, message = -1) => model.requests[request]!.messages.at(message)!.content;

    it('go to a model that sees, beside the words', async () => {
      await start({ takesImages: true });
      model.willSay('A cat.');
      await ask('What is this?', [picture('cat'), picture('dog', { mimeType: 'image/jpeg' })]);
      expect(asked(0)).toEqual([
        { type: 'text', text: 'What is this?' },
        part('cat'),
        part('dog', 'image/jpeg'),
      ]);
      expect(chat.shown).toEqual(['A cat.']);
    });

    it('can be the whole question', async () => {
      await start({ takesImages: true });
      model.willSay('A cat.');
      await ask('', [picture('cat')]);
      expect(asked(0)).toEqual([part('cat')]);
    });

    it('stay in the conversation, the newest four of them', async () => {
      await start({ takesImages: true });
      model.willSay('Two.').willSay('Three more.').willSay('The last.');
      await ask(
        'How many?',
        ['1', '2'].map((name) => picture(name)),
      );
      await ask(
        'And now?',
        ['3', '4', '5'].map((name) => picture(name)),
      );
      await ask('Which was last?', []);
      expect(asked(2, 1)).toEqual([
        { type: 'text', text: 'How many?\n\n(A picture that you cannot see.)' },
        part('2'),
      ]);
      expect(asked(2, 3)).toEqual([{ type: 'text', text: 'And now?' }, part('3'), part('4'), part('5')]);
      expect(asked(2)).toBe('Which was last?');
      expect(chat.shown).toEqual(['Two.', 'Three more.', 'The last.']);
    });

    it('beyond the fourth of one question are left out, and the person is told', async () => {
      await start({ takesImages: true });
      model.willSay('Four.');
      await ask(
        'How many?',
        ['1', '2', '3', '4', '5'].map((name) => picture(name)),
      );
      expect(asked(0)).toHaveLength(5);
      expect(chat.shown).toEqual(['Four. | The model saw the last 4 pictures only.']);
    });

    it('that cannot be read are told, each reason once, and the question goes on without them', async () => {
      await start({ takesImages: true });
      model.willSay('I cannot see it.');
      const gone = picture('gone');
      chat.pictures.set(gone.url, async () => {
        throw new ImageError('it is no longer there');
      });
      const odd = { mimeType: 'image/heic' };
      const large = { bytes: 9 * 1024 * 1024 };
      await ask('What is this?', [gone, picture('a', odd), picture('b', odd), picture('c', large)]);
      expect(asked(0)).toMatch(/^What is this\?(\n\n\(A picture that you cannot see\.\)){4}$/);
      expect(chat.shown[0]).toMatch(/^I cannot see it\. \| ⚠️ 4 pictures could not be read: /);
      expect(chat.shown[0]).toContain('only PNG, JPEG, WebP and GIF are understood; it is larger than 8 MB');
      expect(chat.shown[0]).toContain('it is no longer there');
    });

    it('that take too long are not waited for', async () => {
      await start({ takesImages: true });
      model.willSay('I cannot see it.');
      const slow = picture('slow');
      chat.pictures.set(slow.url, ({ signal }) => untilAborted(signal));
      await ask('What is this?', [slow]);
      expect(chat.shown).toEqual([
        'I cannot see it. | ⚠️ A picture could not be read: it took too long to download.',
      ]);
    });

    it('do not wake the model when none can be read and there are no words; a retry reads them again', async () => {
      await start({ takesImages: true });
      const flaky = picture('flaky');
      const get = chat.pictures.get(flaky.url)!;
      chat.pictures.set(flaky.url, async () => {
        throw new Error('socket hang up');
      });
      await ask('', [flaky]);
      expect(chat.shown).toEqual(['⚠️ A picture could not be read: it could not be downloaded.']);
      expect(model.requests).toEqual([]);
      chat.pictures.set(flaky.url, get);
      model.willSay('A cat.');
      await press('retry');
      await settle();
      expect(chat.shown).toEqual(['A cat.']);
    });

    it('are no reason to wait for a Stop', async () => {
      await start({ takesImages: true });
      const slow = picture('slow');
      chat.pictures.set(slow.url, ({ signal }) => untilAborted(signal));
      await bot.ask(aQuestion('', { images: [slow] }));
      await settle(1_000);
      await press('stop');
      await settle(1_000);
      expect(chat.shown).toEqual(['⏹ Stopped by name of U1.']);
    });

    it('are not fetched for a model that sees none: it gets the words, and the person is told', async () => {
      model.willSay('Which picture?');
      await ask('What is this?', [picture('cat')]);
      expect(asked(0)).toBe('What is this?\n\n(A picture that you cannot see.)');
      expect(chat.shown).toEqual([
        'Which picture? | 🖼️ This model cannot see pictures: it answered the words alone.',
      ]);
      await ask('', [picture('cat')]);
      expect(chat.shown[1]).toBe('🖼️ This model cannot see pictures. Put your question in words.');
      expect(model.requests).toHaveLength(1);
    });
  });

  it('answers an empty prompt with what to do, without waking the model', async () => {
    await bot.ask(aQuestion('  '));
    await settle();
    expect(chat.shown[0]).toContain('Ask me something');
    expect(model.requests).toEqual([]);
  });

  it('keeps the text of an answer that breaks off, says why, and goes on when asked to', async () => {
    model
      .will(async function* () {
        yield { type: 'text', text: 'The first half' };
        throw new ModelError('cut', 'The connection to the model broke.');
      })
      .willSay(', the second half.');
    await bot.ask(aQuestion('Hello?'));
    await settle();
    expect(chat.shown).toEqual(['The first half | ⚠️ The connection to the model broke.']);
    expect([...chat.messages.values()][0]!.buttons).toEqual(['continue', 'retry']);
    expect(await press('continue')).toBeNull();
    await settle();
    expect(model.sent(1)).toEqual(['user: Hello?', 'assistant: The first half']);
    expect(model.requests[1]!.continueFrom).toBe(true);
    expect(chat.shown).toEqual(['The first half, the second half.']);
  });

  it('asks again in a new message when part of an answer was shown, and once only', async () => {
    model
      .will(async function* () {
        yield { type: 'text', text: 'Half' };
        throw new ModelError('failed', 'The model failed.');
      })
      .willSay('Whole.');
    await bot.ask(aQuestion('Hello?'));
    await settle();
    expect(await press('retry')).toBeNull();
    expect(await press('retry')).toContain('asked again already');
    await settle();
    expect(chat.shown).toEqual(['Half | ⚠️ The model failed.', 'Whole.']);
  });

  it('asks again in the same message when nothing was shown but the failure', async () => {
    model
      .will(async function* () {
        throw new ModelError('unreachable', 'The model cannot be reached.');
      })
      .willSay('Whole.');
    await bot.ask(aQuestion('Hello?'));
    await settle();
    expect(chat.shown[0]).toContain('The model cannot be reached.');
    await press('retry');
    await settle();
    expect(chat.shown).toEqual(['Whole.']);
  });

  it('says sorry without details when something breaks inside', async () => {
    model.will(async function* () {
      yield { type: 'text', text: 'So far' };
      throw new TypeError('secret internals');
    });
    await bot.ask(aQuestion('Hello?'));
    await settle();
    expect(chat.shown[0]).toMatch(/^So far \| .*inside Pilotlight/);
    expect(chat.shown[0]).not.toContain('internals');
  });

  it.each(['start', 'history'] as const)(
    'says so when the store fails before the model is asked (%s), and answers a retry',
    async (step) => {
      vi.spyOn(store, step).mockRejectedValueOnce(new Error('disk I/O error'));
      model.willSay('Whole.');
      await bot.ask(aQuestion('Hello?'));
      await settle();
      expect(chat.shown).toEqual([expect.stringMatching(/^⚠️ .*inside Pilotlight/)]);
      expect([...chat.messages.values()][0]!.buttons).toEqual(['retry']);
      expect(await store.unfinished()).toEqual([]);
      expect(await press('retry')).toBeNull();
      await settle();
      expect(chat.shown).toEqual(['Whole.']);
    },
  );

  describe('Stop', () => {
    beforeEach(async () => {
      model.will(async function* ({ signal }) {
        yield { type: 'text', text: 'A long story' };
        await untilAborted(signal);
      });
      await bot.ask(aQuestion('Tell me a long story'));
      await settle();
    });

    it('ends the answer for the asker, keeps its text, and says who stopped it', async () => {
      expect(await press('stop')).toBeNull();
      await settle();
      expect(model.requests[0]!.signal.aborted).toBe(true);
      expect(chat.shown).toEqual(['A long story | ⏹ Stopped by name of U1.']);
    });

    it('is there for admins too, and for nobody else', async () => {
      expect(await press('stop', 'U2')).toContain('Only the person who asked');
      expect(model.requests[0]!.signal.aborted).toBe(false);
      expect(await press('stop', 'U9')).toBeNull();
      await settle();
      expect(chat.shown[0]).toContain('Stopped by name of U9');
    });

    it('pressed too late says so', async () => {
      await press('stop');
      await settle();
      expect(await press('stop')).toContain('has ended');
      expect(await press('stop', 'U1', '99.0')).toContain('has ended');
      expect(await press('stop', 'U1', 'garbage')).toContain('has ended');
    });

    it('is also what deleting the reply means, and nothing is posted again', async () => {
      chat.delete('m1');
      await bot.messageDeleted({ platform: 'slack', workspace: 'T1', channel: 'C1', message: 'm1' });
      await settle();
      expect(model.requests[0]!.signal.aborted).toBe(true);
      expect(chat.shown).toEqual([]);
      expect(await store.unfinished()).toEqual([]);
    });
  });

  it('finds out by itself that the reply was deleted, and stops the model', async () => {
    model.will(async function* ({ signal }) {
      yield { type: 'text', text: 'One ' };
      await new Promise<void>((resolve) => clock.after(20_000, resolve));
      yield { type: 'text', text: 'two ' };
      await untilAborted(signal);
    });
    await bot.ask(aQuestion('Hello?'));
    await settle(10_000);
    chat.delete('m1');
    await settle(60_000);
    expect(model.requests[0]!.signal.aborted).toBe(true);
    expect(chat.shown).toEqual([]);
  });

  it('says when earlier turns no longer fit, and begins the next turn after them', async () => {
    model
      .willSay('One.')
      .willSay('Two.')
      .will(async function* ({ onTrimmed }) {
        onTrimmed?.(2);
        yield { type: 'text', text: 'Three.' };
        yield { type: 'done', reason: 'stop' };
      })
      .willSay('Four.');
    for (const text of ['first', 'second', 'third', 'fourth']) {
      await bot.ask(aQuestion(text, { conversation: 'thread' }));
      await settle();
    }
    expect(chat.shown[2]).toMatch(/^Three\. \| .*left out/);
    expect(model.sent(3)).toEqual([
      'user: second',
      'assistant: Two.',
      'user: third',
      'assistant: Three.',
      'user: fourth',
    ]);
    expect(chat.shown[3]).toBe('Four.');
  });

  it('announces an answer that took longer than its asker would have waited, and no other', async () => {
    const answerAfter = (ms: number) =>
      model.will(async function* () {
        await new Promise<void>((resolve) => clock.after(ms, resolve));
        yield { type: 'text', text: 'Here.' };
        yield { type: 'done', reason: 'stop' };
      });
    answerAfter(50_000);
    await bot.ask(aQuestion('a'));
    await settle(120_000);
    expect(chat.announcements).toEqual([]);
    answerAfter(70_000);
    await bot.ask(aQuestion('b'));
    await settle(120_000);
    expect(chat.announcements).toEqual(['your answer is ready.']);
  });

  it('on shutdown lets an answer finish when it can, and ends the rest as interrupted, with a way on', async () => {
    model
      .will(async function* () {
        yield { type: 'text', text: 'Quick' };
        await new Promise<void>((resolve) => clock.after(5_000, resolve));
        yield { type: 'text', text: ' enough.' };
        yield { type: 'done', reason: 'stop' };
      })
      .will(async function* ({ signal }) {
        yield { type: 'text', text: 'Too slow' };
        await untilAborted(signal);
      });
    await bot.ask(aQuestion('a'));
    await bot.ask(aQuestion('b'));
    const drained = bot.drain(20_000);
    await settle(60_000);
    await drained;
    expect(chat.shown).toHaveLength(2);
    expect(chat.shown).toContain('Quick enough.');
    expect(chat.shown).toContain('Too slow | ⚠️ Interrupted: Pilotlight was restarted.');
    const cut = [...chat.messages.values()].find(({ text }) => text === 'Too slow');
    expect(cut?.buttons).toEqual(['continue', 'retry']);
  });

  it('after a crash asks again where nothing was shown, and keeps what was shown', async () => {
    const unanswered = (await store.accept(aQuestion('unanswered'), 1))!;
    await store.start(unanswered.id);
    const half = (await store.accept(aQuestion('half answered'), 2))!;
    const run = await store.start(half.id);
    chat.messages.set('old', { text: 'Half an ans', footer: undefined, buttons: ['stop'], writes: 3 });
    await store.progress(run, { answer: 'Half an ans', messages: ['old'] });
    model.willSay('Late, but here.');
    await start();
    await settle();
    expect(chat.shown).toEqual(['Half an ans | ⚠️ Interrupted: Pilotlight was restarted.', 'Late, but here.']);
    expect(await store.unfinished()).toEqual([]);
  });

  it('after a crash goes on where that was asked for, and shows who waits, in the same messages', async () => {
    const half = (await store.accept(aQuestion('half', { conversation: 'thread' }), 1))!;
    await store.progress(half, { answer: 'Half', messages: ['a'] });
    await store.end(half, 'interrupted', 2);
    await store.again(half, true);
    const next = (await store.accept(aQuestion('next', { conversation: 'thread' }), 3))!;
    await store.progress(next, { answer: '', messages: ['b'] });
    for (const id of ['a', 'b'])
      chat.messages.set(id, { text: 'old', footer: undefined, buttons: ['stop'], writes: 1 });
    model.will(async function* () {
      yield { type: 'text', text: ' and half.' };
      await new Promise<void>((resolve) => clock.after(60_000, resolve));
      yield { type: 'done', reason: 'stop' };
    });
    model.willSay('Next.');
    await start();
    await settle();
    expect(model.requests[0]!.continueFrom).toBe(true);
    expect(chat.shown).toEqual(['Half and', '⏳ Waiting for the answer before this one']);
    await settle(60_000);
    expect(chat.shown).toEqual(['Half and half.', 'Next.']);
  });

  it('counts an interruption as told only when it stands in the chat', async () => {
    const half = (await store.accept(aQuestion('half answered'), 1))!;
    const run = await store.start(half.id);
    chat.messages.set('old', { text: 'Half an ans', footer: undefined, buttons: ['stop'], writes: 3 });
    await store.progress(run, { answer: 'Half an ans', messages: ['old'] });
    chat.failing = new WriteError('unavailable', 'The platform is down.');
    await start();
    await settle();
    expect(await store.unfinished()).toHaveLength(1);
    chat.failing = undefined;
    await settle(120_000);
    expect(chat.shown).toEqual(['Half an ans | ⚠️ Interrupted: Pilotlight was restarted.']);
    expect(await store.unfinished()).toEqual([]);
  });
});
