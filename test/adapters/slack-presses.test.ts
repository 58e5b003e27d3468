import { describe, expect, it } from 'vitest';
import { buttonId } from '../../src/bot/ports.ts';
import { answers, ask, calls, connect, final, live, page, until } from './slack-support.ts';

describe('buttons under an answer in Slack', () => {
  it('are labelled, and a press reaches the bot', async () => {
    const running = await connect();
    const { slack, bot } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('half', { buttons: ['stop'] }), live);
    expect(answers(slack, slack.channel)[0]!.buttons).toEqual([
      { id: buttonId('stop', '7.0'), label: 'Stop' },
    ]);
    await slack.click(slack.channel, message, buttonId('stop', '7.0'), slack.people.asker);
    await until(() => expect(bot.presses).toHaveLength(1));
    expect(bot.presses[0]).toEqual({
      platform: 'slack',
      workspace: slack.teamId,
      channel: slack.channel,
      button: 'stop',
      turn: '7.0',
      user: { id: slack.people.asker, roles: [], name: 'asker' },
    });
    expect(answers(slack, slack.channel)).toHaveLength(1);
  });

  it('answer only the person who pressed, in the thread, when there is something to say', async () => {
    const running = await connect();
    const { slack, bot } = running;
    const { surface, address } = ask(running, 'channel');
    const { message } = await surface.post(page('all', { buttons: ['retry', 'continue'] }), final);
    bot.pressAnswer = 'Only <the asker> may do that.';
    await slack.click(slack.channel, message, buttonId('retry', '7.0'), slack.people.colleague);
    const said = await until(() => {
      const private_ = answers(slack, slack.channel).find(({ onlyFor }) => onlyFor);
      expect(private_).toBeDefined();
      return private_!;
    });
    expect(said).toMatchObject({
      onlyFor: slack.people.colleague,
      thread: address.thread,
      text: 'Only <the asker> may do that.',
    });
  });

  it('are acknowledged also when the bot fails, and the person is told', async () => {
    const running = await connect();
    const { slack, bot } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('all', { buttons: ['retry'] }), final);
    bot.broken = true;
    await slack.click(slack.channel, message, buttonId('retry', '7.0'), slack.people.asker);
    await until(() => expect(answers(slack, slack.channel).some(({ onlyFor }) => onlyFor)).toBe(true));
  });

  it('stay under an old answer while there is no room for an edit, which others need more', async () => {
    const asked: string[][] = [];
    const room = { now: false };
    const running = await connect({
      spare: {
        spare: async (budgets, call) => {
          if (budgets.some(({ id }) => id.endsWith('chat.update'))) asked.push(budgets.map(({ id }) => id));
          return room.now ? call() : undefined;
        },
      },
    });
    const { slack, bot } = running;
    const { surface } = ask(running, 'channel');
    const { message } = await surface.post(page('all', { buttons: ['retry'] }), final);
    bot.pressSpends = true;
    const press = () => slack.click(slack.channel, message, buttonId('retry', '7.0'), slack.people.asker);
    await press();
    await until(() => expect(asked).toEqual([[`slack:${slack.teamId}:chat.update`]]));
    expect(calls(slack, 'chat.update')).toEqual([]);
    room.now = true;
    await press();
    await until(() => expect(answers(slack, slack.channel)[0]).toMatchObject({ text: 'all', buttons: [] }));
  });
});
