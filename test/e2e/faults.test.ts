import { describe, expect, it, type TestContext } from 'vitest';
import { SleepingModel } from '../../sandbox/model/sleeping-model.ts';
import type { StreamFault } from '../../sandbox/model/stream-faults.ts';
import {
  Answers,
  discordChannel,
  discordCommand,
  type Fakes,
  isRunning,
  letters,
  type Place,
  quick,
  scripted,
  slackChannel,
  slackDm,
  talkIn,
} from './support.ts';

const everywhere = [slackChannel, slackDm, discordChannel, discordCommand];
const both = [slackChannel, discordChannel];

const CHAT = 'POST /v1/chat/completions';
const labels = ({ buttons }: { buttons: readonly { label: string }[] }) => buttons.map(({ label }) => label);

describe.concurrent('a question that cannot be answered as it is', () => {
  it.for(both)('is told how to ask in $name when it is empty', async (place, test) => {
    const { answers, ask, model } = await talkIn(test, place);
    await ask('');
    expect(await answers.end()).toMatchObject({
      text: expect.stringContaining('Ask me something'),
      buttons: [],
    });
    expect(model.chats).toEqual([]);
  });

  const huge = `${'every word counts '.repeat(5_600)}sum this up`;

  it.for([
    { ...slackChannel, pasted: (ask: (text: string) => unknown) => ask(huge) },
    {
      // Discord makes a file of what is longer than 2,000 characters.
      ...discordChannel,
      pasted: (_ask: unknown, { discord }: Fakes) =>
        discord.say({
          channel: discord.channel,
          user: discord.people.asker,
          text: '@pilotlight',
          files: [{ name: 'message.txt', mimetype: 'text/plain', content: Buffer.from(huge) }],
        }),
    },
  ])('is told so in $name when its 100,000 characters do not fit the model', async (place, test) => {
    const { answers, ask, model, sandbox } = await talkIn(test, place, { model: { maxModelLen: 8_192 } });
    await place.pasted(ask, sandbox);
    const { text } = await answers.end();
    expect(text).toMatch(/too long|does not fit|longer than/i);
    expect(text).toMatch(/shorter|less|parts?/i);
    expect(model.generations).toEqual([]);
    await ask('repeat after me: the next one is fine');
    expect((await answers.end(2)).text).toContain('the next one is fine');
  });

  it('is sent whole when its 100,000 characters do fit', async (test) => {
    const { answers, ask, model } = await talkIn(test, slackChannel, { model: { maxModelLen: 131_072 } });
    await ask(huge);
    await answers.end();
    expect(JSON.stringify(model.chats[0]!.body)).toContain(huge);
  });
});

describe.concurrent('a model that cannot be had', () => {
  async function aModel(test: TestContext, options = {}) {
    const model = await SleepingModel.start({ ...quick, ...options });
    test.onTestFinished(() => model.close());
    return model;
  }

  it.for(both)('is explained in $name when its address is wrong', async (place, test) => {
    const { origin } = await aModel(test);
    const { answers, ask } = await talkIn(test, place, { env: { MODEL_BASE_URL: `${origin}/elsewhere/v1` } });
    await ask('hello');
    const { text, buttons } = await answers.end();
    expect(text).toMatch(/no chat model at the configured address.*Tell whoever runs the bot/);
    expect(labels({ buttons })).toEqual(['Retry']);
  });

  it.for(both)('is explained in $name when it does not accept the key', async (place, test) => {
    const { answers, ask } = await talkIn(test, place, { model: { apiKey: 'another' } });
    await ask('hello');
    expect((await answers.end()).text).toMatch(/did not accept this bot’s key/);
  });

  it.for(both)('is explained in $name when something else answers, in HTML', async (place, test) => {
    const { sandbox, answers, ask, model } = await talkIn(test, place);
    const body = '<html><body>Welcome to nginx!</body></html>';
    const act = { type: 'answer', status: 200, body } as const;
    model.faults.add({ on: CHAT, act, times: Number.POSITIVE_INFINITY });
    await ask('hello');
    const { text, buttons } = await answers.end();
    expect(text).toContain('⚠️');
    expect(text).not.toContain('html');
    expect(labels({ buttons })).toEqual(['Retry']);
    model.faults.clear();
    await answers.click('Retry', place.fake(sandbox).people.asker);
    const again = await answers.see((message) => !isRunning(message) && message.buttons.length === 0);
    expect(letters(again.text)).toContain(letters(scripted('hello')));
  });

  it.for(both)('is waited for in $name when it is slow', async (place, test) => {
    const { answers, ask, model } = await talkIn(test, place);
    model.faults.add({ on: CHAT, act: { type: 'delay', ms: 2_500 } });
    await ask('repeat after me: better late than never');
    expect((await answers.end()).text).toContain('better late than never');
    expect(model.generations).toHaveLength(1);
  });

  it('is explained after the time to wake is over, when nobody is there at all', async (test) => {
    const gone = await SleepingModel.start(quick);
    await gone.close();
    const { sandbox } = await talkIn(
      test,
      { ...slackChannel, alone: {} },
      { env: { MODEL_BASE_URL: gone.baseUrl, MODEL_WAKE_MINUTES: '0.1' } },
    );
    await Promise.all(
      both.map(async (place) => {
        await place.ask(sandbox, 'hello');
        const answers = new Answers(place.fake(sandbox), place.channel(sandbox));
        await answers.see(({ text }) => text.includes('Waking the model'));
        const { text, buttons } = await answers.end();
        expect(text).toMatch(/did not wake up within 6 seconds.*tell whoever runs the bot/);
        expect(labels({ buttons })).toEqual(['Retry']);
      }),
    );
  });
});

describe.concurrent('an answer that breaks off', () => {
  const cut = { type: 'cut', after: 8 } as const;
  const cases: readonly (Place & { how: string; fault: StreamFault })[] = [
    ...everywhere.map((place) => {
      return { ...place, how: 'the connection breaks', fault: { ...cut, how: 'reset' } } as const;
    }),
    ...both.flatMap((place) => [
      { ...place, how: 'the model reports an error', fault: { type: 'error', after: 8 } } as const,
      { ...place, how: 'the stream just ends', fault: { ...cut, how: 'end' } } as const,
    ]),
  ];

  it.for(cases)(
    'keeps its text in $name when $how, says why, and goes on from there',
    async ({ fault, ...place }, test) => {
      const { sandbox, answers, ask, model } = await talkIn(test, place, { model: { tokensPerSecond: 100 } });
      model.streamFaults.add(fault);
      await ask('write 400 characters');
      const { text } = await answers.see((message) => message.text.includes('Part 1'));
      const broken = await answers.end();
      expect(letters(broken.text)).toContain(letters(text));
      expect(broken.text).toMatch(/⚠️ .+/);
      expect(labels(broken)).toEqual(['Continue', 'Retry']);
      await answers.click('Continue', place.fake(sandbox).people.asker);
      const whole = await answers.see(({ buttons }) => buttons.length === 0);
      expect(whole.id).toBe(broken.id);
      expect(answers.all).toHaveLength(1);
      expect(whole.text).not.toContain('⚠️');
      expect(letters(whole.text)).toContain(letters(scripted('write 400 characters')));
      expect(place.fake(sandbox).rateLimitHits).toEqual([]);
    },
  );
});
