import { App } from '@slack/bolt';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import { clientOf, silent, startApp, startSlack } from './slack-support.ts';

const stopButton = {
  type: 'actions',
  elements: [
    { type: 'button', action_id: 'stop:turn1', value: 'turn1', text: { type: 'plain_text', text: 'Stop' } },
  ],
} as const;

describe('a conversation with the real Bolt app', () => {
  it('shows a question, a reaction and an answer that grows by edits', async () => {
    const slack = await startSlack();
    await startApp(slack, (app) => {
      app.event('app_mention', async ({ event, client }) => {
        const { channel, ts } = event;
        await client.reactions.add({ channel, timestamp: ts, name: 'eyes' });
        const posted = await client.chat.postMessage({ channel, thread_ts: ts, text: 'Hel' });
        await client.chat.update({ channel, ts: posted.ts!, text: 'Hello &amp; welcome' });
      });
    });
    const ts = slack.say({ channel: slack.channel, user: slack.people.asker, text: '@pilotlight hi' });
    await vi.waitFor(() => expect(slack.messages(slack.channel).at(-1)?.edits).toBe(1));
    expect(slack.messages(slack.channel)).toMatchObject([
      { id: ts, text: '@pilotlight hi', reactions: ['eyes'], author: { name: 'asker', bot: false } },
      { thread: ts, text: 'Hello & welcome', author: { name: 'pilotlight', bot: true } },
    ]);
  });

  it('tells that somebody opened the DM with the bot', async () => {
    const slack = await startSlack();
    const opened = vi.fn();
    await startApp(slack, (app) => {
      app.event('app_home_opened', async ({ event }) => opened(event.tab, event.channel));
    });
    slack.openAppHome(slack.people.asker);
    await slack.eventsDelivered();
    await vi.waitFor(() => expect(opened).toHaveBeenCalledWith('messages', slack.dm));
  });

  it('tells which streams were stopped by the stop control', async () => {
    const slack = await startSlack();
    const stopped = vi.fn();
    await startApp(slack, (app) => {
      app.event('agent_session_stopped', async ({ event }) => stopped(event));
    });
    const { agents, chat } = clientOf(slack);
    const { dm: channel, people } = slack;
    const thread_ts = slack.say({ channel, user: people.asker, text: 'hi' });
    await agents.sessions.setStatus({ channel_id: channel, thread_ts, status: 'processing' });
    const { ts } = await chat.startStream({ channel, thread_ts });
    slack.pressAgentStop(channel, thread_ts, people.asker);
    const event = { channel, thread_ts, user: people.asker, streaming_message_ts: [ts] };
    await vi.waitFor(() => expect(stopped).toHaveBeenCalledWith(expect.objectContaining(event)));
  });
});

