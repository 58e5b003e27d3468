import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PilotlightBot } from '../../src/bot/bot.ts';
import type { Press } from '../../src/bot/ports.ts';
import { systemClock } from '../../src/clock.ts';
import { type Cluster, openCluster } from '../../src/cluster/open.ts';
import { EditPacer } from '../../src/reply/pacer.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { aQuestion, ChatDouble } from '../support/chat-double.ts';
import { ModelDouble, untilAborted } from '../support/model-double.ts';
import { TestPostgres } from '../support/postgres.ts';

const log = pino({ level: process.env.TEST_LOG ?? 'silent' });
const clock = systemClock;
const WAITING = '⏳ Waiting for the answer before this one';

/** A bot with its own connections and its own model, at a chat that it shares with others. */
interface Peer {
  readonly bot: PilotlightBot;
  readonly store: Store;
  readonly cluster: Cluster;
  readonly model: ModelDouble;
}

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 60_000);
afterAll(() => postgres.stop());

describe('bots on one Postgres', () => {
  let url: string;
  let chat: ChatDouble;
  let peers: Peer[] = [];

  async function join(): Promise<Peer> {
    const store = await openStore(url, log);
    const cluster = await openCluster({ store, clock, log });
    const model = new ModelDouble();
    const bot = new PilotlightBot({
      store,
      queue: cluster.queue,
      signals: cluster.signals,
      models: {
        for: () => ({
          model,
          name: 'm',
          systemPrompt: 'Be brief.',
          takesImages: false,
          showReasoning: false,
        }),
      },
      pacer: new EditPacer({ clock, log }),
      platforms: [chat],
      clock,
      log,
      admins: { slack: [], discord: [] },
      limits: { refusal: async () => null },
      announceAfterMs: 0,
    });
    const peer = { bot, store, cluster, model };
    peers.push(peer);
    return peer;
  }

  const until = (look: () => unknown) => vi.waitUntil(look, { timeout: 15_000, interval: 20 });
  const press = (turn: string, button: Press['button'] = 'stop'): Press => ({
    button,
    turn,
    platform: 'slack',
    workspace: 'T1',
    channel: 'C1',
    user: { id: 'U1', roles: [], name: 'asker' },
  });
  const pressed = async (bot: PilotlightBot, what: Press) => (await bot.press(what)).answer;
  /** Says this and then goes on until somebody stops it. */
  const endless = (model: ModelDouble, text = 'A long story, ') =>
    model.will(async function* ({ signal }) {
      yield { type: 'text', text };
      await untilAborted(signal);
    });

  beforeEach(async () => {
    url = await postgres.database();
    chat = new ChatDouble();
  });
  afterEach(async () => {
    for (const { bot, cluster, store } of peers) {
      await bot.drain(0);
      await cluster.close();
      await store.close();
    }
    peers = [];
  });

  it('take what one of them accepts, when that one runs nothing', async () => {
    const asked = await join();
    const runs = await join();
    await runs.bot.start();
    runs.model.willSay('Here.');
    expect(await asked.bot.ask(aQuestion('Hello?'))).toBe('accepted');
    await until(() => chat.shown[0] === 'Here.');
    expect(asked.model.requests).toEqual([]);
  });

  it('take a question once that reaches both', async () => {
    const [one, two] = [await join(), await join()];
    await Promise.all([one.bot.start(), two.bot.start()]);
    for (const { model } of [one, two]) model.willSay('Once.');
    const question = aQuestion('Hello?');
    const taken = await Promise.all([one.bot.ask(question), two.bot.ask(question)]);
    expect(taken.sort()).toEqual(['accepted', 'seen']);
    await until(() => chat.shown[0] === 'Once.');
    expect(chat.shown).toHaveLength(1);
  });

  it('accept a question only with its place in the line, so that a kill in between loses the order of none', async () => {
    const [dies, lives] = [await join(), await join()];
    await lives.bot.start();
    const first = aQuestion('first', { conversation: 'thread' });
    const add = dies.cluster.queue.add.bind(dies.cluster.queue);
    vi.spyOn(dies.cluster.queue, 'add').mockImplementationOnce(async (turn, transaction) => {
      expect(await lives.store.isTaken(first)).toBe(false);
      await postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'",
      );
      await add(turn, transaction);
    });
    await expect(dies.bot.ask(first)).rejects.toThrow();
    expect(await lives.store.unfinished()).toEqual([]);
    lives.model.willSay('One.').willSay('Two.');
    // The platform brings it again.
    expect(await lives.bot.ask(first)).toBe('accepted');
    expect(await lives.bot.ask(aQuestion('second', { conversation: 'thread' }))).toBe('accepted');
    await until(async () => chat.shown.length === 2 && (await lives.store.unfinished()).length === 0);
    // The second one's line about waiting may stand before the first one's answer.
    expect(chat.shown.toSorted()).toEqual(['One.', 'Two.']);
    expect(lives.model.sent(1)).toEqual(['user: first', 'assistant: One.', 'user: second']);
  });

  it('queue an ended turn again only with its place in the line', async () => {
    const { bot, store, cluster, model } = await join();
    await bot.start();
    model.will(async function* () {
      yield { type: 'text', text: 'Half' };
      throw new Error('the model is gone');
    });
    await bot.ask(aQuestion('Hello?'));
    await until(async () => chat.messages.size > 0 && (await store.unfinished()).length === 0);
    vi.spyOn(cluster.queue, 'add').mockRejectedValueOnce(new Error('cut off'));
    await expect(bot.press(press('1.0', 'retry'))).rejects.toThrow('cut off');
    expect(await store.unfinished()).toEqual([]);
    model.willSay('Whole.');
    expect(await pressed(bot, press('1.0', 'retry'))).toBeNull();
    await until(() => chat.shown.includes('Whole.'));
  });

  it('keep the order of a conversation, whichever of them is asked', async () => {
    const [one, two] = [await join(), await join()];
    await Promise.all([one.bot.start(), two.bot.start()]);
    for (const { model } of [one, two]) {
      for (let i = 0; i < 8; i += 1) {
        model.will(async function* ({ messages }) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          yield { type: 'text', text: `to ${messages.at(-1)!.content}, after ${messages.length - 2}.` };
          yield { type: 'done', reason: 'stop' };
        });
      }
    }
    for (let i = 0; i < 8; i += 1) {
      const { bot } = i % 2 === 0 ? one : two;
      await bot.ask(aQuestion(`question ${i}`, { conversation: 'thread' }));
    }
    await until(() => chat.shown.some((text) => text.includes('question 7')));
    await until(() => !chat.shown.includes(WAITING));
    expect([...chat.shown].sort()).toEqual(
      Array.from({ length: 8 }, (_, i) => `to question ${i}, after ${2 * i}.`),
    );
  });

  it('stop what nobody runs yet as soon as somebody does, and not when it is retried', async () => {
    const [one, two] = [await join(), await join()];
    await one.bot.ask(aQuestion('Hello?'));
    expect(await pressed(one.bot, press('1.0'))).toBeNull();
    await two.bot.start();
    await until(() => chat.shown[0] === '⏹ Stopped by asker.');
    await until(async () => (await one.store.unfinished()).length === 0);
    expect(two.model.requests).toEqual([]);
    two.model.willSay('Here.');
    expect(await pressed(one.bot, press('1.0', 'retry'))).toBeNull();
    await until(() => chat.shown[0] === 'Here.');
  });

  it('show who waits, and answer it in that message, whichever of them was asked', async () => {
    const [one, two] = [await join(), await join()];
    await one.bot.start();
    endless(one.model);
    await one.bot.ask(aQuestion('first', { conversation: 'thread' }));
    await until(() => chat.shown[0] === 'A long story,');
    await two.bot.ask(aQuestion('second', { conversation: 'thread' }));
    await until(() => chat.shown[1] === WAITING);
    await two.bot.start();
    two.model.willSay('Two.');
    one.model.willSay('Two.');
    expect(await pressed(two.bot, press('1.0'))).toBeNull();
    await until(() => chat.shown[1] === 'Two.');
    expect(chat.shown).toEqual(['A long story, | ⏹ Stopped by asker.', 'Two.']);
  });

  describe('while one of them streams', () => {
    let streams: Peer;
    let other: Peer;
    const message = { platform: 'slack', workspace: 'T1', channel: 'C1', message: 'm1' } as const;

    beforeEach(async () => {
      streams = await join();
      other = await join();
      await streams.bot.start();
      endless(streams.model);
      await streams.bot.ask(aQuestion('first', { conversation: 'thread' }));
      await until(() => chat.shown[0] === 'A long story,');
      await other.bot.start();
      await until(() => other.store.turnShowing(message));
    });

    it('reach it with a Stop that another one hears of', async () => {
      expect(await pressed(other.bot, press('1.0'))).toBeNull();
      await until(() => chat.shown[0] === 'A long story, | ⏹ Stopped by asker.');
      await until(async () => (await other.store.unfinished()).length === 0);
      expect(await pressed(other.bot, press('1.0'))).toContain('has ended');
    });

    it('reach it when its message is deleted', async () => {
      chat.delete('m1');
      await other.bot.messageDeleted(message);
      await until(() => streams.model.requests[0]!.signal.aborted);
      await until(async () => (await other.store.unfinished()).length === 0);
      expect(chat.shown).toEqual([]);
    });

    it('reach it when the whole conversation is stopped', async () => {
      const conversation = { platform: 'slack', workspace: 'T1', conversation: 'thread' } as const;
      await other.bot.stopConversation(conversation, { id: 'U1', roles: [], name: 'asker' });
      await until(() => chat.shown[0] === 'A long story, | ⏹ Stopped by asker.');
    });

    it('take its Retry as soon as its button stands there', async () => {
      await other.bot.press(press('1.0'));
      for (const { model } of [streams, other]) model.willSay('Again.');
      await until(() => chat.messages.get('m1')!.buttons.includes('retry'));
      expect(await pressed(other.bot, press('1.0', 'retry'))).toBeNull();
      await until(() => chat.shown[1] === 'Again.');
    });

    it('go on without it when it shuts down: what shows text is told, what waits goes to the other', async () => {
      await other.bot.ask(aQuestion('second', { conversation: 'thread' }));
      await until(() => chat.shown[1] === WAITING);
      other.model.willSay('Two.');
      await streams.bot.drain(100);
      expect(chat.shown[0]).toBe('A long story, | ⚠️ Interrupted: Pilotlight was restarted.');
      await until(() => chat.shown[1] === 'Two.');
      expect(chat.shown).toHaveLength(2);
    });
  });

  it('ask again what showed nothing yet when one shuts down, in the same message', async () => {
    const [one, two] = [await join(), await join()];
    await one.bot.start();
    one.model.will(async function* ({ signal }) {
      yield {
        type: 'waking',
        phase: 'loading',
        elapsedMs: 40_000,
        usualMs: undefined,
        slowMs: undefined,
        place: 1,
      };
      await untilAborted(signal);
    });
    await one.bot.ask(aQuestion('Hello?'));
    await until(() => chat.shown[0]?.includes('Waking'));
    two.model.willSay('Awake.');
    await two.bot.start();
    await one.bot.drain(100);
    await until(() => chat.shown[0] === 'Awake.');
    expect(chat.shown).toHaveLength(1);
  });

  it('give up a turn that ended three processes, and say so', async () => {
    const { store, bot, model } = await join();
    const turn = (await store.accept(aQuestion('Hello?'), clock.now()))!;
    await store.start(turn.id);
    await postgres.query(
      `INSERT INTO pgboss.job (name, policy, singleton_key, data, output, retry_limit)
       VALUES ('turns-slack', 'key_strict_fifo', '${turn.conversationId}',
         '{"turn": ${turn.id}, "since": 0}', '{"crashes": 3}', 1000000)`,
      new URL(url).pathname.slice(1),
    );
    await bot.start();
    await until(() => chat.shown[0]?.includes('Something went wrong inside Pilotlight'));
    await until(async () => (await store.unfinished()).length === 0);
    expect(model.requests).toEqual([]);
  });
});
