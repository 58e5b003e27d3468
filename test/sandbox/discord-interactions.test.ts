import { Events, MessageFlags } from 'discord.js';
import { describe, expect, it } from 'vitest';
import type { FakeDiscordOptions } from '../../sandbox/discord/fake-discord.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  type Handlers,
  nextInteraction,
  refusal,
  request,
  startWithCommands,
  tokenCalls,
} from './discord-support.ts';

const MINUTE = 60_000;

describe('a deferred answer', () => {
  it('shows that the bot is thinking until the first edit, and has an id from the start', async () => {
    let id: string | undefined;
    const { discord, use, last } = await startWithCommands({
      command: async (i) => {
        const { interaction } = await i.deferReply({ withResponse: true });
        id = interaction.responseMessageId ?? undefined;
      },
    });
    const invoked = await use();
    await expect.poll(() => id).toBe(invoked.message);
    expect(last()).toMatchObject({ id, text: 'pilotlight is thinking…', pending: true, edits: 0 });
    expect(discord.activity(discord.channel)).toEqual([]);
  });

  it('is edited through its token, then by the bot itself, and counts the edits', async () => {
    const { discord, client, use, last } = await startWithCommands({
      command: async (i) => {
        await i.deferReply();
        await i.editReply('half');
      },
    });
    const invoked = await use();
    await expect.poll(() => last()).toMatchObject({ text: 'half', pending: false, edits: 1 });
    discord.expireInteraction(invoked.id);
    await client.rest.patch(`/channels/${discord.channel}/messages/${invoked.message}`, {
      body: { content: 'whole' },
    });
    expect(last()).toMatchObject({ text: 'whole', edits: 2 });
  });

  it('mentions people by default, but never everybody, and notifies nobody', async () => {
    const { discord, asker, use, last } = await startWithCommands({
      command: async (i) => {
        await i.deferReply();
        await i.editReply(`@everyone <@${i.user.id}>`);
      },
    });
    await use();
    await expect.poll(() => last()?.pending).toBe(false);
    expect(discord.pings).toEqual([{ message: last()?.id, what: `<@${asker}>`, notified: false }]);
  });

  it('is filled by the first follow-up; the next ones are messages of their own', async () => {
    const { discord, use } = await startWithCommands({
      command: async (i) => {
        await i.deferReply();
        await i.followUp('first');
        await i.followUp('second');
      },
    });
    const { message } = await use();
    const shown = () =>
      discord.messages(discord.channel).map(({ id, text, thread }) => ({ id, text, thread }));
    await expect.poll(shown).toHaveLength(2);
    expect(shown()).toMatchObject([
      { id: message, text: 'first' },
      { text: 'second', thread: message },
    ]);
  });

  it('that only one person sees stays out of the channel’s history and events', async () => {
    const { discord, client, asker, use, last } = await startWithCommands({
      command: async (i) => {
        await i.deferReply({ flags: MessageFlags.Ephemeral });
        await i.editReply('for you');
      },
    });
    const events: string[] = [];
    client.on(Events.Raw, ({ t }: { t: string }) => events.push(t));
    const { message } = await use();
    await expect.poll(last).toMatchObject({ text: 'for you', onlyFor: asker });
    discord.typing({ channel: discord.channel, user: asker });
    await expect.poll(() => events).toEqual(['INTERACTION_CREATE', 'TYPING_START']);
    expect(await client.rest.get(`/channels/${discord.channel}/messages`)).toEqual([]);
    const edit = client.rest.patch(`/channels/${discord.channel}/messages/${message}`, {
      body: { content: 'x' },
    });
    expect(await refusal(edit)).toBe('404 10008');
  });

  it('that was deleted is unknown, and stays so', async () => {
    const clock = new VirtualClock();
    const { discord, client, use } = await startWithCommands({ command: (i) => i.deferReply() }, { clock });
    const sent = nextInteraction(client);
    const { message } = await use();
    discord.deleteMessage(discord.channel, message);
    expect(await tokenCalls(discord, await sent).edit('x')).toBe('404 10008');
  });
});

