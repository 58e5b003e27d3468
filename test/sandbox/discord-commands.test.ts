import { Events, InteractionContextType, MessageFlags } from 'discord.js';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../support/virtual-clock.ts';
import {
  aboutThis,
  ask,
  faultyFields,
  logIn,
  nextInteraction,
  refusal,
  startDiscord,
  startWithCommands,
  tokenCalls,
  warm,
} from './discord-support.ts';

describe('a slash command', () => {
  it('reaches the bot with its options, who used it and where', async () => {
    const got: unknown[] = [];
    const { discord, asker, use } = await startWithCommands({
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
    const { discord } = await startWithCommands({
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
    const { discord, asker } = await startWithCommands({ command: (i) => i.reply(`guild: ${i.guildId}`) });
    await discord.command({ channel: discord.dm, user: asker, name: 'ask', options: { question: 'why?' } });
    expect(discord.messages(discord.dm).at(-1)?.text).toBe('guild: null');
  });

  it('tells that the bot may do nothing where it sees nothing, and is answered all the same', async () => {
    const { discord, use, last } = await startWithCommands({
      command: (i) => i.reply(`permissions: ${i.appPermissions.bitfield}`),
    });
    discord.deny(discord.channel, 'ViewChannel');
    await use();
    expect(last()?.text).toBe('permissions: 0');
  });

  it('is not sent unless Discord’s own client would send it', async () => {
    const { discord, asker, use } = await startWithCommands({});
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
    const { discord, client, asker, use, last } = await startWithCommands({}, { clock });
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
    const { discord, client } = await startWithCommands({});
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
    const { discord, client } = await startWithCommands({});
    const put = (path: string, body: object) => refusal(client.rest.put(`/applications/${path}`, { body }));
    expect(await put('1/commands', [])).toBe('403 20012');
    expect(await put(`${discord.applicationId}/guilds/1/commands`, [])).toBe('403 50001');
    expect(await put(`${discord.applicationId}/commands`, [ask, ask])).toBe('400 50035');
    expect(await put(`${discord.applicationId}/commands`, ask)).toBe('400 50035');
  });

  it('offers a command without default permissions to administrators only', async () => {
    const { discord, client } = await startWithCommands({ command: (i) => i.reply('x') });
    await client.application.commands.set([
      { name: 'audit', description: 'Who did what', defaultMemberPermissions: '0' },
    ]);
    const moderator = discord.addUser('moderator', { roles: [discord.addRole('Mod', ['ManageGuild'])] });
    const use = (user: string) => discord.command({ channel: discord.channel, user, name: 'audit' });
    await expect(use(moderator)).rejects.toThrow(/not offered/);
    await use(discord.addUser('second admin', { roles: [discord.addRole('Root', ['Administrator'])] }));
  });

  it('offers a command only where it was registered for', async () => {
    const { discord, client, asker, use } = await startWithCommands({ command: (i) => i.reply('x') });
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
