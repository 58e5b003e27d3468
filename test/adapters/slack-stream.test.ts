import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openReply } from '../../src/reply/live-reply.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { answers, ask, calls, connect, final, live, page, until } from './slack-support.ts';

const shown = (slack: Parameters<typeof answers>[0]) => answers(slack, slack.dm);

describe('an answer in a DM', () => {
  it('streams: each write sends only what is new, and the last one the footer and buttons', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface, address } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    expect(shown(slack)).toMatchObject([{ id: message, thread: address.thread, text: 'One', pending: true }]);
    await surface.edit(message, page('One **two**', { source: 'One **two' }), live);
    await surface.edit(
      message,
      page('One **two**, three.', { footer: 'Cut.', buttons: ['continue'] }),
      final,
    );
    expect(calls(slack, 'chat.appendStream').map(({ args }) => args.markdown_text)).toEqual([' **two']);
    expect(calls(slack, 'chat.update')).toEqual([]);
    expect(shown(slack)).toMatchObject([
      { text: 'One **two**, three.\n\nCut.', pending: false, buttons: [{ label: 'Continue' }] },
    ]);
  });

  it('is never taken for the lost message of another that waits in its thread', async () => {
    const running = await connect();
    const { slack, platform } = running;
    const { surface, address } = ask(running, 'dm');
    const behind = ask(running, 'dm', address.thread);
    await surface.post(page('One'), live);
    await platform
      .open(behind.address, 0, 'line')
      .post(page('Waiting'), { ...live, turn: '8.0', key: '8.0:0' });
    expect(shown(slack).map(({ text }) => text)).toEqual(['One', 'Waiting']);
  });

  it('sends nothing when a page differs in its footer only', async () => {
    const running = await connect();
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await surface.edit(message, page('One', { footer: '3 s' }), live);
    expect(calls(running.slack, 'chat.appendStream')).toEqual([]);
  });

  it('never sends text twice, also when writes overlap', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('a'), live);
    slack.faults.add({ on: 'chat.appendStream', act: { type: 'delay', ms: 20 } });
    await Promise.all(['ab', 'abc', 'abcd'].map((text) => surface.edit(message, page(text), live)));
    expect(shown(slack)[0]!.text).toBe('abcd');
  });

  it('closes what is open in the text when it ends early', async () => {
    const running = await connect();
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('```\ncode', { source: '```\ncode' }), live);
    await surface.edit(message, page('```\ncode\n```', { source: '```\ncode' }), final);
    expect(shown(running.slack)[0]!.text).toBe('```\ncode\n```');
  });

  it('is edited instead once what stands has to change', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('| a |'), live);
    await surface.edit(message, page('a table'), live);
    expect(shown(slack)).toMatchObject([{ id: message, text: 'a table', pending: false }]);
    expect(surface.budgets('edit', message).map(({ id }) => id)).toEqual([
      `slack:${slack.teamId}:chat.update`,
    ]);
    await surface.edit(message, page('a table, done'), final);
    expect(shown(slack)).toMatchObject([{ id: message, text: 'a table, done' }]);
  });

  it('is edited from the start while it is a notice without text', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('', { footer: 'Waking the model', buttons: ['stop'] }), live);
    await surface.edit(message, page('One'), final);
    expect(calls(slack, 'chat.startStream')).toEqual([]);
    expect(shown(slack)).toMatchObject([{ text: 'One', buttons: [] }]);
  });

  it('is posted whole when it is complete', async () => {
    const running = await connect();
    const { surface } = ask(running, 'dm');
    await surface.post(page('All of it.'), final);
    expect(calls(running.slack, 'chat.startStream')).toEqual([]);
    expect(shown(running.slack)).toMatchObject([{ text: 'All of it.', pending: false }]);
  });

  it('spends the budgets of streaming, not that of edits', async () => {
    const running = await connect();
    const { surface } = ask(running, 'dm');
    const team = running.slack.teamId;
    const ids = (op: 'post' | 'edit', message?: string) => surface.budgets(op, message).map(({ id }) => id);
    expect(ids('post')).toContain(`slack:${team}:chat.startStream`);
    const { message } = await surface.post(page('One'), live);
    expect(ids('edit', message)).toEqual([`slack:${team}:chat.appendStream`]);
  });
});