describe('an interaction’s token', () => {
  it('acknowledges once', async () => {
    const { discord, client, use } = await startWithCommands({});
    const sent = nextInteraction(client);
    const used = use();
    const calls = tokenCalls(discord, await sent);
    expect(await calls.edit('too early')).toBe('404 10015');
    expect(await calls.followUp('too early')).toBe('404 10015');
    expect(await calls.callback({ type: 6 })).toBe('400 50035');
    expect(await calls.callback({ type: 4, data: { content: '' } })).toBe('400 50006');
    expect(await calls.callback({ type: 9, data: {} })).toBe('501 0');
    expect(await calls.callback({ type: 5 })).toBe('204');
    expect(await calls.callback({ type: 5 })).toBe('400 40060');
    await used;
  });

  it('lives for 15 minutes from the command, not from its answer', async () => {
    const clock = new VirtualClock();
    const { discord, client, use } = await startWithCommands({}, { clock });
    const sent = nextInteraction(client);
    const used = use();
    const calls = tokenCalls(discord, await sent);
    await clock.advance(2000);
    await calls.callback({ type: 5 });
    await used;
    await clock.advance(15 * MINUTE - 2001);
    expect(await calls.edit('in time')).toBe('200');
    await clock.advance(1);
    expect(await calls.edit('too late')).toBe('401 50027');
    expect(await calls.followUp('too late')).toBe('401 50027');
  });

  it('leaves a deferral that was never answered as a failure', async () => {
    const clock = new VirtualClock();
    const { use, last } = await startWithCommands({ command: (i) => i.deferReply() }, { clock });
    await use();
    await clock.advance(15 * MINUTE);
    expect(last()).toMatchObject({ text: 'The application did not respond', pending: false });
  });

  it('is of no use once its channel is deleted', async () => {
    const clock = new VirtualClock();
    const { discord, client, asker } = await startWithCommands({}, { clock });
    const channel = discord.addChannel('brief');
    const sent = nextInteraction(client);
    const options = { question: 'why?' };
    const used = expect(discord.command({ channel, user: asker, name: 'ask', options })).rejects.toThrow();
    const calls = tokenCalls(discord, await sent);
    discord.deleteChannel(channel);
    expect(await calls.callback({ type: 5 })).toBe('404 10003');
    await clock.advance(3000);
    await used;
  });

  it('opens its own messages only, and only for its application', async () => {
    const { discord, client, use } = await startWithCommands({ command: (i) => i.reply('x') });
    const sent = nextInteraction(client);
    await use();
    const { token } = await sent;
    const said = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    expect(await tokenCalls(discord, await sent).edit('x', said)).toBe('404 10008');
    const foreign = await request(discord, 'PATCH', `/webhooks/1/${token}/messages/@original`, {}, {});
    expect(foreign).toMatchObject({ status: 404, body: { code: 10015 } });
    const unknown = `/webhooks/${discord.applicationId}/unknown/messages/@original`;
    expect((await request(discord, 'PATCH', unknown, {}, {})).status).toBe(401);
  });
});

describe('a button', () => {
  const withButton = async (handlers: Handlers, options?: FakeDiscordOptions) => {
    const started = await startWithCommands(handlers, options);
    const { discord, client } = started;
    const component = { type: 2, style: 4, label: 'Stop', custom_id: 'stop' };
    const { id } = (await client.rest.post(`/channels/${discord.channel}/messages`, {
      body: { content: 'answer', components: [{ type: 1, components: [component] }] },
    })) as { id: string };
    return {
      ...started,
      id,
      click: (user = started.asker) => discord.click(discord.channel, id, 'stop', user),
    };
  };

  it('that is clicked brings a token of its own, whose @original is the clicked message', async () => {
    const { discord, click, last } = await withButton({
      button: async (i) => {
        expect(i.message.content).toBe('answer');
        await i.deferUpdate();
        await i.editReply({ content: 'stopped', components: [] });
      },
    });
    await click();
    await expect.poll(last).toMatchObject({ text: 'stopped', buttons: [] });
    expect(discord.messages(discord.channel)).toHaveLength(1);
    await expect(click()).rejects.toThrow(/no button stop/);
  });

  it('can be answered with an update, or privately', async () => {
    const { discord, asker, click } = await withButton({
      button: async (i) => {
        if (i.user.id === asker) await i.update('updated');
        else await i.reply({ content: 'That is not yours.', flags: MessageFlags.Ephemeral });
      },
    });
    await click();
    const { colleague } = discord.people;
    await click(colleague);
    expect(discord.messages(discord.channel)).toMatchObject([
      { text: 'updated' },
      { text: 'That is not yours.', onlyFor: colleague },
    ]);
  });

  it('fails for the person when the bot does not acknowledge in 3 s', async () => {
    const clock = new VirtualClock();
    const { asker, click, client, last } = await withButton({}, { clock });
    const sent = nextInteraction(client);
    const clicked = expect(click()).rejects.toThrow('This interaction failed');
    await sent;
    await clock.advance(3000);
    await clicked;
    expect(last()).toMatchObject({ text: 'This interaction failed', onlyFor: asker });
  });

  it('fails while no bot is connected', async () => {
    const clock = new VirtualClock();
    const { client, click } = await withButton({}, { clock });
    await client.destroy();
    const clicked = expect(click()).rejects.toThrow('This interaction failed');
    await clock.advance(3000);
    await clicked;
  });
});
