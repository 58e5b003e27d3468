import {
  ApplicationCommandType,
  type ButtonInteraction,
  type ChatInputCommandInteraction,
  type Client,
  Events,
  InteractionContextType,
  type MessageContextMenuCommandInteraction,
  MessageFlags,
  PermissionFlagsBits,
  SlashCommandBuilder,
} from 'discord.js';
import { describe, expect, it } from 'vitest';
import type { FakeDiscord, FakeDiscordOptions } from '../../sandbox/discord/fake-discord.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { faultyFields, logIn, refusal, request, startDiscord } from './discord-support.ts';

const MINUTE = 60_000;

const ask = new SlashCommandBuilder()
  .setName('ask')
  .setDescription('Ask the model')
  .addStringOption((option) =>
    option.setName('question').setDescription('What?').setRequired(true).setMaxLength(20),
  )
  .addIntegerOption((option) =>
    option.setName('effort').setDescription('1 to 3').setMinValue(1).setMaxValue(3),
  )
  .toJSON();
const warm = new SlashCommandBuilder()
  .setName('warm')
  .setDescription('Keep the model warm')
  .setDefaultMemberPermissions(PermissionFlagsBits.ManageGuild)
  .addSubcommand((sub) =>
    sub
      .setName('start')
      .setDescription('From now on')
      .addStringOption((option) => option.setName('until').setDescription('When it ends')),
  )
  .toJSON();
const aboutThis = { name: 'Ask about this', type: ApplicationCommandType.Message as const };

type Handlers = {
  command?: (interaction: ChatInputCommandInteraction) => unknown;
  menu?: (interaction: MessageContextMenuCommandInteraction) => unknown;
  button?: (interaction: ButtonInteraction) => unknown;
};

async function start(handlers: Handlers, options: FakeDiscordOptions = {}) {
  const discord = await startDiscord(options);
  const client = await logIn(discord, (client) => {
    client.on(Events.InteractionCreate, async (interaction) => {
      if (interaction.isChatInputCommand()) await handlers.command?.(interaction);
      if (interaction.isMessageContextMenuCommand()) await handlers.menu?.(interaction);
      if (interaction.isButton()) await handlers.button?.(interaction);
    });
  });
  await client.application.commands.set([ask, warm, aboutThis]);
  const { asker } = discord.people;
  const use = (name = 'ask', values: Record<string, string | number> = { question: 'why?' }) =>
    discord.command({ channel: discord.channel, user: asker, name, options: values });
  return { discord, client, asker, use, last: () => discord.messages(discord.channel).at(-1) };
}

/** Calls that a test makes by hand on an interaction's token. */
const tokenCalls = (discord: FakeDiscord, { id, token }: { id: string; token: string }) => {
  const webhook = `/webhooks/${discord.applicationId}/${token}`;
  const code = async (method: string, path: string, body?: object) => {
    const answer = await request(discord, method, path, body, {});
    return `${answer.status} ${(answer.body as { code?: number } | undefined)?.code ?? ''}`.trim();
  };
  return {
    callback: (body: object) => code('POST', `/interactions/${id}/${token}/callback`, body),
    edit: (content: string, message = '@original') =>
      code('PATCH', `${webhook}/messages/${message}`, { content }),
    followUp: (content: string) => code('POST', webhook, { content }),
  };
};

/** Resolves to the next interaction, as sent. */
const nextInteraction = (client: Client) =>
  new Promise<{ id: string; token: string }>((resolve) => {
    client.once(Events.InteractionCreate, ({ id, token }) => resolve({ id, token }));
  });

