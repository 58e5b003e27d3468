import { WebClient } from '@slack/web-api';
import { describe, expect, it } from 'vitest';
import {
  answers,
  ask,
  calls,
  connect,
  createOn,
  final,
  live,
  MemoryBot,
  page,
  startFake,
  until,
} from './slack-support.ts';

describe('an answer in a Slack channel', () => {
  it('stands in the thread of the question, in Markdown, and is edited in place', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const first = await surface.post(page('**Half** an'), live);
    const second = await surface.edit(first.message, page('**Half** an answer | a | b |'), final);
    expect(second.message).toBe(first.message);
    expect(answers(slack, slack.channel)).toMatchObject([
      {
        id: first.message,
        thread: address.thread,
        text: '**Half** an answer | a | b |',
        edits: 1,
        buttons: [],
      },
    ]);
  });

  it('shows a footer and buttons under the text, and takes them away again', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const waking = page('', { footer: 'Waking the model: 12 s', buttons: ['stop'] });
    const { message } = await surface.post(waking, live);
    expect(answers(slack, slack.channel)[0]).toMatchObject({
      text: 'Waking the model: 12 s',
      buttons: [{ label: 'Stop' }],
    });
    await surface.edit(message, page('done'), final);
    expect(answers(slack, slack.channel)[0]).toMatchObject({ text: 'done', buttons: [] });
  });

  it('mentions nobody, whatever is in the text or footer', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const text = 'to \\<!channel> and everybody';
    await surface.post(page(text, { footer: '<!here> <@U0SANDBOX04>' }), final);
    const { args } = calls(slack, 'chat.postMessage')[0]!;
    expect(args.text).not.toMatch(/<[!@#]/);
    expect(args).toMatchObject({ unfurl_links: 'false', unfurl_media: 'false' });
    expect(args).not.toHaveProperty('link_names');
    expect(args).not.toHaveProperty('parse');
    expect(JSON.parse(String(args.blocks))[1].elements[0].type).toBe('plain_text');
  });

  it('may be 11,000 characters of any script long, also when edited', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('答'.repeat(11_000)), live);
    await surface.edit(message, page('🔥&<'.repeat(2_750)), final);
    expect(answers(slack, slack.channel)[0]!.text).toHaveLength(11_000);
  });

  it('is never an empty message, which Slack refuses', async () => {
    const running = await connect();
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page(''), live);
    await surface.edit(message, page('  \n'), live);
  });

  it('is shown as it was written where Slack refuses its Markdown, and tried again at the end', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const refuse = (on: string) =>
      slack.faults.add({
        on,
        act: { type: 'answer', status: 200, body: { ok: false, error: 'invalid_blocks' } },
      });
    const controls = { footer: 'so far', buttons: ['stop'] as const };
    refuse('chat.postMessage');
    const { message } = await surface.post(page('**Half** an <!here>', controls), live);
    const shown = () => answers(slack, slack.channel)[0]!;
    expect(shown()).toMatchObject({ text: '**Half** an <!here>\n\nso far', buttons: [{ label: 'Stop' }] });
    expect(slack.pings).toEqual([]);
    const long = '**Words** 👩‍💻 '.repeat(800);
    await surface.edit(message, page(long), live);
    expect(shown().text.replaceAll('\n\n', '')).toBe(long);
    expect(calls(slack, 'chat.update')).toHaveLength(1);
    await surface.edit(message, page('**Half** an answer'), final);
    const blocks = () => JSON.parse(String(calls(slack, 'chat.update').at(-1)!.args.blocks));
    expect(blocks()).toMatchObject([{ type: 'markdown', text: '**Half** an answer' }]);
    refuse('chat.update');
    await surface.edit(message, page('**Half** an answer'), final);
    expect(blocks()).toMatchObject([{ type: 'section', text: { text: '**Half** an answer' } }]);
  });

  it('shows tables as code where Slack refuses them, and only them', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const body = { ok: false, error: 'invalid_attachments' };
    slack.faults.add({ on: 'chat.postMessage', act: { type: 'answer', status: 200, body } });
    const table = '| a | b |\n|---|--:|\n| 1 | 2 |';
    const code = '```\na | b\n--|--\n1 | 2\n```';
    const text = ['**First:**', table, 'A title | of two\n---', code, '**Second:**', table].join('\n\n');
    const { message } = await surface.post(page(text), live);
    const fenced = `\`\`\`\n${table}\n\`\`\``;
    const shown = () => answers(slack, slack.channel)[0]!.text;
    expect(shown()).toBe(text.replaceAll(table, fenced));
    await surface.edit(message, page(`**Two** of them:\n\n${table}`), live);
    expect(shown()).toBe(`**Two** of them:\n\n${fenced}`);
    await surface.edit(message, page(`**Two** of them:\n\n${table}`), final);
    expect(shown()).toBe(`**Two** of them:\n\n${table}`);
  });

  it('tells the pacer what it spends: one budget per workspace for edits, one per channel for posts', async () => {
    const running = await connect();
    const team = running.slack.teamId;
    const one = ask(running, 'channel').surface;
    expect(one.budgets('post').map(({ id }) => id)).toEqual([
      `slack:${team}:${running.slack.channel}:chat.postMessage`,
    ]);
    expect(one.budgets('edit', 'any')).toEqual([
      { id: `slack:${team}:chat.update`, limit: 50, windowMs: 60_000, burst: 5 },
    ]);
    expect(ask(running, 'channel').surface.budgets('edit', 'any')).toEqual(one.budgets('edit', 'other'));
  });

  it('says when Slack asks to wait, and holds up nothing else', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('one'), live);
    const body = { ok: false, error: 'ratelimited' };
    slack.faults.add({
      on: 'chat.update',
      act: { type: 'answer', status: 429, headers: { 'retry-after': '20' }, body },
    });
    await expect(surface.edit(message, page('two'), live)).rejects.toMatchObject({
      fault: 'rate-limited',
      retryAfterMs: 20_000,
      budgets: [`slack:${slack.teamId}:chat.update`],
    });
    await surface.post(page('another'), { ...live, key: 'another' });
    await surface.edit(message, page('three'), final);
    expect(answers(slack, slack.channel).map(({ text }) => text)).toEqual(['three', 'another']);
  });

  it('says when it was deleted, and when it may not be written any more', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('one'), live);
    slack.deleteMessage(slack.channel, message);
    await expect(surface.edit(message, page('two'), live)).rejects.toMatchObject({ fault: 'gone' });
    slack.archive(slack.channel);
    await expect(surface.post(page('two'), live)).rejects.toMatchObject({ fault: 'denied' });
  });

  it('says when it is longer than Slack takes', async () => {
    const running = await connect();
    const { surface } = ask(running, 'channel');
    await expect(surface.post(page('x'.repeat(12_001)), live)).rejects.toMatchObject({ fault: 'too-long' });
  });

  it('is not sent after it was given up', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    const signal = AbortSignal.abort();
    await expect(surface.post(page('one'), { ...live, signal })).rejects.toMatchObject({
      fault: 'unavailable',
    });
    expect(answers(slack, slack.channel)).toEqual([]);
  });

  it('can be written after a restart, from its stored address alone', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const { message } = await surface.post(page('half'), live);
    const again = createOn(slack).platform.open(JSON.parse(JSON.stringify(address)), 0);
    await again.edit(message, page('half an answer'), final);
    expect(answers(slack, slack.channel)).toMatchObject([{ id: message, text: 'half an answer' }]);
  });
});

