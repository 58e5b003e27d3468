import { describe, expect, it } from 'vitest';
import { OperatorError } from '../../src/errors.ts';
import { adapterFor, type Connected, calls, localDiscord, MemoryBot } from './discord-support.ts';

describe('registering the commands', () => {
  const GLOBAL = 'PUT /applications/*/commands';
  const GUILD = 'PUT /applications/*/guilds/*/commands';
  const names = ({ registeredCommands }: Connected['fake']) => registeredCommands.map(({ name }) => name);

  it('happens at the first start and not again until they change', async () => {
    const fake = await localDiscord();
    for (let start = 1; start <= 2; start++) {
      const { discord } = adapterFor(fake);
      await discord.start(new MemoryBot());
      await discord.close();
      expect(names(fake)).toEqual(['ask', 'Answer this']);
      expect(calls(fake, GLOBAL)).toBe(1);
    }
  });

  it('happens again when Discord has something else', async () => {
    const fake = await localDiscord();
    const start = async () => {
      const { discord } = adapterFor(fake);
      await discord.start(new MemoryBot());
      await discord.close();
    };
    await start();
    const [ask] = fake.registeredCommands;
    const changed = { name: 'ask', description: 'Something else', options: ask!.options };
    await fetch(`${fake.apiUrl}/v10/applications/${fake.applicationId}/commands`, {
      method: 'POST',
      headers: { authorization: `Bot ${fake.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(changed),
    });
    expect(fake.registeredCommands.map(({ description }) => description)).toContain('Something else');
    await start();
    expect(fake.registeredCommands.map(({ description }) => description)).toContain(ask!.description);
    expect(calls(fake, GLOBAL)).toBe(2);
  });

  it('is for one server when that is set, and takes back what was for all', async () => {
    const fake = await localDiscord();
    await adapterFor(fake).discord.start(new MemoryBot());
    for (let start = 1; start <= 2; start++) {
      await adapterFor(fake, { guildId: fake.guildId }).discord.start(new MemoryBot());
      expect(names(fake)).toEqual(['ask', 'Answer this']);
      expect(calls(fake, GUILD)).toBe(1);
      expect(calls(fake, GLOBAL)).toBe(2);
    }
  });

  it('in a server that the bot is not in names the setting and what to do', async () => {
    const fake = await localDiscord();
    const { discord } = adapterFor(fake, { guildId: '100000000000000001' });
    const error = await discord.start(new MemoryBot()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OperatorError);
    expect((error as Error).message).toMatch(/^DISCORD_GUILD_ID.*invite/s);
    expect(discord.connected).toBe(false);
  });

  it('that fails for another reason is logged, and the bot answers all the same', async () => {
    const fake = await localDiscord();
    fake.faults.add({ on: 'GET /applications/*/commands', act: { type: 'answer', status: 503 }, times: 10 });
    const { discord, log } = adapterFor(fake);
    await discord.start(new MemoryBot());
    expect(discord.connected).toBe(true);
    expect(log).toContainEqual(
      expect.objectContaining({ level: 50, msg: expect.stringContaining('register') }),
    );
  });
});
