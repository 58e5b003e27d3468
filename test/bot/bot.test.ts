import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aQuestion } from '../support/chat-double.ts';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

describe('the bot', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  it('answers a question', async () => {
    play.model.willSay('Forty-two.');
    expect(await play.ask('What is six times seven?')).toBe('accepted');
    await play.settle();
    expect(play.chat.shown).toEqual(['Forty-two.']);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual([]);
    expect(await play.store.unfinished()).toEqual([]);
  });

  it('answers a question once when it is delivered twice, also at the same moment', async () => {
    play.model.willSay('Once.');
    const question = aQuestion('Hello?');
    const answers = await Promise.all([play.bot.ask(question), play.bot.ask(question)]);
    await play.settle();
    expect(await play.bot.ask(question)).toBe('seen');
    expect(answers.sort()).toEqual(['accepted', 'seen']);
    expect(play.chat.shown).toEqual(['Once.']);
  });

  it('shows life before it has anything to say', async () => {
    play.model.will(async function* ({ signal }) {
      await untilAborted(signal);
    });
    await play.ask('Hello?');
    expect(play.chat.activities.at(-1)).toBe('is thinking…');
  });

  it('gives the model the earlier turns of the same conversation, and no others', async () => {
    play.model.willSay('One.').willSay('Two.').willSay('Elsewhere.').willSay('Three.');
    await play.ask('first', { conversation: 'thread' });
    await play.settle();
    await play.ask('second', { conversation: 'thread' });
    await play.settle();
    await play.ask('other', { conversation: 'elsewhere' });
    await play.settle();
    await play.ask('third', { conversation: 'thread' });
    await play.settle();
    expect(play.model.requests[3]!.messages[0]).toEqual({ role: 'system', content: 'Be brief.' });
    expect(play.model.sent(3)).toEqual([
      'user: first',
      'assistant: One.',
      'user: second',
      'assistant: Two.',
      'user: third',
    ]);
  });

  it('gives the model one name for all turns of a conversation, that tells nothing of it', async () => {
    for (const conversation of ['thread', 'elsewhere', 'thread']) {
      play.model.willSay('Yes.');
      await play.ask('Hello?', { conversation });
      await play.settle();
    }
    const [first, other, again] = play.model.requests.map(({ session }) => session);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(first).toMatch(/^[\w-]{43}$/);
  });

  it('goes on with the conversation of the message that is replied to', async () => {
    play.model.willSay('One.').willSay('Two.');
    await play.ask('first', { conversation: 'chain' });
    await play.settle();
    await play.ask('second', { conversation: 'new', inReplyTo: 'm1' });
    await play.settle();
    expect(play.model.sent(1)).toEqual(['user: first', 'assistant: One.', 'user: second']);
  });

  it('runs the turns of one conversation in order, those of others side by side', async () => {
    const order: string[] = [];
    const slow = (name: string) => {
      play.model.will(async function* () {
        order.push(`${name} starts`);
        await new Promise<void>((resolve) => play.clock.after(10_000, resolve));
        yield { type: 'text', text: name };
        yield { type: 'done', reason: 'stop' };
        order.push(`${name} ends`);
      });
    };
    for (const name of ['first', 'second', 'third']) slow(name);
    await play.ask('a', { conversation: 'one' });
    await play.ask('b', { conversation: 'two' });
    await play.ask('c', { conversation: 'one' });
    await play.settle(5_000);
    expect(order).toEqual(['first starts', 'second starts']);
    expect(play.chat.shown.join()).toContain('Waiting for the answer before this one');
    await play.settle(60_000);
    expect(order.slice(2)).toContain('third starts');
    expect(play.chat.shown).toContain('third');
  });

  it('refuses at once what is too much, and takes it when it is asked again', async () => {
    play.model.will(async function* () {
      await new Promise<void>((resolve) => play.clock.after(20_000, resolve));
      yield { type: 'text', text: 'One.' };
      yield { type: 'done', reason: 'stop' };
    });
    await play.ask('first', { conversation: 'thread' });
    play.refusals = ['Too many.', 'Still too many.'];
    expect(await play.ask('second', { conversation: 'thread' })).toBe('accepted');
    await play.settle(1_000);
    expect(play.chat.shown).toEqual(['Too many.']);
    expect(await play.press('retry', 'U1', '2.0')).toBe('Still too many.');
    play.model.willSay('Two.');
    expect(await play.press('retry', 'U1', '2.0')).toBeNull();
    await play.settle(60_000);
    expect(play.chat.shown.toSorted()).toEqual(['One.', 'Two.']);
  });

  it('tells how the wake-up goes, in the message that the answer then fills', async () => {
    play.model.will(async function* () {
      const waking = {
        type: 'waking',
        elapsedMs: 42_000,
        usualMs: 70_000,
        slowMs: 90_000,
        place: 2,
      } as const;
      yield { ...waking, phase: 'loading' };
      await new Promise<void>((resolve) => play.clock.after(10_000, resolve));
      yield { type: 'text', text: 'Awake.' };
      yield { type: 'done', reason: 'stop' };
    });
    await play.ask('Hello?');
    await play.settle(6_000);
    expect(play.chat.shown).toHaveLength(1);
    expect(play.chat.shown[0]).toContain(
      'Waking the model: loading weights · 0:42 · usually 1:10 · 1 asked before you',
    );
    expect([...play.chat.messages.values()][0]!.buttons).toEqual(['stop']);
    await play.settle();
    expect(play.chat.shown).toEqual(['Awake.']);
  });

  it('answers an empty prompt with what to do, without waking the model', async () => {
    await play.ask('  ');
    await play.settle();
    expect(play.chat.shown[0]).toContain('Ask me something');
    expect(play.model.requests).toEqual([]);
  });

  it('says when earlier turns no longer fit, and begins the next turn after them', async () => {
    play.model
      .willSay('One.')
      .willSay('Two.')
      .will(async function* ({ onTrimmed }) {
        onTrimmed?.(2);
        yield { type: 'text', text: 'Three.' };
        yield { type: 'done', reason: 'stop' };
      })
      .willSay('Four.');
    for (const text of ['first', 'second', 'third', 'fourth']) {
      await play.ask(text, { conversation: 'thread' });
      await play.settle();
    }
    expect(play.chat.shown[2]).toMatch(/^Three\. \| .*left out/);
    expect(play.model.sent(3)).toEqual([
      'user: second',
      'assistant: Two.',
      'user: third',
      'assistant: Three.',
      'user: fourth',
    ]);
    expect(play.chat.shown[3]).toBe('Four.');
  });
});
