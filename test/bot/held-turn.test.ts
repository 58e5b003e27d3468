import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

describe('a question behind another of its conversation', () => {
  let play: Play;
  let release: () => void;
  beforeEach(async () => {
    play = await Play.start();
    play.model.will(async function* ({ signal }) {
      yield { type: 'text', text: 'One. And then' };
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await Promise.race([released, untilAborted(signal)]);
      yield { type: 'done', reason: 'stop' };
    });
    await play.ask('first', { conversation: 'thread' });
    await play.settle();
    await play.ask('second', { conversation: 'thread' });
    await play.settle();
  });
  afterEach(() => play.close());

  it('waits visibly, and is answered in the message that said so', async () => {
    expect(play.chat.shown).toEqual(['One. And', '⏳ Waiting for the answer before this one']);
    play.model.willSay('Two.');
    release();
    await play.settle();
    expect(play.chat.shown).toEqual(['One. And then', 'Two.']);
    expect([...play.chat.messages.values()].map(({ buttons }) => buttons)).toEqual([[], []]);
  });

  it('is answered in the message that said so, also when the chat never told that it stands', async () => {
    play.model.willSay('Two.').willSay('Three.');
    play.chat.losing = 1;
    await play.ask('third', { conversation: 'thread' });
    await play.settle(50);
    const waits = '⏳ Waiting for the answer before this one';
    expect(play.chat.shown).toEqual(['One. And', waits, waits]);
    // So soon that the line of the third was let go before it was written again.
    release();
    await play.settle(100);
    await play.settle();
    expect(play.chat.shown).toEqual(['One. And then', 'Two.', 'Three.']);
  });

  it('can be stopped while it waits, at once, and never reaches the model', async () => {
    expect(await play.press('stop', 'U1', '2.0')).toBeNull();
    await play.settle(5_000);
    expect(play.chat.shown).toEqual(['One. And', '⏹ Stopped by name of U1.']);
    expect(play.model.requests[0]!.signal.aborted).toBe(false);
    release();
    await play.settle();
    expect(play.model.requests).toHaveLength(1);
    expect(await play.store.unfinished()).toEqual([]);
  });

  it('is never asked when the message that says that it waits is deleted', async () => {
    play.chat.delete('m2');
    await play.bot.messageDeleted({ platform: 'slack', workspace: 'T1', channel: 'C1', message: 'm2' });
    await play.settle(5_000);
    release();
    await play.settle();
    expect(play.chat.shown).toEqual(['One. And then']);
    expect(play.model.requests).toHaveLength(1);
  });

  it('ends with the first one when people stop the whole conversation', async () => {
    const conversation = { platform: 'slack', workspace: 'T1', conversation: 'thread' } as const;
    await play.bot.stopConversation(conversation, { id: 'U2', roles: [], name: 'somebody' });
    expect(play.model.requests[0]!.signal.aborted).toBe(false);
    await play.bot.stopConversation(conversation, { id: 'U1', roles: [], name: 'asker' });
    await play.settle(5_000);
    expect(play.model.requests[0]!.signal.aborted).toBe(true);
    release();
    await play.settle();
    expect(play.chat.shown).toEqual(['One. And then | ⏹ Stopped by asker.', '⏹ Stopped by asker.']);
  });

  it('is told that the bot restarts when both do not end in time', async () => {
    void play.bot.drain(5_000);
    await play.settle(6_000);
    release();
    await play.settle();
    expect(play.chat.shown[1]).toBe('⚠️ Interrupted: Pilotlight was restarted.');
  });
});