describe('a slash command', () => {
  it('reaches the bot with its options, who used it and where', async () => {
    const got: unknown[] = [];
    const { discord, asker, use } = await start({
      command: (i) => {
        got.push(i.options.getString('question'), i.options.getInteger('effort'), i.user.id, i.channelId);
        got.push(i.memberPermissions?.has('SendMessages'), i.appPermissions.has('MentionEveryone'));
        return i.reply('because');
      },
    });
    await use('ask', { question: 'why?', effort: 2 });
    expect(got).toEqual(['why?', 2, asker, discord.channel, true, true]);
    expect(discord.messages(discord.channel)).toMatchObject([{ text: 'because', pending: false }]);
  });

  it('reaches the bot with its subcommand', async () => {
    const got: unknown[] = [];
    const { discord } = await start({
      command: (i) => {
        got.push(i.commandName, i.options.getSubcommand(), i.options.getString('until'));
        return i.reply({ content: 'warm', flags: MessageFlags.Ephemeral });
      },
    });
    const { admin, asker } = discord.people;
    const options = { until: '18:00' };
    await discord.command({ channel: discord.channel, user: admin, name: 'warm start', options });
    expect(got).toEqual(['warm', 'start', '18:00']);
    expect(discord.messages(discord.channel)).toMatchObject([{ text: 'warm', onlyFor: admin }]);
    expect(discord.messages(discord.channel, asker)).toEqual([]);
  });

  it('works in direct messages', async () => {
    const { discord, asker } = await start({ command: (i) => i.reply(`guild: ${i.guildId}`) });
    await discord.command({ channel: discord.dm, user: asker, name: 'ask', options: { question: 'why?' } });
    expect(discord.messages(discord.dm).at(-1)?.text).toBe('guild: null');
  });

  it('tells that the bot may do nothing where it sees nothing, and is answered all the same', async () => {
    const { discord, use, last } = await start({
      command: (i) => i.reply(`permissions: ${i.appPermissions.bitfield}`),
    });
    discord.deny(discord.channel, 'ViewChannel');
    await use();
    expect(last()?.text).toBe('permissions: 0');
  });

  it('is not sent unless Discord’s own client would send it', async () => {
    const { discord, asker, use } = await start({});
    await expect(use('asks')).rejects.toThrow(/no command "asks"/);
    await expect(use('ask', {})).rejects.toThrow(/without "question"/);
    await expect(use('ask', { question: 'x'.repeat(21) })).rejects.toThrow(/too long/);
    await expect(use('ask', { question: 'x', effort: 4 })).rejects.toThrow(/more than 3/);
    await expect(use('ask', { question: 'x', effort: 'much' })).rejects.toThrow(/not a number/);
    await expect(use('ask', { question: 'x', colour: 'red' })).rejects.toThrow(/no option "colour"/);
    await expect(use('warm')).rejects.toThrow(/not offered to somebody without/);
    const { admin } = discord.people;
    await expect(discord.command({ channel: discord.channel, user: admin, name: 'warm' })).rejects.toThrow(
      /needs a subcommand/,
    );
    const thread = discord.createThread({ channel: discord.channel, user: asker, name: 'Old' });
    discord.archiveThread(thread);
    await expect(discord.command({ channel: thread, user: asker, name: 'ask' })).rejects.toThrow(/archived/);
  });

  it('fails for the person when it is not acknowledged in 3 s, and is then unknown', async () => {
    const clock = new VirtualClock();
    const { discord, client, asker, use, last } = await start({}, { clock });
    const sent = nextInteraction(client);
    const used = expect(use()).rejects.toThrow('The application did not respond');
    const interaction = await sent;
    await clock.advance(2999);
    expect(discord.messages(discord.channel)).toEqual([]);
    await clock.advance(1);
    await used;
    expect(last()).toMatchObject({ text: 'The application did not respond', onlyFor: asker });
    const calls = tokenCalls(discord, interaction);
    expect(await calls.callback({ type: 5 })).toBe('404 10062');
    expect(await calls.edit('late')).toBe('404 10015');
  });
});