describe('a click on a button', () => {
  it('reaches the app, which answers in private', async () => {
    const slack = await startSlack();
    await startApp(slack, (app) => {
      app.action(/^stop:/, async ({ ack, action, body, respond }) => {
        await ack();
        const { value } = action as { value: string };
        await respond({
          text: `${body.user.id} stopped ${value}`,
          response_type: 'ephemeral',
          replace_original: false,
        });
      });
    });
    const { channel, people } = slack;
    const { ts } = await clientOf(slack).chat.postMessage({ channel, text: 'x', blocks: [stopButton] });
    await slack.click(channel, ts!, 'stop:turn1', people.asker);
    await vi.waitFor(() => expect(slack.messages(channel)).toHaveLength(2));
    expect(slack.messages(channel)[1]).toMatchObject({
      text: `${people.asker} stopped turn1`,
      onlyFor: people.asker,
    });
    expect(slack.messages(channel, people.colleague)).toHaveLength(1);
  });

  it('can replace or delete the message it was made on', async () => {
    const slack = await startSlack();
    await startApp(slack, (app) => {
      app.action('stop:turn1', async ({ ack, respond }) => {
        await ack();
        await respond({ text: 'replaced', replace_original: true });
        await respond({ delete_original: true });
      });
    });
    const shown: (string | undefined)[] = [];
    const { channel, people } = slack;
    const { ts } = await clientOf(slack).chat.postMessage({ channel, text: 'x', blocks: [stopButton] });
    slack.on('change', () => shown.push(slack.messages(channel)[0]?.text));
    await slack.click(channel, ts!, 'stop:turn1', people.asker);
    await vi.waitFor(() => expect(shown).toEqual(['replaced', undefined]));
  });

  it('on a message for one person is theirs alone, and no event tells of what becomes of it', async () => {
    const slack = await startSlack();
    const events = vi.fn();
    await startApp(slack, (app) => {
      app.message(async ({ message }) => events(message));
      app.action('stop:turn1', async ({ ack, respond }) => {
        await ack();
        await respond({ text: 'replaced', replace_original: true });
      });
    });
    const { channel, people } = slack;
    const whisper = { channel, user: people.asker, text: 'x', blocks: [stopButton] };
    const ts = (await clientOf(slack).chat.postEphemeral(whisper)).message_ts!;
    await expect(slack.click(channel, ts, 'stop:turn1', people.colleague)).rejects.toThrow('no message');
    await slack.click(channel, ts, 'stop:turn1', people.asker);
    await vi.waitFor(() => expect(slack.messages(channel)).toMatchObject([{ text: 'replaced' }]));
    await slack.eventsDelivered();
    expect(events).not.toHaveBeenCalled();
  });

  it('can change nothing about a message that is gone', async () => {
    const slack = await startSlack();
    const refused = vi.fn();
    const { channel, people } = slack;
    const { ts } = await clientOf(slack).chat.postMessage({ channel, text: 'x', blocks: [stopButton] });
    await startApp(slack, (app) => {
      app.action('stop:turn1', async ({ ack, respond }) => {
        slack.deleteMessage(channel, ts!);
        await ack();
        await respond({ delete_original: true }).catch(refused);
        await respond({ text: 'replaced', replace_original: true }).catch(refused);
      });
    });
    slack.say({ channel, user: people.asker, text: 'stays' });
    await slack.click(channel, ts!, 'stop:turn1', people.asker);
    await vi.waitFor(() => expect(refused).toHaveBeenCalledTimes(2));
    expect(slack.messages(channel)).toMatchObject([{ text: 'stays' }]);
  });

  it('fails when the button is not there, or when nobody acknowledges it within 3 s', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    const clicked = vi.fn();
    await startApp(slack, (app) => app.action('stop:turn1', async () => clicked()));
    const { channel, people } = slack;
    const { ts } = await clientOf(slack).chat.postMessage({ channel, text: 'x', blocks: [stopButton] });
    await expect(slack.click(channel, ts!, 'retry', people.asker)).rejects.toThrow('no button retry');
    await expect(slack.click(channel, '1.000001', 'stop:turn1', people.asker)).rejects.toThrow('no message');
    const click = slack.click(channel, ts!, 'stop:turn1', people.asker);
    const failed = expect(click).rejects.toThrow('did not acknowledge in time');
    await vi.waitFor(() => expect(clicked).toHaveBeenCalled());
    await clock.advance(3000);
    await failed;
  });
});

