import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { clientOf, refusal, startSlack } from './slack-support.ts';

async function question(where: 'dm' | 'channel') {
  const clock = new VirtualClock();
  const slack = await startSlack({ clock });
  const channel = slack[where];
  const { asker } = slack.people;
  const thread_ts = slack.say({ channel, user: asker, text: '@pilotlight tell me' });
  const recipient = where === 'dm' ? {} : { recipient_user_id: asker, recipient_team_id: slack.teamId };
  const { chat } = clientOf(slack);
  const start = (fields: object = {}) =>
    chat
      .startStream({ channel, thread_ts, ...recipient, ...fields })
      .then(({ ts }) => ({ channel, ts: ts! }));
  const answer = (viewer?: string) => slack.messages(channel, viewer).at(-1);
  return { clock, slack, channel, asker, thread_ts, chat, start, answer };
}

describe('a native stream in the fake Slack', () => {
  it('starts, grows and stops', async () => {
    const { chat, start, answer, thread_ts } = await question('dm');
    const stream = await start();
    expect(answer()).toMatchObject({ thread: thread_ts, text: '', pending: true });
    await chat.appendStream({ ...stream, markdown_text: '**Hel' });
    await chat.appendStream({ ...stream, markdown_text: 'lo**' });
    expect(answer()).toMatchObject({ text: '**Hello**', pending: true, edits: 2 });
    const context = { type: 'context', elements: [{ type: 'mrkdwn', text: 'took 3 s' }] };
    const metadata = { event_type: 'reply', event_payload: { key: 'k1' } };
    await chat.stopStream({ ...stream, markdown_text: '!', blocks: [context], metadata });
    expect(answer()).toMatchObject({ text: '**Hello**!\n\ntook 3 s', pending: false });
  });

  it('stands in a thread, and outside DMs names its recipient and their team', async () => {
    const { slack, channel, thread_ts, asker, chat } = await question('channel');
    const start = (fields: object) => refusal(chat.startStream({ channel, thread_ts, ...fields }));
    expect(await start({ thread_ts: undefined })).toBe('invalid_arguments');
    expect(await start({})).toBe('missing_recipient_user_id');
    expect(await start({ recipient_user_id: asker })).toBe('missing_recipient_team_id');
    expect(await start({ recipient_user_id: 'U0NOBODY', recipient_team_id: slack.teamId })).toBe(
      'user_not_found',
    );
    expect(slack.messages(channel)).toHaveLength(1);
  });

  it('moves in a channel for its recipient alone; others see the first chunk until it stops', async () => {
    const { slack, chat, start, answer, asker } = await question('channel');
    const { colleague } = slack.people;
    const stream = await start();
    await chat.appendStream({ ...stream, markdown_text: 'One ' });
    await chat.appendStream({ ...stream, markdown_text: 'two ' });
    expect([answer(asker)?.text, answer(colleague)?.text]).toEqual(['One two ', 'One ']);
    await chat.stopStream({ ...stream, markdown_text: 'three' });
    expect([answer(asker)?.text, answer(colleague)?.text]).toEqual(['One two three', 'One two three']);
  });

  it('ends by itself about five minutes after it started, with what it has', async () => {
    const { clock, chat, start, answer } = await question('dm');
    const stream = await start({ markdown_text: 'Once upon' });
    await clock.advance(299_999);
    await chat.appendStream({ ...stream, markdown_text: ' a time' });
    await clock.advance(1);
    expect(answer()).toMatchObject({ text: 'Once upon a time', pending: false });
    const late = { ...stream, markdown_text: ' …' };
    expect(await refusal(chat.appendStream(late))).toBe('message_not_in_streaming_state');
    expect(await refusal(chat.stopStream(late))).toBe('message_not_in_streaming_state');
    await chat.update({ ...stream, text: 'Once upon a time, edited' });
    expect(answer()?.text).toBe('Once upon a time, edited');
  });

  it('cannot be edited while it runs, but after it stopped', async () => {
    const { chat, start, answer } = await question('dm');
    const stream = await start({ markdown_text: 'a' });
    expect(await refusal(chat.update({ ...stream, text: 'b' }))).toBe('streaming_state_conflict');
    await chat.appendStream({ ...stream, markdown_text: 'a' });
    await chat.stopStream(stream);
    expect(await refusal(chat.stopStream(stream))).toBe('message_not_in_streaming_state');
    await chat.update({ ...stream, text: 'b' });
    expect(answer()?.text).toBe('b');
  });

  it('is no stream where none was started, and is not there once deleted', async () => {
    const { slack, chat, start, channel, asker } = await question('dm');
    const append = (ts: string) => refusal(chat.appendStream({ channel, ts, markdown_text: 'x' }));
    const { ts: plain } = await chat.postMessage({ channel, text: 'plain' });
    expect(await append(plain!)).toBe('message_not_in_streaming_state');
    expect(await append(slack.say({ channel, user: asker, text: 'mine' }))).toBe('message_not_owned_by_app');
    const stream = await start();
    slack.deleteMessage(channel, stream.ts);
    expect(await append(stream.ts)).toBe('message_not_found');
  });

  it('takes 12,000 characters a call and in all', async () => {
    const { chat, start } = await question('dm');
    const stream = await start();
    const append = (count: number) => chat.appendStream({ ...stream, markdown_text: 'x'.repeat(count) });
    expect(await refusal(append(12_001))).toBe('msg_too_long');
    await append(11_000);
    expect(await refusal(append(1001))).toBe('msg_too_long');
    await append(1000);
    const section = { type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(1201) } };
    expect(await refusal(chat.stopStream({ ...stream, blocks: [section] }))).toBe('msg_blocks_too_long');
    await chat.stopStream(stream);
  });

  it('keeps to the kind of content it began with', async () => {
    const { chat, start, answer } = await question('dm');
    const stream = await start();
    const chunks = [{ type: 'markdown_text' as const, text: 'in chunks' }];
    expect(await refusal(chat.appendStream({ ...stream, markdown_text: 'x', chunks }))).toBe(
      'cannot_provide_both_markdown_text_and_chunks',
    );
    expect(await refusal(chat.appendStream(stream))).toBe('no_text');
    expect(await refusal(chat.appendStream({ ...stream, chunks: [{ type: 'confetti' }] as never }))).toBe(
      'invalid_chunks',
    );
    const task = { type: 'task_update', id: 't', title: 'Search', status: 'in_progress' };
    await chat.appendStream({ ...stream, chunks: [...chunks, task] as never });
    expect(await refusal(chat.appendStream({ ...stream, markdown_text: 'x' }))).toBe(
      'streaming_mode_mismatch',
    );
    expect(answer()?.text).toBe('Search\n\nin chunks');
  });

  it('records mentions, also those that straddle two appends', async () => {
    const { slack, chat, start } = await question('dm');
    const stream = await start({ markdown_text: 'hey <!chan' });
    expect(slack.pings).toEqual([]);
    await chat.appendStream({ ...stream, markdown_text: 'nel> you' });
    await chat.appendStream({ ...stream, markdown_text: ' all' });
    expect(slack.pings).toEqual([{ message: stream.ts, what: '<!channel>', notified: true }]);
  });
});

