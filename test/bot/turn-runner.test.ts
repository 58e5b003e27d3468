import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Run } from '../../src/cluster/turn-queue.ts';
import { ModelError, type ModelEvent } from '../../src/model/model.ts';
import { aBot } from '../support/a-bot.ts';
import { Play } from './support.ts';

describe('an answer that breaks off', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  it('keeps its text, says why, and goes on when asked to', async () => {
    play.model
      .will(async function* () {
        yield { type: 'text', text: 'The first half' };
        throw new ModelError('cut', 'The connection to the model broke.');
      })
      .willSay(', the second half.');
    await play.ask('Hello?');
    await play.settle();
    expect(play.chat.shown).toEqual(['The first half | ⚠️ The connection to the model broke.']);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual(['continue', 'retry']);
    expect(await play.press('continue')).toBeNull();
    await play.settle();
    expect(play.model.sent(1)).toEqual(['user: Hello?', 'assistant: The first half']);
    expect(play.model.requests[1]!.continueFrom).toBe(true);
    expect(play.chat.shown).toEqual(['The first half, the second half.']);
  });

  it('goes on with what its server takes for reasoning, but not with what the model thinks first', async () => {
    await play.start({ showReasoning: true });
    const broken = async function* () {
      yield { type: 'text', text: 'One,' } as const;
      throw new ModelError('cut', 'The connection to the model broke.');
    };
    const goesOn = (...events: ModelEvent[]) =>
      async function* () {
        yield* events;
        yield { type: 'done', reason: 'stop' } as const;
      };
    play.model
      .will(broken)
      .will(goesOn({ type: 'reasoning', text: ' two,' }, { type: 'reasoning', text: ' three.' }));
    await play.ask('Count!');
    await play.settle();
    await play.press('continue');
    await play.settle();
    expect(play.chat.shown).toEqual(['One, two, three.']);
    expect([...play.chat.messages.values()][0]!.buttons).toEqual([]);
    play.model.will(broken).will(goesOn({ type: 'reasoning', text: 'Hm.' }, { type: 'text', text: ' two.' }));
    await play.ask('Count again!');
    await play.settle();
    await play.press('continue', 'U1', '2.0');
    await play.settle();
    expect(play.chat.shown[1]).toBe('One, two.');
  });

  it('is asked for again in a new message when part of it was shown, and once only', async () => {
    play.model
      .will(async function* () {
        yield { type: 'text', text: 'Half' };
        throw new ModelError('failed', 'The model failed.');
      })
      .willSay('Whole.');
    await play.ask('Hello?');
    await play.settle();
    expect(await play.press('retry')).toBeNull();
    expect(await play.press('retry')).toContain('asked again already');
    await play.settle();
    expect(play.chat.shown).toEqual(['Half | ⚠️ The model failed.', 'Whole.']);
  });

  it('leaves spent buttons under a message that a retry left behind, and under no other', async () => {
    const broken = (text: string) =>
      async function* () {
        if (text !== '') yield { type: 'text', text } as const;
        throw new ModelError('failed', 'The model failed.');
      };
    play.model.will(broken('')).will(broken('Half')).will(broken(' and a bit')).will(broken('Half'));
    play.model.willSay('Whole.');
    const spent = async (button: 'retry' | 'continue', user?: string, turn?: string) => {
      const pressed = play.pressed(button, user, turn);
      await play.settle();
      return (await pressed).spent;
    };
    await play.ask('Hello?');
    await play.settle();
    expect(await spent('retry')).toBe(false);
    expect(await spent('retry', 'U2')).toBe(false);
    // Both before the message shows that it goes on: when the second counts it shows more than it did.
    expect((await play.pressed('continue')).spent).toBe(false);
    expect(await spent('retry')).toBe(false);
    expect(play.chat.shown).toEqual(['Half and a bit | ⚠️ The model failed.', 'Half | ⚠️ The model failed.']);
    expect(await spent('continue')).toBe(true);
    expect(await spent('retry', 'U1', '1.1')).toBe(true);
    expect(await spent('retry', 'U1', '1.1')).toBe(true);
    expect(play.chat.shown.at(-1)).toBe('Whole.');
  });

  it('is asked for again with a look at what its first run may have left, such as a sign', async () => {
    play.model
      .will(async function* () {
        throw new ModelError('failed', 'The model failed.');
      })
      .willSay('Whole.');
    await play.ask('Hello?');
    await play.settle();
    await play.press('retry');
    await play.settle();
    expect(play.chat.begun).toEqual(['nothing', 'line']);
  });

  it('is asked for again in the same message when nothing was shown but the failure', async () => {
    play.model
      .will(async function* () {
        throw new ModelError('unreachable', 'The model cannot be reached.');
      })
      .willSay('Whole.');
    await play.ask('Hello?');
    await play.settle();
    expect(play.chat.shown[0]).toContain('The model cannot be reached.');
    await play.press('retry');
    await play.settle();
    expect(play.chat.shown).toEqual(['Whole.']);
  });

  it('says sorry without details when something breaks inside', async () => {
    play.model.will(async function* () {
      yield { type: 'text', text: 'So far' };
      throw new TypeError('secret internals');
    });
    await play.ask('Hello?');
    await play.settle();
    expect(play.chat.shown[0]).toMatch(/^So far \| .*inside Pilotlight/);
    expect(play.chat.shown[0]).not.toContain('internals');
  });

  it('is answered also when the store could not tell who waits behind it', async () => {
    play.model
      .will(async function* () {
        await new Promise<void>((resolve) => play.clock.after(5_000, resolve));
        yield { type: 'text', text: 'One.' };
        yield { type: 'done', reason: 'stop' };
      })
      .willSay('Two.');
    await play.ask('First?', { conversation: 'thread' });
    await play.settle(1_000);
    const lost = vi.spyOn(play.store, 'turn').mockRejectedValueOnce(new Error('connection lost'));
    await play.ask('Second?', { conversation: 'thread' });
    expect(lost).toHaveBeenCalled();
    await play.settle();
    expect(play.chat.shown).toEqual(['One.', 'Two.']);
  });

  it.each(['start', 'history'] as const)(
    'says so when the store fails before the model is asked (%s), and answers a retry',
    async (step) => {
      vi.spyOn(play.store, step).mockRejectedValueOnce(new Error('disk I/O error'));
      play.model.willSay('Whole.');
      await play.ask('Hello?');
      await play.settle();
      expect(play.chat.shown).toEqual([expect.stringMatching(/^⚠️ .*inside Pilotlight/)]);
      expect([...play.chat.messages.values()][0]!.buttons).toEqual(['retry']);
      expect(await play.store.unfinished()).toEqual([]);
      expect(await play.press('retry')).toBeNull();
      await play.settle();
      expect(play.chat.shown).toEqual(['Whole.']);
    },
  );
});

describe('a turn that is over', () => {
  it('is held by nothing any more, or each would stay in memory for as long as the process', async () => {
    const play = new Play();
    let run!: Run;
    const queue = {
      handsOn: false,
      start: async (runner: Run) => {
        run = runner;
      },
      add: async () => {},
      wake: async () => {},
      stop: async () => {},
      close: async () => {},
    };
    const { clock, chat, model, store } = play;
    play.bot = aBot({ clock, chat, model: model.willSay('Hello.'), store, queue });
    await play.bot.start();
    await play.ask('Hello?');
    const { signal: lost } = new AbortController();
    const over = run({ turn: 1, since: clock.now(), crashes: 0, lost });
    await play.settle();
    expect(await over).toBe('over');
    expect(getEventListeners(lost, 'abort')).toEqual([]);
    play.close();
  });
});