describe('a post whose fate is unknown', () => {
  it.each([
    ['channel', 'chat.postMessage'],
    ['dm', 'chat.startStream'],
  ] as const)(
    'is found again and not posted twice when Slack’s answer was lost (%s)',
    async (where, method) => {
      const running = await connect();
      const { slack } = running;
      const { surface, address } = ask(running, where);
      slack.faults.add({ on: method, act: { type: 'lose-answer' } });
      await expect(surface.post(page('one'), live)).rejects.toMatchObject({ fault: 'unavailable' });
      const { message } = await surface.post(page('one two'), live);
      await surface.edit(message, page('one two three'), final);
      expect(answers(slack, address.channel)).toMatchObject([
        { id: message, text: 'one two three', pending: false },
      ]);
    },
  );

  it('is posted when it turns out not to have gone through', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    slack.faults.add({ on: 'chat.postMessage', act: { type: 'answer', status: 500 } });
    await expect(surface.post(page('one'), live)).rejects.toMatchObject({ fault: 'unavailable' });
    await surface.post(page('two'), live);
    expect(answers(slack, slack.channel)).toMatchObject([{ text: 'two' }]);
  });

  it('is looked for by key, so that another page of the answer is not taken for it', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'channel');
    await surface.post(page('page one'), { ...final, key: 'one' });
    slack.faults.add({ on: 'chat.postMessage', act: { type: 'reset' } });
    await expect(surface.post(page('page two'), { ...final, key: 'two' })).rejects.toThrow();
    await surface.post(page('page two'), { ...final, key: 'two' });
    expect(answers(slack, slack.channel).map(({ text }) => text)).toEqual(['page one', 'page two']);
  });

  it('is never taken for something else that was written in our name', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    const client = new WebClient(slack.botToken, { slackApiUrl: slack.apiUrl });
    await client.chat.postMessage({ channel: slack.channel, thread_ts: address.thread, text: 'by hand' });
    await surface.announce('ready');
    slack.faults.add({ on: 'chat.postMessage', act: { type: 'reset' } });
    await expect(surface.post(page('one'), final)).rejects.toThrow();
    await surface.post(page('one'), final);
    expect(answers(slack, slack.channel).map(({ text }) => text)).toEqual(['by hand', '@asker ready', 'one']);
  });

  it('is found by the next process after a crash, also when it was streaming', async () => {
    const slack = await startFake();
    const before = createOn(slack);
    const questions = [ask(before, 'channel'), ask(before, 'dm')];
    for (const { surface } of questions) await surface.post(page('half'), live);
    await before.platform.close();
    const after = createOn(slack).platform;
    await after.start(new MemoryBot());
    for (const { address } of questions) {
      const { message } = await after.open(address, 0, 'text').post(page('half an answer'), final);
      expect(answers(slack, address.channel)).toMatchObject([
        { id: message, text: 'half an answer', pending: false },
      ]);
    }
  });

  it('is still found when the first attempts to repair it fail', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    slack.faults.add({ on: 'chat.startStream', act: { type: 'lose-answer' } });
    slack.faults.add({ on: 'chat.update', act: { type: 'reset' } });
    slack.faults.add({
      on: 'chat.update',
      act: { type: 'answer', status: 429, headers: { 'retry-after': '1' } },
    });
    await expect(surface.post(page('one'), live)).rejects.toMatchObject({ fault: 'unavailable' });
    await expect(surface.post(page('one'), live)).rejects.toMatchObject({ fault: 'unavailable' });
    await expect(surface.post(page('one'), live)).rejects.toMatchObject({ fault: 'rate-limited' });
    await surface.post(page('one'), live);
    expect(answers(slack, slack.dm)).toMatchObject([{ text: 'one', pending: false }]);
  });

  it('costs no look-up in the ordinary case', async () => {
    const running = await connect();
    const { surface } = ask(running, 'channel');
    await surface.post(page('one'), final);
    expect(calls(running.slack, 'conversations.replies')).toEqual([]);
  });
});

describe('the message that tells the asker that a long wait is over', () => {
  it('mentions the asker, in the thread, and nobody else', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'channel');
    await surface.announce('Your answer is <!here> ready.');
    await until(() => expect(slack.pings).toHaveLength(1));
    expect(calls(slack, 'chat.postMessage')[0]!.args.text).toBe(
      `<@${slack.people.asker}> Your answer is &lt;!here&gt; ready.`,
    );
    expect(answers(slack, slack.channel)[0]!.thread).toBe(address.thread);
  });

  it('can fail, with a fault like any write', async () => {
    const running = await connect();
    const { surface } = ask(running, 'channel');
    running.slack.kickBot(running.slack.channel);
    await expect(surface.announce('Done.')).rejects.toMatchObject({ fault: 'denied' });
  });
});
