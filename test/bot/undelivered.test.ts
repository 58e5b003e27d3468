import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WriteError } from '../../src/bot/ports.ts';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

const denied = new WriteError('denied', 'Slack refused: restricted_action');

describe('an answer that cannot be written where it was asked', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  it('is told of directly to who asked, once, and stops the model', async () => {
    play.model.will(async function* ({ signal }) {
      yield { type: 'text', text: 'Here it begins, and goes on. ' };
      await untilAborted(signal);
    });
    play.chat.failing = denied;
    await play.ask(`Why ${'so '.repeat(50)}?\nAnd a second line`);
    await play.settle();
    expect(play.model.requests[0]!.signal.aborted).toBe(true);
    expect(play.chat.shown).toEqual([]);
    expect(play.chat.direct).toEqual([
      {
        user: 'U1',
        text: `⚠️ I could not write my answer, or not all of it, where you asked “Why ${'so '.repeat(32)}…”. If I may not write there, whoever manages that channel can change it.`,
      },
    ]);
  });

  it('is told of without the question where that has no words', async () => {
    play.chat.failing = denied;
    await play.ask('');
    await play.settle();
    expect(play.chat.direct.map(({ text }) => text)).toEqual([
      expect.stringContaining('where you asked. If'),
    ]);
  });

  it('is told of to nobody where that was in direct messages, nor one that stands', async () => {
    play.model.willSay('It stands.');
    await play.ask('Does it stand?');
    await play.settle();
    play.chat.failing = denied;
    await play.ask('Nobody to tell.', { channel: 'DU1' });
    await play.settle();
    expect(play.chat.direct).toEqual([]);
  });
});
