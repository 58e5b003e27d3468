import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandAnswer, type CommandCall, createCommands } from '../../src/bot/commands.ts';
import { showTimes, utc } from '../../src/bot/warm-words.ts';
import { HOUR, MINUTE, Play, target } from '../modal/warm-support.ts';

const admin = { platform: 'slack', channel: 'C1', user: { id: 'UADMIN', roles: [], name: 'admin' } } as const;
const anybody = { platform: 'slack', channel: 'C1', user: { id: 'U1', roles: [], name: 'asker' } } as const;

describe('the commands of warm mode', () => {
  let play: Play;
  let commands: ReturnType<typeof createCommands>;
  beforeEach(() => {
    play = new Play({ budgetUsd: 6 });
    commands = commandsOf(play);
  });

  function commandsOf({ warm: mode, costs, store, clock }: Play, missing: string[] = []) {
    const keeper = { model: { ...target, name: 'default' }, id: 'a1b2', mode, costs };
    const all = missing.length > 0 ? [] : [keeper];
    return createCommands({
      models: { of: () => all[0] ?? { missing }, all },
      store,
      admins: { slack: ['UADMIN'], discord: ['900'] },
      defaultMs: 2 * HOUR,
      coldStarts: async () => [40_000, 42_000, 80_000],
      clock,
      log: pino({ level: 'silent' }),
    });
  }
  const run = (text: string, who: Omit<CommandCall, 'text'> = admin) => commands.run({ ...who, text });
  const read = ({ text }: CommandAnswer) => showTimes(text, utc);

  /** Types a command and presses what it offers first. */
  async function confirm(text: string): Promise<string> {
    const { buttons } = await run(text);
    const pressed = await commands.press(buttons[0]!.id, admin);
    expect(pressed.replaces).toBe(true);
    return read(pressed);
  }

  it('say what it will cost until its end, and do it once that is confirmed', async () => {
    const asked = await run('warm 90m 2 containers');
    expect(read(asked)).toBe(
      'Keep 2 containers warm for 1 h 30 min, until 2026-01-05 13:30 UTC?\n' +
        'That costs about $10.80 ($7.20 an hour on X).\n' +
        "⚠️ It would pass this month's budget of $6.00, and end when it does.",
    );
    expect(asked.buttons.map(({ label }) => label)).toEqual(['Keep warm', 'Cancel']);
    expect(play.app.said).toEqual([]);
    expect(read(await commands.press(asked.buttons[0]!.id, admin))).toBe(
      '🔥 Warm: 2 containers until 2026-01-05 13:30 UTC.',
    );
    expect(play.app.minContainers).toBe(2);
  });

  it('say what the most there may be costs, and what happens to it afterwards', async () => {
    const asked = await run('warm 2h 2 containers max 4 buffer 1 idle 10m');
    expect(read(asked)).toBe(
      'Keep 2 containers warm for 2 h, until 2026-01-05 14:00 UTC?\n' +
        'That costs about $14.40 ($7.20 an hour on X).\n' +
        'Meanwhile: 4 containers at most, which is $14.40 an hour; 1 kept ready beside busy ones; ' +
        "idle ones go after 10 min. Afterwards the app's own settings hold again.\n" +
        "⚠️ It would pass this month's budget of $6.00, and end when it does.",
    );
    expect(read(await commands.press(asked.buttons[0]!.id, admin))).toBe(
      '🔥 Warm: 2 containers, max 4, buffer 1, idle 10 min until 2026-01-05 14:00 UTC.',
    );
    expect(play.app.settings).toEqual({
      minContainers: 2,
      maxContainers: 4,
      bufferContainers: 1,
      scaledownWindowMs: 10 * MINUTE,
    });
  });

  it('take them in any order, and for a schedule too', async () => {
    expect(await confirm('warm max 3 containers idle 90 s 2h x2')).toContain(
      '2 containers, max 3, idle 90 s until',
    );
    expect(await confirm('schedule daily 9-18 UTC buffer 1')).toContain('🔥 Warm');
    expect(read(await run('schedule'))).toContain('mon-sun 09:00-18:00 UTC, 1 container, buffer 1.');
  });

  it.each([
    'mon-tue,thu-fri,sun 09:30-17:30 America/Argentina/Rio_Gallegos',
    'mon-tue,thu,sat-sun 22:15-06:45 America/North_Dakota/New_Salem',
  ])('fit the longest schedule there is into Discord’s 100 characters: %s', async (rule) => {
    commands = commandsOf(new Play({ maxContainers: 100 }));
    const wanted = '100 containers, max 1000, buffer 100, idle 1199 s';
    const { buttons } = await run(`schedule ${rule} ${wanted.replaceAll(',', '')}`);
    expect(buttons.map(({ id }) => id.length).filter((length) => length > 100)).toEqual([]);
    await commands.press(buttons[0]!.id, admin);
    expect(read(await run('schedule'))).toContain(`${rule}, ${wanted}.`);
  });

  it('change nothing when it is cancelled', async () => {
    const { buttons } = await run('warm 2h');
    expect(read(await commands.press(buttons[1]!.id, admin))).toContain('Nothing was changed');
    expect(play.app.said).toEqual([]);
  });

  it.each([
    ['warm', 'for 2 h'],
    ['warm for 1h30m x3', '3 containers warm for 1 h 30 min'],
    ['WARM 45 minutes', 'for 45 min'],
    ['schedule weekdays 9-18 Europe/Berlin 2 containers', 'That is 45 h a week'],
  ])('understand "%s"', async (text, shown) => {
    expect(read(await run(text))).toContain(shown);
  });

  it.each([
    ['warm 3 weeks', 'the most is 24 h'],
    ['warm -1', 'not a length of time'],
    ['warm 0 containers', 'from 1 to 4, not 0'],
    ['warm 2h many containers', 'not a number of containers'],
    ['warm 2h 99 containers', 'from 1 to 4, not 99'],
    ['warm 2h -1 containers', 'not a number of containers'],
    ['warm 2h 3 containers max 2', 'At least 3 containers and at most 2 cannot both be'],
    ['warm 2h max 0', 'cannot both be'],
    ['warm 2h max lots', '"max lots" is not a number of containers'],
    [`warm 2h max ${'9'.repeat(90)}`, 'a max of 1000 containers or fewer'],
    ['warm 2h buffer 9', 'a buffer from 0 to 4'],
    ['warm 2h buffer', 'not a length of time'],
    ['warm 2h idle 1s', '2 s to 20 min'],
    ['warm 2h idle 21m', '2 s to 20 min'],
    ['warm 2h idle soon', 'not a length of time'],
    ['schedule daily 9-18 UTC 2 containers max 1', 'cannot both be'],
    ['warm until tea', 'not a length of time'],
    ['cold beer', 'takes nothing more'],
    ['schedule weekdays 9-18 Mars/Olympus', 'not a time zone'],
    ['schedule weekdays 9-26 UTC', 'not a time of day'],
    ['schedule whenever', 'Say it like'],
    ['', 'What I can do'],
    ['sing', 'What I can do'],
  ])('answer "%s" with what is wrong, and change nothing', async (text, why) => {
    const answer = await run(text);
    expect(read(answer)).toContain(why);
    expect(answer.buttons).toEqual([]);
    expect(play.app.said).toEqual([]);
  });

  it('are for admins only, and say how to become one; status is for everybody', async () => {
    for (const text of ['warm 2h', 'cold', 'schedule off']) {
      const answer = await run(text, anybody);
      expect(read(answer)).toMatch(/Only admins.*add your id U1 to SLACK_ADMIN_IDS/);
    }
    expect(read(await run('status', anybody))).toContain('Cold');
    expect(play.app.said).toEqual([]);
  });

  it('check who presses too, and leave the message as it is', async () => {
    const { buttons } = await run('warm 2h public');
    const answer = await commands.press(buttons[0]!.id, anybody);
    expect(answer).toMatchObject({ replaces: false, public: false });
    expect(read(answer)).toContain('Only admins');
    expect(play.app.said).toEqual([]);
  });

  it('know an admin by a role', async () => {
    const by = { platform: 'discord', channel: '1', user: { id: '2', roles: ['900'] } } as const;
    expect((await run('warm 2h', by)).buttons).toHaveLength(2);
  });

  it('answer in public only when asked to', async () => {
    expect((await run('status')).public).toBe(false);
    expect((await run('status public')).public).toBe(true);
  });

  it('never show as warm what Modal did not confirm', async () => {
    play.app.reachable = false;
    const answer = await confirm('warm 2h');
    expect(answer).toMatch(/^⚠️ Not done yet: .* but Modal cannot be reached just now\./);
    expect(answer).not.toContain('🔥');
    expect(read(await run('status'))).toMatch(/Not done yet[\s\S]*Modal does not say/);
  });

  it('tell in status what runs, until when, what it took and cost, and to admins who did it', async () => {
    await confirm('warm 2h');
    await play.clock.advance(30 * MINUTE);
    const status = read(await run('status'));
    expect(status).toContain('🔥 Warm: 1 container until 2026-01-05 14:00 UTC. Asked for by admin.');
    expect(status).toContain('Running now: 1 container');
    expect(status).toContain('A container costs $3.60 an hour on X.');
    expect(status).toContain('A cold start usually takes 42 s.');
    expect(status).toMatch(/today 30 min, \$1\.8\d; this month 30 min, \$1\.8\d of \$6\.00 \(estimated/);
    expect(status).toContain('• 2026-01-05 12:00 UTC admin on slack: warm 2 h, 1 container');
    expect(read(await run('status', anybody))).not.toContain('Last changes');
    expect(read(await run('status public'))).not.toContain('Last changes');
  });

  it('tell what is wanted now, and what after that until its end', async () => {
    await confirm('schedule weekdays 9-18 UTC');
    expect(await confirm('warm 2h 3 containers')).toBe(
      '🔥 Warm: 3 containers until 2026-01-05 14:00 UTC, then 1 container until 2026-01-05 18:00 UTC, by the schedule.',
    );
    expect(await confirm('warm 10h')).toBe('🔥 Warm: 1 container until 2026-01-05 22:00 UTC.');
  });

  it('tell in status that what still runs goes by itself', async () => {
    await confirm('warm 2h idle 90s');
    await run('cold');
    play.app.settings = { minContainers: 1 };
    expect(read(await run('status'))).toContain('Running now: 1 container (an idle one goes after 1 min)');
  });

  it('set a schedule, show it and end it', async () => {
    expect(await confirm('schedule weekdays 9-18 UTC')).toContain('by the schedule');
    expect(read(await run('schedule'))).toContain('mon-fri 09:00-18:00 UTC');
    expect(read(await run('cold'))).toContain('The schedule is paused until 2026-01-05 18:00 UTC');
    expect(read(await run('schedule off'))).toContain('Cold');
    expect(read(await run('schedule'))).toContain('There is no schedule');
  });

  it('say which settings are missing when there are no Modal credentials', async () => {
    commands = commandsOf(play, ['MODAL_TOKEN_ID', 'MODAL_TOKEN_SECRET']);
    for (const text of ['warm 2h', 'status'])
      expect(read(await run(text))).toMatch(/not set up: MODAL_TOKEN_ID, MODAL_TOKEN_SECRET are missing/);
  });

  it('say of which model an answer is where there are several, and press that one', async () => {
    const other = new Play();
    const keepers = [play, other].map(({ warm: mode, costs }, index) => ({
      model: { ...target, name: ['default', 'coder'][index]! },
      id: `a${index}`,
      mode,
      costs,
    }));
    const inCoder = { ...admin, channel: 'C2' };
    commands = createCommands({
      models: { of: ({ channel }) => keepers[channel === 'C2' ? 1 : 0]!, all: keepers },
      store: play.store,
      admins: { slack: ['UADMIN'], discord: [] },
      defaultMs: 2 * HOUR,
      coldStarts: async () => [],
      clock: play.clock,
      log: pino({ level: 'silent' }),
    });
    const asked = await run('warm 1h', inCoder);
    expect(read(asked)).toContain('`coder`: Keep 1 container warm');
    // Pressed elsewhere it means the same model.
    expect(read(await commands.press(asked.buttons[0]!.id, admin))).toContain('`coder`: 🔥 Warm');
    expect([play.app.minContainers, other.app.minContainers]).toEqual([0, 1]);
    expect(read(await run('status'))).toMatch(
      /^`default`: 💤 Cold[\s\S]*Other models:\n• `coder`: 🔥 Warm: 1 container until .* Running now: 1 container/,
    );
    keepers.pop();
    expect(read(await commands.press(asked.buttons[0]!.id, admin))).toContain('name that model no more');
  });
});
