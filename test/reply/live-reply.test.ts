import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { type LiveReply, openReply, type ReplyOptions, type ShownState } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { WriteError } from '../../src/reply/surface.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { discordRules, StrictPlatform, slackRules } from './strict-platform.ts';
import { type as typeText } from './typist.ts';

const log = pino({ level: 'silent' });
const words = (characters: number) =>
  Array.from({ length: Math.ceil(characters / 6) }, (_, i) => `${10_000 + i} `)
    .join('')
    .slice(0, characters)
    .trimEnd();

function open(differs: Partial<ReplyOptions> = {}, rules = discordRules) {
  const clock = new VirtualClock();
  const platform = new StrictPlatform(clock, rules);
  const states: ShownState[] = [];
  const reply = openReply(new EditPacer({ clock, log }), platform.surface(), {
    turn: 'turn-1',
    clock,
    log,
    onShown: (state) => states.push(state),
    ...differs,
  });
  return { clock, platform, reply, states };
}

/** What a promise has come to so far. */
function outcome<T>(promise: Promise<T>): { value: T | 'pending' } {
  const seen: { value: T | 'pending' } = { value: 'pending' };
  void promise.then((value) => {
    seen.value = value;
  });
  return seen;
}

const stream = (clock: VirtualClock, reply: LiveReply, text: string) =>
  new Promise<ReturnType<typeof outcome>>((resolve) => {
    typeText(clock, reply, { text, atEnd: () => resolve(outcome(reply.finish({ buttons: ['retry'] }))) });
  });

