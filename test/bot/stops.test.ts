import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

describe('Stop', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
    play.model.will(async function* ({ signal }) {
      yield { type: 'text', text: 'A long story' };
      await untilAborted(signal);
    });
    await play.ask('Tell me a long story');
    await play.settle();
  });
  afterEach(() => play.close());

  it('ends the answer for the asker, keeps its text, and says who stopped it', async () => {
    expect(await play.press('stop')).toBeNull();
    await play.settle();
    expect(play.model.requests[0]!.signal.aborted).toBe(true);
    expect(play.chat.shown).toEqual(['A long story | ⏹ Stopped by name of U1.']);
  });

  it('is there for admins too, and for nobody else', async () => {
    expect(await play.press('stop', 'U2')).toContain('Only the person who asked');
    expect(play.model.requests[0]!.signal.aborted).toBe(false);
    expect(await play.press('stop', 'U9')).toBeNull();
    await play.settle();
    expect(play.chat.shown[0]).toContain('Stopped by name of U9');
  });

  it('pressed too late says so', async () => {
    await play.press('stop');
    await play.settle();
    expect(await play.press('stop')).toContain('has ended');
    expect(await play.press('stop', 'U1', '99.0')).toContain('has ended');
    expect(await play.press('stop', 'U1', 'garbage')).toContain('has ended');
  });

  it('is also what deleting the reply means, and nothing is posted again', async () => {
    play.chat.delete('m1');
    await play.bot.messageDeleted({ platform: 'slack', workspace: 'T1', channel: 'C1', message: 'm1' });
    await play.settle();
    expect(play.model.requests[0]!.signal.aborted).toBe(true);
    expect(play.chat.shown).toEqual([]);
    expect(await play.store.unfinished()).toEqual([]);
  });
});

describe('a reply that somebody deletes', () => {
  it('stops the model also when only the next write finds out', async () => {
    const play = await Play.start();
    play.model.will(async function* ({ signal }) {
      yield { type: 'text', text: 'One ' };
      await new Promise<void>((resolve) => play.clock.after(20_000, resolve));
      yield { type: 'text', text: 'two ' };
      await untilAborted(signal);
    });
    await play.ask('Hello?');
    await play.settle(10_000);
    play.chat.delete('m1');
    await play.settle(60_000);
    expect(play.model.requests[0]!.signal.aborted).toBe(true);
    expect(play.chat.shown).toEqual([]);
    play.close();
  });
});
