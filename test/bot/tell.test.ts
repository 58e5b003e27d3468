import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { ChatPlatform, PlatformName } from '../../src/bot/ports.ts';
import { createTell } from '../../src/bot/tell.ts';

const channel = { platform: 'slack', channel: 'C1', user: 'U1' } as const;
const budget = { about: 'budget', level: 'near', usd: 5, budgetUsd: 6 } as const;
const ending = { about: 'ending', until: 0, containers: 1 } as const;

/** Two platforms, and where each notice came to stand. */
function chats({ closed = [] as string[] } = {}) {
  const told: string[] = [];
  const platform = (name: PlatformName) =>
    ({
      platform: name,
      async tell({ channel: to }, { buttons }) {
        if (closed.includes(to)) throw new Error('not_in_channel');
        told.push(`${name} ${to}${buttons.length > 0 ? ' with a button' : ''}`);
      },
      async directChannel(user) {
        if (closed.includes(user)) throw new Error('Unknown User');
        return { channel: `D-${user}` };
      },
    }) as Partial<ChatPlatform> as ChatPlatform;
  const admins = { slack: ['U1', 'U2'], discord: ['7', '8'] };
  const platforms = [platform('slack'), platform('discord')];
  return {
    told,
    tell: createTell(platforms, admins, pino({ level: 'silent' }), { name: 'default', id: 'a1' }),
  };
}

describe('what warm mode has to tell', () => {
  it('goes to the channel that asked, and where money is concerned to the admins of both platforms', async () => {
    const { told, tell } = chats();
    await tell(channel, budget);
    expect(told.toSorted()).toEqual(['discord D-7', 'discord D-8', 'slack C1', 'slack D-U1', 'slack D-U2']);
  });

  it('leaves the admins alone when it is only that the time ends', async () => {
    const { told, tell } = chats();
    await tell(channel, ending);
    expect(told).toEqual(['slack C1 with a button']);
  });

  it('is said once to who asked in direct messages', async () => {
    const { told, tell } = chats();
    await tell({ ...channel, channel: 'D-U1' }, budget);
    expect(told.filter((line) => line === 'slack D-U1')).toHaveLength(1);
  });

  it('goes to who asked where the bot is not in the channel', async () => {
    const { told, tell } = chats({ closed: ['C1'] });
    await tell(channel, ending);
    expect(told).toEqual(['slack D-U1 with a button']);
  });

  it('reaches the others when an admin is a role or takes no direct messages', async () => {
    const { told, tell } = chats({ closed: ['7', 'D-U2'] });
    await tell(undefined, budget);
    expect(told.toSorted()).toEqual(['discord D-8', 'slack D-U1']);
  });
});