describe('a live reply', () => {
  it('shows the first text soon, grows in place, and stands whole with its last buttons', async () => {
    const { clock, platform, reply } = open();
    const text = words(1500);
    const ended = stream(clock, reply, text);
    await clock.advance(1000);
    expect(platform.messages).toHaveLength(1);
    expect(reply.firstShownAt).toBeLessThan(600);
    expect(text.startsWith(platform.text().trimEnd())).toBe(true);
    expect(platform.messages[0]!.page.buttons).toEqual(['stop']);
    await clock.advance(8000);
    expect((await ended).value).toBe('stands');
    expect(platform.text()).toBe(text);
    expect(platform.messages).toHaveLength(1);
    expect(platform.messages[0]!.page.buttons).toEqual(['retry']);
    expect(reply.text).toBe(text);
    expect(platform.refused).toEqual([]);
  });

  it('writes no more once let go, and its last write is known by then', async () => {
    const { clock, platform, reply, states } = open();
    reply.append('one two ');
    while (platform.messages.length === 0) await clock.advance(1);
    const ended = outcome(reply.finish({ buttons: [] }));
    const letGo = outcome(reply.letGo());
    await clock.advance(1);
    expect(letGo.value).toBe('pending');
    expect(states).toEqual([{ messages: [], text: 'one two ' }]);
    await clock.advance(60_000);
    expect(letGo.value).toBe(false);
    expect(states.at(-1)).toEqual({ messages: platform.messages.map(({ id }) => id), text: 'one two ' });
    expect(ended.value).toBe('let go');
    expect(platform.writes).toHaveLength(1);
  });

  it('says when it is let go whether a message may stand that nobody knows of', async () => {
    const { clock, platform, reply } = open();
    platform.loseAnswer = () => true;
    reply.append('one two ');
    while (platform.messages.length === 0) await clock.advance(1);
    await clock.advance(200);
    expect(await reply.letGo()).toBe(true);
  });

  it('takes text at the moment of sending, so that nothing stale is ever queued', async () => {
    const { clock, platform, reply } = open();
    reply.append('one ');
    await clock.advance(1000);
    for (let i = 0; i < 500; i += 1) reply.append(`more${i} `);
    void reply.finish({ buttons: [] });
    await clock.advance(1000);
    expect(platform.writes.length).toBeLessThan(6);
    expect(platform.text()).toContain('more499');
  });

  it('grows on after a pause in the middle of a word, which is held back until it is whole', async () => {
    const { clock, platform, reply } = open();
    reply.append('Half a wor');
    await clock.advance(20_000);
    expect(platform.text()).toBe('Half a');
    reply.append('d, and ');
    reply.append('then more.\n\n');
    await clock.advance(20_000);
    expect(platform.text()).toBe('Half a word, and then more.');
  });

  it('shows activity until the first text is on screen, and no longer', async () => {
    const { clock, platform, reply } = open();
    reply.working('Thinking…');
    reply.working('Thinking…');
    expect(platform.activities).toEqual(['Thinking…']);
    reply.append('Hello ');
    await clock.advance(1000);
    expect(platform.activities).toEqual(['Thinking…', null]);
    reply.working('Still at it');
    expect(platform.activities).toHaveLength(2);
  });

  it('ends the activity when it is finished without any text', async () => {
    const { clock, platform, reply } = open();
    reply.working('Thinking…');
    const ended = outcome(reply.finish({ footer: 'The model cannot be reached.', buttons: ['retry'] }));
    await clock.advance(1000);
    expect(platform.activities).toEqual(['Thinking…', null]);
    expect(platform.text()).toBe('The model cannot be reached.');
    expect(platform.messages[0]!.page).toMatchObject({ source: '', buttons: ['retry'] });
    expect(ended.value).toBe('stands');
    expect(reply.firstShownAt).toBeUndefined();
  });

  it('says how an answer ended under the text that came', async () => {
    const { clock, platform, reply } = open();
    reply.append('Half an answer');
    await clock.advance(1000);
    const ended = outcome(reply.finish({ footer: 'The connection was lost.', buttons: ['retry'] }));
    await clock.advance(1000);
    expect(platform.messages[0]!.page).toMatchObject({
      text: 'Half an answer',
      footer: 'The connection was lost.',
      buttons: ['retry'],
    });
    expect(ended.value).toBe('stands');
  });

  it('shows a waiting line at once, changes it rarely, and puts the text in the same message', async () => {
    const { clock, platform, reply } = open();
    for (let second = 0; second < 60; second += 1) {
      reply.notice(`Waking the model: 0:${second}`);
      await clock.advance(1000);
      if (second === 0) expect(platform.text()).toBe('Waking the model: 0:0');
    }
    expect(platform.writes.length).toBeGreaterThan(8);
    expect(platform.writes.length).toBeLessThan(18);
    reply.notice(null);
    reply.append('Here it is. ');
    await clock.advance(2000);
    expect(platform.messages).toHaveLength(1);
    expect(platform.messages[0]!.page.text.trim()).toBe('Here it is.');
    expect(platform.messages[0]!.page.footer).toBeUndefined();
  });

  it('shows the waiting line under the text once there is some', async () => {
    const { clock, platform, reply } = open();
    reply.append('First part. ');
    reply.notice('Still thinking');
    await clock.advance(2000);
    expect(platform.messages[0]!.page).toMatchObject({ footer: 'Still thinking', buttons: ['stop'] });
    reply.notice(null);
    await clock.advance(10_000);
    expect(platform.messages[0]!.page.footer).toBeUndefined();
  });

  it('posts nothing for a waiting line that was withdrawn at once', async () => {
    const { clock, platform, reply } = open();
    reply.notice('Waking');
    reply.notice(null);
    await clock.advance(10_000);
    expect(platform.writes).toEqual([]);
  });

  it.each([
    ['15,668 characters on Slack', slackRules, 15_668],
    ['30,000 characters on Discord', discordRules, 30_000],
  ])('brings a long answer whole: %s', async (_, rules, length) => {
    const { clock, platform, reply } = open({}, rules);
    const text = words(length);
    typeText(clock, reply, { text, perSecond: 200, atEnd: () => void reply.finish({ buttons: ['retry'] }) });
    await clock.advance(120_000);
    const shown = platform.messages.map(({ page }) => page.text.trim()).join(' ');
    expect(shown).toBe(text);
    expect(platform.messages.length).toBeGreaterThan(1);
    expect(platform.messages.at(-1)!.page.buttons).toEqual(['retry']);
    for (const { page } of platform.messages.slice(0, -1)) expect(page.buttons).toEqual([]);
    expect(platform.refused).toEqual([]);
  });

  it('lets early pages stand still: only the last one is edited', async () => {
    const { clock, platform, reply } = open();
    typeText(clock, reply, { text: words(6000) });
    await clock.advance(40_000);
    const order = platform.messages.map(({ id }) => platform.writes.findLastIndex((w) => w.message === id));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('tells before each write what it may show, so that a restart can go on and takes nothing back', async () => {
    const { clock, platform, reply, states } = open();
    typeText(clock, reply, { text: words(3000), atEnd: () => void reply.finish({ buttons: [] }) });
    for (let ms = 0; ms < 30_000; ms += 10) {
      await clock.advance(10);
      const shown = platform.messages.map(({ page }) => page.source).join('');
      expect(states.at(-1)?.text.length ?? 0).toBeGreaterThanOrEqual(shown.trimEnd().length);
    }
    expect(states.at(-1)).toEqual({ messages: platform.messages.map(({ id }) => id), text: words(3000) });
    for (const [i, { text }] of states.entries()) {
      expect(words(3000).startsWith(text)).toBe(true);
      if (i > 0) expect(text.length).toBeGreaterThanOrEqual(states[i - 1]!.text.length);
    }
  });

  describe('after a restart', () => {
    it('edits the same messages in place and loses none of the text', async () => {
      const before = open();
      before.reply.append(words(2500));
      await before.clock.advance(5000);
      const resume = before.states.at(-1)!;
      const { clock, platform } = before;
      const reply = openReply(new EditPacer({ clock, log }), platform.surface(), {
        turn: 'turn-1',
        clock,
        log,
        resume,
      });
      expect(reply.text).toBe(resume.text);
      const ended = outcome(reply.finish({ footer: 'Pilotlight was restarted.', buttons: ['retry'] }));
      await clock.advance(10_000);
      expect(ended.value).toBe('stands');
      expect(platform.messages.map(({ id }) => id)).toEqual(resume.messages);
      expect(platform.messages.map(({ page }) => page.text.trim()).join(' ')).toBe(resume.text.trim());
      expect(platform.messages.at(-1)!.page).toMatchObject({
        footer: 'Pilotlight was restarted.',
        buttons: ['retry'],
      });
    });

    it('turns a waiting message into the answer', async () => {
      const before = open();
      before.reply.notice('Waking');
      await before.clock.advance(500);
      const { clock, platform } = before;
      const resume = before.states.at(-1)!;
      const reply = openReply(new EditPacer({ clock, log }), platform.surface(), {
        turn: 'turn-1',
        clock,
        log,
        resume,
      });
      reply.append('The answer');
      void reply.finish({ buttons: [] });
      await clock.advance(5000);
      expect(platform.messages).toHaveLength(1);
      expect(platform.text()).toBe('The answer');
    });

    it('has something to show in each message, though the answer had gone on in a new one early', async () => {
      const { clock, platform, reply } = open({ resume: { text: words(900), messages: ['m1', 'm2', 'm3'] } });
      const page = { text: 'old', source: 'old', buttons: ['stop'] as const };
      for (const id of ['m1', 'm2', 'm3']) platform.messages.push({ id, channel: 'general', page, edits: 0 });
      void reply.finish({ buttons: ['retry'] });
      await clock.advance(10_000);
      expect(platform.messages.map((message) => message.page.text.trim()).join(' ')).toBe(words(900));
      expect(platform.messages.map((message) => message.page.buttons.length)).toEqual([0, 0, 1]);
    });
  });

  describe('when writing fails', () => {
    it('retries a finished answer until it stands', async () => {
      const { clock, platform, reply } = open();
      reply.append('All of it');
      await clock.advance(1000);
      let failures = 6;
      platform.fault = () => (failures-- > 0 ? new WriteError('unavailable', '503') : undefined);
      reply.append(', to the end');
      const ended = outcome(reply.finish({ buttons: [] }));
      await clock.advance(5000);
      expect(ended.value).toBe('pending');
      await clock.advance(60_000);
      expect(ended.value).toBe('stands');
      expect(platform.text()).toBe('All of it, to the end');
      expect(failures).toBeLessThan(0);
    });

    it('says so when the platform stays away for a quarter of an hour', async () => {
      const { clock, platform, reply } = open();
      let tries = 0;
      platform.fault = () => {
        tries += 1;
        return new WriteError('unavailable', '503');
      };
      reply.append('Lost');
      const ended = outcome(reply.finish({ buttons: [] }));
      await clock.advance(14 * 60_000);
      expect(ended.value).toBe('pending');
      await clock.advance(2 * 60_000);
      expect(ended.value).toBe('undeliverable');
      expect(reply.gone.aborted).toBe(true);
      expect(tries).toBeGreaterThan(20);
      expect(tries).toBeLessThan(60);
    });

    it('repeats a post whose answer was lost with the same key, and ends with the newest text', async () => {
      const { clock, platform, reply } = open();
      let lost = 2;
      platform.loseAnswer = () => lost-- > 0;
      typeText(clock, reply, { text: words(1200), atEnd: () => void reply.finish({ buttons: [] }) });
      await clock.advance(20_000);
      expect(platform.messages).toHaveLength(1);
      expect(platform.text()).toBe(words(1200));
      const posts = platform.writes.filter(({ op }) => op === 'post');
      expect(new Set(posts.map(({ key }) => key)).size).toBe(1);
      expect(posts.length).toBe(3);
    });

    it('takes a deleted message for a Stop: the model is told, and nothing is posted again', async () => {
      const { clock, platform, reply } = open();
      typeText(clock, reply, { text: words(2400) });
      await clock.advance(3000);
      platform.delete(platform.messages[0]!.id);
      await clock.advance(3000);
      expect(reply.gone.aborted).toBe(true);
      const ended = outcome(reply.finish({ footer: 'Stopped.', buttons: ['retry'] }));
      await clock.advance(60_000);
      expect(ended.value).toBe('gone');
      expect(platform.messages).toEqual([]);
    });

    it.each([
      ['Discord', discordRules, 1700],
      ['Slack', slackRules, 6000],
    ])(
      'posts nothing anew wherever in the answer its message is deleted, on %s',
      async (_, rules, length) => {
        for (let at = 700; at < length * 5; at += 331) {
          const { clock, platform, reply } = open({}, rules);
          typeText(clock, reply, { text: words(length), atEnd: () => void reply.finish({ buttons: [] }) });
          await clock.advance(at);
          platform.delete(platform.messages[0]!.id);
          await clock.advance(120_000);
          expect(reply.gone.aborted).toBe(true);
          expect(platform.messages).toEqual([]);
        }
      },
    );

    it('stops at once when it is told that its message was deleted', async () => {
      const { clock, platform, reply } = open();
      reply.append('Something');
      await clock.advance(1000);
      reply.deleted();
      expect(reply.gone.aborted).toBe(true);
      expect(await reply.finish({ buttons: [] })).toBe('gone');
      const writes = platform.writes.length;
      await clock.advance(60_000);
      expect(platform.writes).toHaveLength(writes);
    });

    it('gives up at once where it may not write any more', async () => {
      const { clock, platform, reply } = open();
      platform.fault = () => new WriteError('denied', 'The channel is archived.');
      reply.append('Too late');
      const ended = outcome(reply.finish({ buttons: [] }));
      await clock.advance(1000);
      expect(ended.value).toBe('undeliverable');
      expect(reply.gone.aborted).toBe(true);
    });

    it('makes its pages smaller when the platform calls them too long, and loses no text', async () => {
      const { clock, platform, reply } = open();
      platform.longest = 700;
      typeText(clock, reply, { text: words(3000), atEnd: () => void reply.finish({ buttons: ['retry'] }) });
      await clock.advance(60_000);
      expect(platform.messages.map(({ page }) => page.text.trim()).join(' ')).toBe(words(3000));
      expect(platform.messages.at(-1)!.page.buttons).toEqual(['retry']);
    });

    it('gives up on a platform that calls everything too long', async () => {
      const { clock, platform, reply } = open();
      platform.longest = 3;
      reply.append(words(2000));
      const ended = outcome(reply.finish({ buttons: [] }));
      await clock.advance(60_000);
      expect(ended.value).toBe('undeliverable');
    });

    it('is not held up for ever by a write that is never answered', async () => {
      const { clock, platform, reply } = open();
      platform.hang = true;
      reply.append('Hello');
      const ended = outcome(reply.finish({ buttons: [] }));
      await clock.advance(10_000);
      platform.hang = false;
      await clock.advance(60_000);
      expect(ended.value).toBe('stands');
      expect(platform.text()).toBe('Hello');
    });
  });

  it('ignores text that comes after the end', async () => {
    const { clock, platform, reply } = open();
    reply.append('Done.');
    const first = reply.finish({ buttons: [] });
    reply.append(' Not this.');
    expect(reply.finish({ buttons: ['retry'] })).toBe(first);
    await clock.advance(2000);
    expect(platform.text()).toBe('Done.');
    expect(await first).toBe('stands');
  });

  it('stands at once when there is nothing to show', async () => {
    const { clock, platform, reply } = open();
    const ended = outcome(reply.finish({ buttons: [] }));
    await clock.advance(100);
    expect(ended.value).toBe('stands');
    expect(platform.writes).toEqual([]);
  });
});