describe('a slash command', () => {
  it('shows its caller what the acknowledgement says', async () => {
    const slack = await startSlack();
    await startApp(slack, (app) => {
      app.command('/warm', async ({ ack, command }) => ack(`warm for ${command.text}, ${command.user_name}`));
    });
    const { channel, people } = slack;
    const seen = await slack.slashCommand({ command: '/warm', text: '2h', user: people.admin, channel });
    expect(seen).toMatchObject({ text: 'warm for 2h, admin', onlyFor: people.admin });
    expect(slack.messages(channel)).toEqual([seen]);
  });

  it('can be answered later through its response_url: five times, in private or for all', async () => {
    const slack = await startSlack();
    const refused = vi.fn();
    await startApp(slack, (app) => {
      app.command('/warm', async ({ ack, respond }) => {
        await ack();
        await respond({ text: '0', response_type: 'in_channel' });
        for (const text of ['1', '2', '3', '4']) await respond(text);
        await respond('5').catch(refused);
      });
    });
    const { channel, people } = slack;
    expect(await slack.slashCommand({ command: '/warm', user: people.admin, channel })).toBeUndefined();
    await vi.waitFor(() => expect(refused).toHaveBeenCalled());
    expect(slack.messages(channel, people.asker).map(({ text }) => text)).toEqual(['0']);
    expect(slack.messages(channel).map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4']);
  });

  it('leaves a response_url that is good for 30 minutes', async () => {
    const clock = new VirtualClock();
    const slack = await startSlack({ clock });
    let url = '';
    await startApp(slack, (app) => {
      app.command('/warm', async ({ ack, command }) => {
        url = command.response_url;
        await ack();
      });
    });
    await slack.slashCommand({ command: '/warm', user: slack.people.admin, channel: slack.channel });
    const respond = async (body: string) => (await fetch(url, { method: 'POST', body })).status;
    expect(await respond('{"text":"in time"}')).toBe(200);
    expect(await respond('no json')).toBe(500);
    await clock.advance(30 * 60_000 + 1);
    expect(await respond('{"text":"too late"}')).toBe(404);
    expect(slack.messages(slack.channel).map(({ text }) => text)).toEqual(['in time']);
  });

  it('is refused when the app does not have it', async () => {
    const slack = await startSlack({ commands: ['/warm'] });
    const run = slack.slashCommand({ command: '/cold', user: slack.people.admin, channel: slack.channel });
    await expect(run).rejects.toThrow('/cold is not a valid command');
  });

  it('fails when no app is there', async () => {
    const slack = await startSlack();
    const run = slack.slashCommand({ command: '/warm', user: slack.people.admin, channel: slack.channel });
    await expect(run).rejects.toThrow('did not acknowledge in time (connection_failed)');
  });
});

describe('delivery over HTTP', () => {
  async function httpApp(signingSecret: string) {
    const app = new App({
      authorize: async () => ({ botToken: 'xoxb-sandbox', botId: 'B0', botUserId: 'U0' }),
      signingSecret: 'right',
      logger: silent,
    });
    const server = await app.start(0);
    onTestFinished(async () => void (await app.stop()));
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/slack/events`;
    const slack = await startSlack({ http: { url, signingSecret }, delivery: { retryDelaysMs: [0] } });
    return { app, slack };
  }

  it('brings signed events, commands and clicks to the real Bolt app', async () => {
    const { app, slack } = await httpApp('right');
    const { channel, people } = slack;
    const seen = vi.fn();
    app.message(async ({ event, context }) => seen((event as { text: string }).text, context.retryNum));
    app.command('/warm', async ({ ack, command }) => ack(`warm ${command.text}`));
    app.action('stop:turn1', async ({ ack, respond }) => {
      await ack();
      await respond('stopped');
    });
    slack.say({ channel, user: people.asker, text: 'hi', duplicate: true });
    await slack.eventsDelivered();
    expect(seen.mock.calls).toEqual([
      ['hi', undefined],
      ['hi', 1],
    ]);
    const shown = await slack.slashCommand({ command: '/warm', text: '2h', user: people.admin, channel });
    expect(shown).toMatchObject({ text: 'warm 2h', onlyFor: people.admin });
    const { ts } = await clientOf(slack).chat.postMessage({ channel, text: 'x', blocks: [stopButton] });
    await slack.click(channel, ts!, 'stop:turn1', people.asker);
    await vi.waitFor(() => expect(slack.messages(channel).at(-1)?.text).toBe('stopped'));
  });

  it('is turned away by the app when the signature is wrong', async () => {
    const { app, slack } = await httpApp('wrong');
    const seen = vi.fn();
    app.message(async () => seen());
    slack.say({ channel: slack.channel, user: slack.people.asker, text: 'hi' });
    await slack.eventsDelivered();
    expect(slack.lostEvents).toHaveLength(1);
    expect(seen).not.toHaveBeenCalled();
  });
});
