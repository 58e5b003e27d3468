import { describe, expect, it } from 'vitest';
import type { FakeDiscord } from '../../sandbox/discord/fake-discord.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { logIn, refusal, request, restOf, startDiscord } from './discord-support.ts';

async function start() {
  const clock = new VirtualClock();
  const discord = await startDiscord({ clock });
  const messages = `/channels/${discord.channel}/messages`;
  const post = (channel = discord.channel) =>
    request(discord, 'POST', `/channels/${channel}/messages`, { content: 'x' });
  const edit = (id: string) => request(discord, 'PATCH', `${messages}/${id}`, { content: 'y' });
  return { clock, discord, post, edit };
}

const times = async (count: number, call: () => Promise<{ status: number }>) => {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push((await call()).status);
  return statuses;
};

const idOf = ({ body }: { body: unknown }) => (body as { id: string }).id;

describe('the rate limits of the local Discord', () => {
  it('let 5 messages through in any 5 s, and say so in headers', async () => {
    const { clock, discord, post } = await start();
    const first = await post();
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset-after': '5.000',
      'x-ratelimit-reset': ((clock.now() + 5000) / 1000).toFixed(3),
      'x-ratelimit-bucket': expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    await clock.advance(3000);
    expect(await times(4, post)).toEqual([200, 200, 200, 200]);
    const refused = await post();
    expect(refused).toMatchObject({
      status: 429,
      body: { message: 'You are being rate limited.', retry_after: 2, global: false },
    });
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(refused.headers.get('x-ratelimit-scope')).toBe('user');
    expect(discord.rateLimitHits).toEqual([
      { call: 'POST /channels/*/messages', budget: `message:${discord.channel}`, at: clock.now() },
    ]);
    await clock.advance(2000);
    // The window slides: one place is free, not five.
    expect(await times(2, post)).toEqual([200, 429]);
  });

  it('let 5 pages of a channel be read in 5 s', async () => {
    const { clock, discord } = await start();
    const read = () => request(discord, 'GET', `/channels/${discord.channel}/messages`);
    expect(await times(6, read)).toEqual([200, 200, 200, 200, 200, 429]);
    await clock.advance(5000);
    expect(await times(1, read)).toEqual([200]);
  });

  it('count posts and edits apart, though both name one bucket', async () => {
    const { post, edit } = await start();
    const posted = await post();
    const edited = await edit(idOf(posted));
    expect(edited.headers.get('x-ratelimit-bucket')).toBe(posted.headers.get('x-ratelimit-bucket'));
    expect(await times(5, () => edit(idOf(posted)))).toEqual([200, 200, 200, 200, 429]);
    expect(await times(5, post)).toEqual([200, 200, 200, 200, 429]);
  });

  it('count each channel, and so each thread, apart', async () => {
    const { discord, post } = await start();
    await times(5, post);
    const { asker } = discord.people;
    const thread = discord.createThread({ channel: discord.channel, user: asker, name: 'More' });
    expect((await post(thread)).status).toBe(200);
    expect((await post(discord.dm)).status).toBe(200);
    expect((await post()).status).toBe(429);
  });

  it('count typing and reactions apart from messages', async () => {
    const { discord } = await start();
    const typing = () => request(discord, 'POST', `/channels/${discord.channel}/typing`);
    expect(await times(6, typing)).toEqual([204, 204, 204, 204, 204, 429]);
    const said = discord.say({ channel: discord.channel, user: discord.people.asker, text: 'hello' });
    const reaction = `/channels/${discord.channel}/messages/${said}/reactions/${encodeURIComponent('👀')}/@me`;
    expect(await times(2, () => request(discord, 'PUT', reaction))).toEqual([204, 429]);
  });

  it('let 50 requests a second through for a bot in all', async () => {
    const { clock, discord } = await start();
    const get = () => request(discord, 'GET', '/users/@me');
    expect(new Set(await times(50, get))).toEqual(new Set([200]));
    const refused = await get();
    expect(refused).toMatchObject({ status: 429, body: { global: true, retry_after: 1 } });
    expect(refused.headers.get('x-ratelimit-global')).toBe('true');
    expect(refused.headers.get('x-ratelimit-scope')).toBe('global');
    await clock.advance(1000);
    expect((await get()).status).toBe(200);
  });

  it('count each interaction’s token apart, outside the global limit', async () => {
    const { discord } = await start();
    const client = await logIn(discord);
    await client.application.commands.set([{ name: 'ask', description: 'Ask' }]);
    const edits = async () => {
      const sent = new Promise<string>((resolve) => {
        client.once('interactionCreate', (interaction) => {
          if (interaction.isCommand()) interaction.deferReply().then(() => resolve(interaction.token));
        });
      });
      await discord.command({ channel: discord.channel, user: discord.people.asker, name: 'ask' });
      const path = `/webhooks/${discord.applicationId}/${await sent}/messages/%40original`;
      return () => request(discord, 'PATCH', path, { content: 'x' }, {});
    };
    const [one, two] = [await edits(), await edits()];
    await times(60, () => request(discord, 'GET', '/users/@me'));
    expect(await times(6, one)).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await two()).status).toBe(200);
  });

  it('can be set', async () => {
    const discord = await startDiscord({
      clock: new VirtualClock(),
      budgets: { message: { limit: 1, windowMs: 60_000 } },
    });
    const post = () => request(discord, 'POST', `/channels/${discord.channel}/messages`, { content: 'x' });
    expect(await times(2, post)).toEqual([200, 429]);
  });

  it('are kept by the real client by itself', async () => {
    const discord = await startDiscord({ budgets: { message: { limit: 2, windowMs: 50 } } });
    const client = await logIn(discord);
    const channel = await client.channels.fetch(discord.channel);
    if (!channel?.isSendable()) throw new Error('no text channel');
    await Promise.all(Array.from({ length: 8 }, (_, i) => channel.send(`${i}`)));
    expect(discord.messages(discord.channel).map(({ text }) => text)).toEqual([...'01234567']);
    expect(discord.rateLimitHits).toEqual([]);
  });
});