describe('a deferred answer', () => {
  it('shows that the bot is thinking until the first edit, and has an id from the start', async () => {
    let id: string | undefined;
    const { discord, use, last } = await start({
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
    const { discord, client, use, last } = await start({
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
    const { discord, asker, use, last } = await start({
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
    const { discord, use } = await start({
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
    const { discord, client, asker, use, last } = await start({
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
    const { discord, client, use } = await start({ command: (i) => i.deferReply() }, { clock });
    const sent = nextInteraction(client);
    const { message } = await use();
    discord.deleteMessage(discord.channel, message);
    expect(await tokenCalls(discord, await sent).edit('x')).toBe('404 10008');
  });
});

describe('an interaction’s token', () => {
  it('acknowledges once', async () => {
    const { discord, client, use } = await start({});
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
    const { discord, client, use } = await start({}, { clock });
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
    const { use, last } = await start({ command: (i) => i.deferReply() }, { clock });
    await use();
    await clock.advance(15 * MINUTE);
    expect(last()).toMatchObject({ text: 'The application did not respond', pending: false });
  });

  it('is of no use once its channel is deleted', async () => {
    const clock = new VirtualClock();
    const { discord, client, asker } = await start({}, { clock });
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
    const { discord, client, use } = await start({ command: (i) => i.reply('x') });
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
    const started = await start(handlers, options);
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

describe('a message command', () => {
  it('carries the text of its target, also without the MESSAGE_CONTENT intent', async () => {
    const discord = await startDiscord({ intentsAllowed: [] });
    const seen: string[] = [];
    const client = await logIn(
      discord,
      (client) => {
        client.on(Events.InteractionCreate, async (interaction) => {
          if (!interaction.isMessageContextMenuCommand()) return;
          seen.push(interaction.targetMessage.content);
          await interaction.deferReply();
        });
      },
      { intents: [] },
    );
    await client.application.commands.set([aboutThis]);
    const { asker } = discord.people;
    const message = discord.say({ channel: discord.channel, user: asker, text: 'among ourselves' });
    await discord.messageCommand({ channel: discord.channel, user: asker, name: 'Ask about this', message });
    expect(seen).toEqual(['among ourselves']);
  });
});

describe('registering commands', () => {
  it('replaces those of the server or the global ones, and keeps the ids of those that stay', async () => {
    const { discord, client } = await start({});
    const ids = () => discord.registeredCommands.map(({ id }) => id);
    const before = ids();
    await client.application.commands.set([ask, warm]);
    expect(ids()).toEqual(before.slice(0, 2));
    await client.application.commands.create(ask, discord.guildId);
    expect(discord.registeredCommands.map(({ name }) => name)).toEqual(['ask', 'warm', 'ask']);
    expect([...(await client.application.commands.fetch()).values()].map(({ name }) => name)).toEqual([
      'ask',
      'warm',
    ]);
  });

  it.each([
    ['a name with capitals', { ...ask, name: 'Ask' }],
    ['a name with spaces', { ...ask, name: 'ask me' }],
    ['no description', { ...ask, description: '' }],
    ['a description over 100 characters', { ...ask, description: 'x'.repeat(101) }],
    ['an optional option before a required one', { ...ask, options: [...(ask.options ?? [])].reverse() }],
    ['two options of one name', { ...ask, options: [ask.options?.[0], ask.options?.[0]] }],
    ['a described context menu', { ...aboutThis, description: 'x' }],
  ])('refuses %s', async (_, command) => {
    const discord = await startDiscord();
    const client = await logIn(discord);
    const put = client.rest.put(`/applications/${discord.applicationId}/commands`, { body: [command] });
    expect(await faultyFields(put)).not.toBe('');
    expect(discord.registeredCommands).toEqual([]);
  });

  it('refuses another application, another server and two commands of one name', async () => {
    const { discord, client } = await start({});
    const put = (path: string, body: object) => refusal(client.rest.put(`/applications/${path}`, { body }));
    expect(await put('1/commands', [])).toBe('403 20012');
    expect(await put(`${discord.applicationId}/guilds/1/commands`, [])).toBe('403 50001');
    expect(await put(`${discord.applicationId}/commands`, [ask, ask])).toBe('400 50035');
    expect(await put(`${discord.applicationId}/commands`, ask)).toBe('400 50035');
  });

  it('offers a command without default permissions to administrators only', async () => {
    const { discord, client } = await start({ command: (i) => i.reply('x') });
    await client.application.commands.set([
      { name: 'audit', description: 'Who did what', defaultMemberPermissions: '0' },
    ]);
    const moderator = discord.addUser('moderator', { roles: [discord.addRole('Mod', ['ManageGuild'])] });
    const use = (user: string) => discord.command({ channel: discord.channel, user, name: 'audit' });
    await expect(use(moderator)).rejects.toThrow(/not offered/);
    await use(discord.addUser('second admin', { roles: [discord.addRole('Root', ['Administrator'])] }));
  });

  it('offers a command only where it was registered for', async () => {
    const { discord, client, asker, use } = await start({ command: (i) => i.reply('x') });
    await client.application.commands.set([{ ...ask, contexts: [InteractionContextType.BotDM] }]);
    await expect(use()).rejects.toThrow(/not offered here/);
    await client.application.commands.set([]);
    await client.application.commands.set([ask], discord.guildId);
    await use();
    await expect(
      discord.command({ channel: discord.dm, user: asker, name: 'ask', options: { question: 'why?' } }),
    ).rejects.toThrow(/no command/);
  });
});
