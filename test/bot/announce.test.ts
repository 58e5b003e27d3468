import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Play } from './support.ts';

describe('an announcement', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  it('is made of an answer that took longer than its asker would have waited, and of no other', async () => {
    const answerAfter = (ms: number) =>
      play.model.will(async function* () {
        await new Promise<void>((resolve) => play.clock.after(ms, resolve));
        yield { type: 'text', text: 'Here.' };
        yield { type: 'done', reason: 'stop' };
      });
    answerAfter(50_000);
    await play.ask('a');
    await play.settle(120_000);
    expect(play.chat.announcements).toEqual([]);
    answerAfter(70_000);
    await play.ask('b');
    await play.settle(120_000);
    expect(play.chat.announcements).toEqual(['your answer is ready.']);
  });
});