describe('when Slack ends or refuses a stream', () => {
  it.each(['message_not_in_streaming_state', 'message_not_owned_by_app', 'invalid_chunks', 'internal_error'])(
    'the message goes on by edits: %s',
    async (error) => {
      const running = await connect();
      const { slack } = running;
      const { surface } = ask(running, 'dm');
      const { message } = await surface.post(page('One'), live);
      slack.faults.add({
        on: 'chat.appendStream',
        act: { type: 'answer', status: 200, body: { ok: false, error } },
      });
      await surface.edit(message, page('One two'), live);
      await surface.edit(message, page('One two three'), final);
      expect(shown(slack)).toMatchObject([{ id: message, text: 'One two three', pending: false }]);
    },
  );

  it('text is neither lost nor doubled when the answer to an append is lost', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    slack.faults.add({ on: 'chat.appendStream', act: { type: 'lose-answer' } });
    await surface.edit(message, page('One two'), live);
    await surface.edit(message, page('One two three'), final);
    expect(shown(slack)).toMatchObject([{ text: 'One two three', pending: false }]);
  });

  it('nor when nothing works just after that', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    slack.faults.add({ on: 'chat.appendStream', act: { type: 'lose-answer' } });
    slack.faults.add({ on: 'chat.stopStream', act: { type: 'reset' } });
    await expect(surface.edit(message, page('One two'), live)).rejects.toMatchObject({
      fault: 'unavailable',
    });
    await surface.edit(message, page('One two three'), final);
    expect(shown(slack)).toMatchObject([{ text: 'One two three', pending: false }]);
  });

  it('an outage is reported, and the message repaired after it', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    const over = ['chat.appendStream', 'chat.stopStream', 'chat.update'].map((on) =>
      slack.faults.add({ on, act: { type: 'reset' }, times: Number.POSITIVE_INFINITY }),
    );
    await expect(surface.edit(message, page('One two'), live)).rejects.toMatchObject({
      fault: 'unavailable',
    });
    for (const end of over) end();
    await surface.edit(message, page('One two'), final);
    expect(shown(slack)).toMatchObject([{ id: message, text: 'One two', pending: false }]);
  });

  it('a 429 leaves the stream as it is, to be gone on with', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    const act = {
      type: 'answer',
      status: 429,
      headers: { 'retry-after': '3' },
      body: { ok: false },
    } as const;
    slack.faults.add({ on: 'chat.appendStream', act });
    slack.faults.add({ on: 'chat.stopStream', act });
    await expect(surface.edit(message, page('One two'), live)).rejects.toMatchObject({
      fault: 'rate-limited',
      retryAfterMs: 3_000,
      budgets: [`slack:${slack.teamId}:chat.appendStream`],
    });
    await expect(surface.edit(message, page('One two'), final)).rejects.toMatchObject({
      fault: 'rate-limited',
      budgets: expect.arrayContaining([`slack:${slack.teamId}:chat.stopStream`]),
    });
    await surface.edit(message, page('One two'), final);
    expect(shown(slack)).toMatchObject([{ text: 'One two', pending: false }]);
    expect(calls(slack, 'chat.update')).toEqual([]);
  });

  it('it is left in time, before Slack’s five minutes are over', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await clock.advance(4 * 60_000 + 1);
    await surface.edit(message, page('One two'), live);
    expect(calls(slack, 'chat.appendStream')).toEqual([]);
    expect(shown(slack)).toMatchObject([{ id: message, text: 'One two', pending: false }]);
  });

  it('a deleted message is reported as gone', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    slack.deleteMessage(slack.dm, message);
    await expect(surface.edit(message, page('One two'), live)).rejects.toMatchObject({ fault: 'gone' });
  });

  it('a workspace without streaming is asked once', async () => {
    const running = await connect();
    const { slack } = running;
    const body = { ok: false, error: 'unknown_method' };
    slack.faults.add({ on: 'chat.startStream', act: { type: 'answer', status: 200, body }, times: 9 });
    for (const text of ['one', 'two']) {
      const { surface } = ask(running, 'dm');
      const { message } = await surface.post(page(text), live);
      await surface.edit(message, page(`${text} more`), final);
    }
    expect(calls(slack, 'chat.startStream')).toHaveLength(0); // refused before it is counted
    expect(shown(slack).map(({ text }) => text)).toEqual(['one more', 'two more']);
    expect(ask(running, 'dm').surface.budgets('post')).toHaveLength(1);
  });
});

