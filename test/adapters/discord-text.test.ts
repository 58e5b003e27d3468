import { describe, expect, it } from 'vitest';
import { type Connected, connected } from './discord-support.ts';

/** What the model reads when a person writes this. */
async function read({ fake, bot }: Connected, text: string): Promise<string> {
  const next = bot.next();
  fake.say({ channel: fake.channel, user: fake.people.asker, text });
  return (await next).text;
}

describe('what the model reads of a message', () => {
  it('has no mention of the bot in it, wherever it stood', async () => {
    const it = await connected();
    const me = `<@${it.fake.botUserId}>`;
    expect(await read(it, `${me} hello`)).toBe('hello');
    expect(await read(it, `${me}, hello`)).toBe('hello');
    expect(await read(it, `hello ${me}`)).toBe('hello');
    expect(await read(it, `<@!${it.fake.botUserId}>\nhello\nthere`)).toBe('hello\nthere');
    expect(await read(it, `what do you ${me} think?`)).toBe('what do you think?');
  });

  it('names people, roles, channels and emoji as they are shown', async () => {
    const it = await connected();
    const { fake } = it;
    const role = fake.addRole('night shift');
    const text = `@pilotlight ask @colleague in <#${fake.channel}> <:wave:100000000000000001> <a:spin:100000000000000002>`;
    expect(await read(it, text)).toBe('ask @colleague in #general :wave: :spin:');
    // A role made after the bot connected is one that it does not know by name.
    expect(await read(it, `@pilotlight <@&${role}>`)).toMatch(/^@(night shift|a-role)$/);
  });

  it('stays readable where a name is not known', async () => {
    const it = await connected();
    const text = '@pilotlight <@100000000000000001> <#100000000000000002> <@&100000000000000003>';
    expect(await read(it, text)).toBe('@someone #a-channel @a-role');
  });

  it('says times in words, and leaves impossible ones alone', async () => {
    const it = await connected();
    expect(await read(it, '@pilotlight is <t:1767614400:R> before <t:1767614460>?')).toBe(
      'is 2026-01-05 12:00 UTC before 2026-01-05 12:01 UTC?',
    );
    expect(await read(it, '@pilotlight <t:9999999999999:R>')).toBe('<t:9999999999999:R>');
  });

  it('keeps Markdown and code as they were written', async () => {
    const it = await connected();
    const code = '```ts\nconst a = b < c && d > e;\n```\n**bold** <https://example.com>';
    expect(await read(it, `@pilotlight ${code}`)).toBe(code);
  });
});