describe('the stop control of an agent session', () => {
  it('is shown while the agent says that it is processing, and ends its streams', async () => {
    const { slack, chat, start, answer, channel, asker, thread_ts } = await question('dm');
    const press = () => slack.pressAgentStop(channel, thread_ts, asker);
    expect(press).toThrow('no stop control');
    const stream = await start({ markdown_text: 'Once upon' });
    const session = { channel_id: channel, thread_ts };
    await clientOf(slack).agents.sessions.setStatus({ ...session, status: 'processing' });
    expect(slack.activity(channel)).toEqual([{ thread: thread_ts, text: 'is working…' }]);
    press();
    expect(answer()).toMatchObject({ text: 'Once upon', pending: false });
    expect(await refusal(chat.appendStream({ ...stream, markdown_text: ' a time' }))).toBe('stopped_by_user');
    expect(await refusal(chat.stopStream(stream))).toBe('stopped_by_user');
    await clientOf(slack).agents.sessions.setStatus({ ...session, status: 'active' });
    expect(slack.activity(channel)).toEqual([]);
  });

  it('warns an app that would not hear of it', async () => {
    const slack = await startSlack({ subscriptions: ['message.im'] });
    const thread_ts = slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hi' });
    const { sessions } = clientOf(slack).agents;
    const session = { channel_id: slack.dm, thread_ts };
    expect(await sessions.setStatus({ ...session, status: 'processing' })).toMatchObject({
      agent_status: 'processing',
      warning: 'missing_agent_session_stopped_event_subscription',
    });
    expect(await refusal(sessions.setStatus({ ...session, status: 'dozing' }))).toBe('invalid_arguments');
  });
});

describe('the status of an assistant thread', () => {
  it('goes after two minutes, or when the bot writes', async () => {
    const { clock, slack, channel, thread_ts, chat } = await question('dm');
    const { threads } = clientOf(slack).assistant;
    const set = (status: string) => threads.setStatus({ channel_id: channel, thread_ts, status });
    const shown = () => slack.activity(channel).map(({ text }) => text);
    await set('is waking the model…');
    await clock.advance(60_000);
    await set('is still waking it…');
    await clock.advance(119_999);
    expect(shown()).toEqual(['is still waking it…']);
    await clock.advance(1);
    expect(shown()).toEqual([]);
    await set('is thinking…');
    await chat.postMessage({ channel, thread_ts, text: 'done' });
    expect(shown()).toEqual([]);
    await set('is thinking…');
    await set('');
    expect(shown()).toEqual([]);
  });

  it('takes up to 10 loading messages of up to 50 characters, in a thread that is there', async () => {
    const { slack, channel, thread_ts } = await question('dm');
    const { threads } = clientOf(slack).assistant;
    const set = (fields: object) =>
      refusal(threads.setStatus({ channel_id: channel, thread_ts, status: 'thinks', ...fields }));
    expect(await set({ loading_messages: Array(10).fill('x'.repeat(50)) })).toBe('not refused');
    expect(await set({ loading_messages: Array(11).fill('x') })).toBe('invalid_arguments');
    expect(await set({ loading_messages: ['x'.repeat(51)] })).toBe('invalid_arguments');
    expect(await set({ thread_ts: '1.000001' })).toBe('invalid_thread_ts');
  });

  it('can be preceded by up to four suggested prompts', async () => {
    const slack = await startSlack();
    const { threads } = clientOf(slack).assistant;
    const set = (count: number) =>
      refusal(
        threads.setSuggestedPrompts({
          channel_id: slack.dm,
          prompts: Array(count).fill({ title: 't', message: 'm' }),
        }),
      );
    expect(await set(4)).toBe('not refused');
    expect(await set(5)).toBe('invalid_arguments');
  });
});