describe('Slack’s own Stop on a stream', () => {
  it('stops the conversation, and the message can still be finished', async () => {
    const running = await connect();
    const { slack, bot } = running;
    const { surface, address } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await until(() => expect(slack.activity(slack.dm)).toHaveLength(1));
    slack.pressAgentStop(slack.dm, address.thread, slack.people.asker);
    await until(() => expect(bot.stops).toHaveLength(1));
    const stop = {
      conversation: `${slack.dm}:${address.thread}`,
      user: { id: slack.people.asker, roles: [] },
    };
    expect(bot.stops).toEqual([stop]);
    await surface.edit(message, page('One', { footer: 'Stopped.', buttons: ['retry'] }), final);
    expect(bot.stops).toEqual([stop]);
    expect(shown(slack)).toMatchObject([
      { text: 'One\n\nStopped.', pending: false, buttons: [{ label: 'Retry' }] },
    ]);
  });

  it('is noticed at the next write, too, when no event tells of it', async () => {
    const subscriptions = ['app_mention', 'message.im', 'message.channels'];
    const running = await connect({ fake: { subscriptions } });
    const { slack, bot } = running;
    const { surface, address } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await until(() => expect(slack.activity(slack.dm)).toHaveLength(1));
    slack.pressAgentStop(slack.dm, address.thread, slack.people.asker);
    await surface.edit(message, page('One two'), live);
    await until(() => expect(bot.stops).toHaveLength(1));
    await surface.edit(message, page('One two', { footer: 'Stopped.' }), final);
    expect(bot.stops).toHaveLength(1);
    expect(shown(slack)).toMatchObject([{ text: 'One two\n\nStopped.', pending: false }]);
    await until(() => expect(slack.activity(slack.dm)).toEqual([]));
  });

  it('is shown while the answer streams, and gone when it ends', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await until(() => expect(slack.activity(slack.dm)).toHaveLength(1));
    await surface.edit(message, page('One two'), final);
    await until(() => expect(slack.activity(slack.dm)).toEqual([]));
  });

  it('goes also when Slack could not be reached at the end', async () => {
    const clock = new VirtualClock(Date.now());
    const running = await connect({ clock });
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const { message } = await surface.post(page('One'), live);
    await until(() => expect(slack.activity(slack.dm)).toHaveLength(1));
    slack.faults.add({ on: 'agents.sessions.setStatus', act: { type: 'reset' }, times: 2 });
    await surface.edit(message, page('One two'), final);
    await until(async () => {
      await clock.advance(2_000);
      expect(slack.activity(slack.dm)).toEqual([]);
    });
  });

  it('goes when somebody deletes the answer', async () => {
    const running = await connect();
    const { slack } = running;
    const { surface } = ask(running, 'dm');
    const parts = { clock: systemClock, log: pino({ level: 'silent' }) };
    const pacer = new EditPacer(parts);
    const reply = openReply(pacer, surface, { turn: '1.0', ...parts });
    reply.append('One two three. ');
    await until(() => expect(slack.activity(slack.dm)).toHaveLength(1));
    reply.deleted();
    await until(() => expect(slack.activity(slack.dm)).toEqual([]));
    pacer.close();
  });
});
