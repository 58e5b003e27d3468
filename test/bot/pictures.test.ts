import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ImageError, type ImageRef } from '../../src/bot/ports.ts';
import { ModelError } from '../../src/model/model.ts';
import { untilAborted } from '../support/model-double.ts';
import { Play } from './support.ts';

describe('pictures', () => {
  let play: Play;
  beforeEach(async () => {
    play = await Play.start();
  });
  afterEach(() => play.close());

  const picture = (name: string, more: Partial<ImageRef> = {}): ImageRef => {
    const url = `https://files.example/${name}`;
    play.chat.pictures.set(url, async () => Buffer.from(name));
    return { url, mimeType: 'image/png', bytes: name.length, ...more };
  };
  const part = (name: string, type = 'image/png') => ({
    type: 'image_url',
    image_url: { url: `data:${type};base64,${Buffer.from(name).toString('base64')}` },
  });
  const ask = async (text: string, images: ImageRef[]) => {
    await play.ask(text, { images, conversation: 'thread' });
    await play.settle();
  };
  const asked = (request: number, message = -1) =>
    play.model.requests[request]!.messages.at(message)!.content;

  it('go to a model that sees, beside the words', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('A cat.');
    await ask('What is this?', [picture('cat'), picture('dog', { mimeType: 'image/jpeg' })]);
    expect(asked(0)).toEqual([
      { type: 'text', text: 'What is this?' },
      part('cat'),
      part('dog', 'image/jpeg'),
    ]);
    expect(play.chat.shown).toEqual(['A cat.']);
  });

  it('can be the whole question', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('A cat.');
    await ask('', [picture('cat')]);
    expect(asked(0)).toEqual([part('cat')]);
  });

  it('stay in the conversation, the newest four of them', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('Two.').willSay('Three more.').willSay('The last.');
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
    expect(play.chat.shown).toEqual(['Two.', 'Three more.', 'The last.']);
  });

  it('are downloaded once, and not again at each turn that follows', async () => {
    await play.start({ takesImages: true });
    await play.settle();
    const cat = picture('cat');
    const get = vi.fn(play.chat.pictures.get(cat.url)!);
    play.chat.pictures.set(cat.url, get);
    play.model.willSay('A cat.').willSay('Grey.').willSay('Still grey.').willSay('A cat, too.');
    await ask('What is this?', [cat]);
    await ask('Which colour?', []);
    expect(get).toHaveBeenCalledTimes(1);
    expect(asked(1, 1)).toEqual([{ type: 'text', text: 'What is this?' }, part('cat')]);
    // By then it may be gone from the chat.
    await play.settle(30 * 60_000);
    await ask('Which colour was it?', []);
    expect(get).toHaveBeenCalledTimes(2);
    await play.ask('And for us?', { images: [cat], workspace: 'T2' });
    await play.settle();
    expect(get).toHaveBeenCalledTimes(3);
  });

  it('are kept for the turns that follow up to 32 MB in all, the newest ones', async () => {
    await play.start({ takesImages: true });
    const names = ['1', '2', '3', '4', '5'];
    const downloaded: string[] = [];
    const askIn = async (conversation: string, images: ImageRef[]) => {
      play.model.willSay('Nothing.');
      await play.ask('What is this?', { images, conversation });
      await play.settle();
    };
    for (const name of names) {
      const large = picture(name);
      play.chat.pictures.set(large.url, async () => {
        downloaded.push(name);
        return Buffer.alloc(8 * 1024 * 1024);
      });
      await askIn(name, [large]);
    }
    for (const name of names.toReversed()) await askIn(name, []);
    expect(downloaded).toEqual([...names, '1']);
  });

  it('beyond the fourth of one question are left out, and the person is told', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('Four.');
    await ask(
      'How many?',
      ['1', '2', '3', '4', '5'].map((name) => picture(name)),
    );
    expect(asked(0)).toHaveLength(5);
    expect(play.chat.shown).toEqual(['Four. | The model saw the last 4 pictures only.']);
  });

  it('that cannot be read are told, each reason once, and the question goes on without them', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('I cannot see it.');
    const gone = picture('gone');
    play.chat.pictures.set(gone.url, async () => {
      throw new ImageError('it is no longer there');
    });
    const odd = { mimeType: 'image/heic' };
    const large = { bytes: 9 * 1024 * 1024 };
    await ask('What is this?', [gone, picture('a', odd), picture('b', odd), picture('c', large)]);
    expect(asked(0)).toMatch(/^What is this\?(\n\n\(A picture that you cannot see\.\)){4}$/);
    expect(play.chat.shown[0]).toMatch(/^I cannot see it\. \| ⚠️ 4 pictures could not be read: /);
    expect(play.chat.shown[0]).toContain(
      'only PNG, JPEG, WebP and GIF are understood; it is larger than 8 MB',
    );
    expect(play.chat.shown[0]).toContain('it is no longer there');
  });

  async function* refuse(): AsyncGenerator<never> {
    throw new ModelError('pictures', 'The model server cannot read the pictures.');
  }

  it('that the model’s server cannot read are left out: WebP and GIF first, then all, and the person is told', async () => {
    await play.start({ takesImages: true });
    play.model.will(refuse).willSay('A cat.');
    await ask('What is this?', [picture('cat'), picture('dog', { mimeType: 'image/webp' })]);
    expect(asked(1)).toEqual([
      { type: 'text', text: 'What is this?\n\n(A picture that you cannot see.)' },
      part('cat'),
    ]);
    const told = '⚠️ The model server could not read every picture: the model was given what it can read.';
    expect(play.chat.shown).toEqual([`A cat. | ${told}`]);
    play.model.will(refuse).will(refuse).willSay('I cannot see it.');
    await ask('And this?', [picture('fish')]);
    expect(asked(4)).toBe('And this?\n\n(A picture that you cannot see.)');
    expect(play.chat.shown[1]).toBe(`I cannot see it. | ${told}`);
    // They stay in the conversation: a later question is answered all the same.
    play.model.will(refuse).will(refuse).willSay('Yes.');
    await ask('Are you sure?', []);
    expect(play.chat.shown[2]).toBe('Yes.');
  });

  it('that the model’s server cannot read are told as such when there are no words', async () => {
    await play.start({ takesImages: true });
    play.model.will(refuse);
    await ask('', [picture('cat')]);
    expect(play.model.requests).toHaveLength(1);
    expect(play.chat.shown).toEqual(['⚠️ The model server cannot read the pictures.']);
  });

  it('that take too long are not waited for', async () => {
    await play.start({ takesImages: true });
    play.model.willSay('I cannot see it.');
    const slow = picture('slow');
    play.chat.pictures.set(slow.url, ({ signal }) => untilAborted(signal));
    await ask('What is this?', [slow]);
    expect(play.chat.shown).toEqual([
      'I cannot see it. | ⚠️ A picture could not be read: it took too long to download.',
    ]);
  });

  it('do not wake the model when none can be read and there are no words; a retry reads them again', async () => {
    await play.start({ takesImages: true });
    const flaky = picture('flaky');
    const get = play.chat.pictures.get(flaky.url)!;
    play.chat.pictures.set(flaky.url, async () => {
      throw new Error('socket hang up');
    });
    await ask('', [flaky]);
    expect(play.chat.shown).toEqual(['⚠️ A picture could not be read: it could not be downloaded.']);
    expect(play.model.requests).toEqual([]);
    play.chat.pictures.set(flaky.url, get);
    play.model.willSay('A cat.');
    await play.press('retry');
    await play.settle();
    expect(play.chat.shown).toEqual(['A cat.']);
  });

  it('are no reason to wait for a Stop', async () => {
    await play.start({ takesImages: true });
    const slow = picture('slow');
    play.chat.pictures.set(slow.url, ({ signal }) => untilAborted(signal));
    await play.ask('', { images: [slow] });
    await play.settle(1_000);
    await play.press('stop');
    await play.settle(1_000);
    expect(play.chat.shown).toEqual(['⏹ Stopped by name of U1.']);
  });

  it('are not fetched for a model that sees none: it gets the words, and the person is told', async () => {
    play.model.willSay('Which picture?');
    await ask('What is this?', [picture('cat')]);
    expect(asked(0)).toBe('What is this?\n\n(A picture that you cannot see.)');
    expect(play.chat.shown).toEqual([
      'Which picture? | 🖼️ This model cannot see pictures: it was given the words alone.',
    ]);
    await ask('', [picture('cat')]);
    expect(play.chat.shown[1]).toBe('🖼️ This model cannot see pictures. Put your question in words.');
    expect(play.model.requests).toHaveLength(1);
  });
});