describe('faults of the local Discord', () => {
  const send = (discord: FakeDiscord) =>
    restOf(discord).post(`/channels/${discord.channel}/messages`, { body: { content: 'x' } });
  const on = 'POST /channels/*/messages';

  it('answer in its place', async () => {
    const { discord } = await start();
    discord.faults.add({ on, act: { type: 'answer', status: 503 } });
    expect(await refusal(send(discord))).toMatch(/Service Unavailable/);
    expect(discord.messages(discord.channel)).toEqual([]);
    await send(discord);
    expect(discord.messages(discord.channel)).toHaveLength(1);
    expect(discord.calls.map(({ call, status }) => `${call} ${status}`)).toEqual([`${on} 503`, `${on} 200`]);
  });

  it('lose the answer though the message was posted', async () => {
    const { discord } = await start();
    discord.faults.add({ on, act: { type: 'lose-answer' } });
    expect(await refusal(send(discord))).toMatch(/socket|terminated|closed/i);
    expect(discord.messages(discord.channel)).toHaveLength(1);
  });

  it('cut the connection, and answer late', async () => {
    const { clock, discord } = await start();
    discord.faults.add({ on, act: { type: 'reset' } });
    expect(await refusal(send(discord))).toMatch(/socket|terminated|closed/i);
    discord.faults.add({ on, act: { type: 'delay', ms: 5000 } });
    let answered = false;
    const late = send(discord).then(() => {
      answered = true;
    });
    while (!answered) await clock.advance(100);
    await late;
    expect(clock.monotonic()).toBeGreaterThanOrEqual(5000);
    expect(discord.messages(discord.channel)).toHaveLength(1);
  });
});
