import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WriteError } from '../../src/bot/ports.ts';
import { aQuestion } from '../support/chat-double.ts';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

describe('a bot that restarts', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  it('on shutdown lets an answer finish when it can, and ends the rest as interrupted, with a way on', async () => {
    play.model
      .will(async function* () {
        yield { type: 'text', text: 'Quick' };
        await new Promise<void>((resolve) => play.clock.after(5_000, resolve));
        yield { type: 'text', text: ' enough.' };
        yield { type: 'done', reason: 'stop' };
      })
      .will(async function* ({ signal }) {
        yield { type: 'text', text: 'Too slow' };
        await untilAborted(signal);
      });
    await play.ask('a');
    await play.ask('b');
    const drained = play.bot.drain(20_000);
    await play.settle(60_000);
    await drained;
    expect(play.chat.shown).toHaveLength(2);
    expect(play.chat.shown).toContain('Quick enough.');
    expect(play.chat.shown).toContain('Too slow | ⚠️ Interrupted: Pilotlight was restarted.');
    const cut = [...play.chat.messages.values()].find(({ text }) => text === 'Too slow');
    expect(cut?.buttons).toEqual(['continue', 'retry']);
  });

  it('takes signs of life away that a process left which was killed after its last answers', async () => {
    for (const name of ['early', 'one', 'two']) {
      play.model.willSay(name);
      await play.ask(name);
      await play.settle(name === 'early' ? 60_000 : 1_000);
    }
    play.chat.activities.length = 0;
    await play.settle(24 * 60 * 60_000);
    await play.start();
    expect(play.chat.activities).toEqual([null, null]);
  });

  it('after a crash asks again where nothing was shown, and keeps what was shown', async () => {
    const unanswered = (await play.store.accept(aQuestion('unanswered'), 1))!;
    await play.store.start(unanswered.id);
    const half = (await play.store.accept(aQuestion('half answered'), 2))!;
    const run = await play.store.start(half.id);
    play.chat.messages.set('old', { text: 'Half an ans', footer: undefined, buttons: ['stop'], writes: 3 });
    await play.store.progress(run, { answer: 'Half an ans', messages: ['old'] });
    play.model.willSay('Late, but here.');
    await play.start();
    await play.settle();
    expect(play.chat.shown).toEqual([
      'Half an ans | ⚠️ Interrupted: Pilotlight was restarted.',
      'Late, but here.',
    ]);
    expect(await play.store.unfinished()).toEqual([]);
  });

  it('after a crash goes on where that was asked for, and shows who waits, in the same messages', async () => {
    const half = (await play.store.accept(aQuestion('half', { conversation: 'thread' }), 1))!;
    await play.store.progress(half, { answer: 'Half', messages: ['a'] });
    await play.store.end(half, 'interrupted', 2);
    await play.store.again(half, true);
    const next = (await play.store.accept(aQuestion('next', { conversation: 'thread' }), 3))!;
    await play.store.progress(next, { answer: '', messages: ['b'] });
    for (const id of ['a', 'b'])
      play.chat.messages.set(id, { text: 'old', footer: undefined, buttons: ['stop'], writes: 1 });
    play.model.will(async function* () {
      yield { type: 'text', text: ' and half.' };
      await new Promise<void>((resolve) => play.clock.after(60_000, resolve));
      yield { type: 'done', reason: 'stop' };
    });
    play.model.willSay('Next.');
    await play.start();
    await play.settle();
    expect(play.model.requests[0]!.continueFrom).toBe(true);
    expect(play.chat.shown).toEqual(['Half and', '⏳ Waiting for the answer before this one']);
    await play.settle(60_000);
    expect(play.chat.shown).toEqual(['Half and half.', 'Next.']);
  });

  it('finds the line of a turn that waits again, which was posted in the moment of the crash', async () => {
    const half = (await play.store.accept(aQuestion('half', { conversation: 'thread' }), play.clock.now()))!;
    await play.store.progress(await play.store.start(half.id), { answer: 'Half', messages: ['a'] });
    play.chat.messages.set('a', { text: 'Half', footer: undefined, buttons: ['stop'], writes: 1 });
    const next = (await play.store.accept(aQuestion('next', { conversation: 'thread' }), play.clock.now()))!;
    const waiting = { text: '⏳ Waiting for the answer before this one', source: '', buttons: [] };
    const options = { turn: `${next.id}.0`, key: `${next.id}.0:0`, final: false };
    await play.chat.open({}, 0).post(waiting, { ...options, signal: new AbortController().signal });
    await play.settle(10_000);
    play.model.willSay('Next.');
    await play.start();
    await play.settle();
    expect(play.chat.shown).toEqual(['Half | ⚠️ Interrupted: Pilotlight was restarted.', 'Next.']);
  });

  it('gives up a turn that ended its process each time that it was run', async () => {
    const poison = (await play.store.accept(aQuestion('poison'), 1))!;
    for (let starts = 0; starts < 6; starts += 1) await play.store.start(poison.id);
    await play.start();
    await play.settle();
    expect(play.chat.shown).toEqual([expect.stringContaining('Something went wrong inside Pilotlight')]);
    expect(play.model.requests).toEqual([]);
    expect(await play.press('retry', 'U1', `${poison.id}.0`)).toBeNull();
  });

  it('shows a text no more whose showing ended its process each time, and says so in a new message', async () => {
    const poison = (await play.store.accept(aQuestion('poison'), 1))!;
    const run = await play.store.start(poison.id);
    play.chat.messages.set('old', { text: 'Poi', footer: undefined, buttons: ['stop'], writes: 3 });
    await play.store.progress(run, { answer: 'Poison', messages: ['old'] });
    const open = vi.spyOn(play.chat, 'open').mockImplementation(() => {
      throw new Error('the process ends');
    });
    for (let starts = 0; starts < 11; starts += 1) {
      await play.start();
      await play.settle(0);
    }
    expect(open).toHaveBeenCalledTimes(11);
    open.mockRestore();
    await play.start();
    await play.settle(500);
    expect(play.chat.shown).toEqual([
      'Poi',
      expect.stringContaining('Something went wrong inside Pilotlight'),
    ]);
    expect(await play.store.unfinished()).toEqual([]);
    play.model.willSay('Harmless.');
    await play.press('retry', 'U1', `${poison.id}.1`);
    await play.settle(500);
    expect(play.chat.shown).toEqual(['Poi', 'Harmless.']);
  });

  it('counts an interruption as told only when it stands in the chat', async () => {
    const half = (await play.store.accept(aQuestion('half answered'), 1))!;
    const run = await play.store.start(half.id);
    play.chat.messages.set('old', { text: 'Half an ans', footer: undefined, buttons: ['stop'], writes: 3 });
    await play.store.progress(run, { answer: 'Half an ans', messages: ['old'] });
    play.chat.failing = new WriteError('unavailable', 'The platform is down.');
    await play.start();
    await play.settle();
    expect(await play.store.unfinished()).toHaveLength(1);
    play.chat.failing = undefined;
    await play.settle(120_000);
    expect(play.chat.shown).toEqual(['Half an ans | ⚠️ Interrupted: Pilotlight was restarted.']);
    expect(await play.store.unfinished()).toEqual([]);
  });
});
