/** How an adapter connects. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { OperatorError } from '../../src/errors.ts';
import { MemoryBot } from '../support/memory-bot.ts';
import { askedInAll, type Chat, type Harness, started, until } from './harness.ts';

export function connection<Fake extends Chat>(harness: Harness<Fake>): void {
  const { connect, connectTo } = started(harness);

  describe(`${harness.name}: the connection`, () => {
    it.runIf(harness.keepsConnection)(
      'comes back by itself when it was dropped, and questions flow again',
      async () => {
        const { fake, adapter, bot } = await connect();
        const dropped = new Promise<void>((resolve) => {
          fake.on('change', () => !fake.connected && resolve());
        });
        fake.dropConnections();
        await dropped;
        await fake.waitForConnection();
        await until(() => expect(adapter.connected).toBe(true));
        expect(await askedInAll(fake, bot)).toEqual([]);
      },
    );

    it('may be away for a while: what was asked meanwhile is taken afterwards, once', async () => {
      const { fake, adapter, bot } = await connect();
      const { channel, dm, people } = fake;
      const user = people.asker;
      fake.say({ channel: dm, user, text: 'before' });
      await until(() => expect(bot.questions).toHaveLength(1));
      await adapter.close();
      if (harness.keepsConnection) await until(() => expect(fake.connected).toBe(false));
      fake.say({ channel, user, text: 'nobody is meant' });
      fake.say({ channel, user, text: '@pilotlight are you there?' });
      fake.say({ channel: dm, user, text: 'and here?' });
      await connectTo(fake, bot);
      await until(() => expect(bot.questions).toHaveLength(3));
      expect((await askedInAll(fake, bot)).toSorted()).toEqual(['and here?', 'are you there?', 'before']);
    });

    it('is over when the adapter is closed, which may be done twice', async () => {
      const { fake, adapter } = await connect();
      expect(adapter.connected).toBe(true);
      await adapter.close();
      await adapter.close();
      expect(adapter.connected).toBe(false);
      if (harness.keepsConnection) await until(() => expect(fake.connected).toBe(false));
    });

    it.each(Object.entries(harness.badTokens))(
      'is refused with a word to the operator when %s is wrong',
      async (variable, create) => {
        const fake = await harness.startFake();
        onTestFinished(() => fake.close());
        const token = 'xoxb-not.the-right.one';
        const adapter = create(fake, token);
        onTestFinished(() => adapter.close());
        const error = await adapter.start(new MemoryBot()).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(OperatorError);
        expect((error as Error).message).toContain(variable);
        expect((error as Error).message).not.toContain(token);
        expect(adapter.connected).toBe(false);
      },
    );
  });
}
