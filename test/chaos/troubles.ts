/** Does to a run what its plan says. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ShownMessage } from '../../sandbox/chat.ts';
import type { FaultAct } from '../../sandbox/faults.ts';
import { type Asked, answersTo, isRunning, wordsIn } from './asked.ts';
import type { Bot } from './bots.ts';
import type { Database } from './database.ts';
import type { FarSide } from './far-side.ts';
import type { PlatformName, Trouble } from './plan.ts';
import type { Watch } from './watch.ts';

/** The calls by which answers are written, as the fakes' faults name them. */
const WRITES: Readonly<Record<PlatformName, readonly string[]>> = {
  slack: ['chat.postMessage', 'chat.update', 'chat.startStream', 'chat.appendStream', 'chat.stopStream'],
  discord: [
    'POST /channels/*/messages',
    'PATCH /channels/*/messages/*',
    'PATCH /webhooks/*/*/messages/*',
    'POST /interactions/*/*/callback',
  ],
};

/** An answer that grows is waited for so long before somebody meddles with it; ms. */
const PATIENCE = 1_500;

interface Scene {
  readonly farSide: FarSide;
  readonly database: Database;
  readonly bots: readonly Bot[];
  readonly asked: readonly Asked[];
  readonly watch: Watch;
}

/** Resolves when it is over: what was cut is mended, what was killed has been started again. */
export async function cause(trouble: Trouble, scene: Scene): Promise<void> {
  const { farSide, database, bots, asked, watch } = scene;
  const { model, wires } = farSide;
  switch (trouble.type) {
    case 'kill':
      if (database.lags(trouble.process)) watch.forgive();
      return bots[trouble.process]!.kill(trouble.downMs);
    case 'restart':
      return bots[trouble.process]!.restart();
    case 'wire': {
      if (trouble.side === 'database') return database.cut(trouble.process, trouble.how, trouble.ms);
      const wire = wires[trouble.side];
      wire.fail(trouble.how);
      await wait(trouble.ms);
      return wire.mend();
    }
    case 'refuse':
      return refuse(farSide, trouble.platform, trouble.calls, refusal(trouble.platform, trouble.status));
    case 'lose-answers':
      return refuse(farSide, trouble.platform, trouble.calls, { type: 'lose-answer' });
    case 'reconnect': {
      const { slack, discord } = farSide;
      if (trouble.how === 'drop') farSide[trouble.platform].dropConnections();
      else if (trouble.platform === 'slack') slack.askToReconnect();
      else if (trouble.how === 'ask') discord.requestReconnect();
      else discord.invalidateSessions();
      return;
    }
    case 'stream':
      model.streamFaults.add(trouble.fault);
      return;
    case 'model': {
      if (trouble.how === 'crash') return model.crash();
      const act: FaultAct =
        trouble.how === 'slow'
          ? { type: 'delay', ms: 700 }
          : { type: 'answer', status: 503, body: 'no containers available' };
      model.faults.add({ on: 'POST /v1/chat/completions', act, times: 2 });
      return;
    }
    case 'stop':
    case 'delete':
      return meddle(trouble.type, farSide, trouble.platform, asked);
    case 'database':
      return database.restart(trouble.downMs);
  }
}

function refuse(farSide: FarSide, platform: PlatformName, times: number, act: FaultAct): void {
  for (const on of WRITES[platform]) farSide[platform].faults.add({ on, act, times });
}

function refusal(platform: PlatformName, status: 429 | 500): FaultAct {
  if (status === 500) return { type: 'answer', status };
  const seconds = platform === 'slack' ? 1 : 0.3;
  return {
    type: 'answer',
    status,
    headers: { 'retry-after': String(Math.ceil(seconds)) },
    body:
      platform === 'slack'
        ? { ok: false, error: 'ratelimited' }
        : { message: 'You are being rate limited.', retry_after: seconds, global: false },
  };
}

/** Runs, and is surely this question's: of several in a thread, a line about waiting does not say whose it is. */
const isOf = ({ question, channel, thread }: Asked, asked: readonly Asked[]) => {
  const alone = asked.filter((one) => one.channel === channel && one.thread === thread).length === 1;
  return (message: ShownMessage): boolean =>
    isRunning(message) && (alone || wordsIn(message.text, question.name).length > 0);
};

/** A person presses Stop under the first answer that grows, or deletes it. */
async function meddle(
  how: 'stop' | 'delete',
  farSide: FarSide,
  platform: PlatformName,
  asked: readonly Asked[],
): Promise<void> {
  const fake = farSide[platform];
  for (let waited = 0; waited < PATIENCE; waited += 20) {
    const found = [...answersTo(asked)].find(
      ([one, messages]) => one.fake === fake && !one.meddled && messages.some(isOf(one, asked)),
    );
    const message = found?.[1].find(isOf(found[0], asked));
    if (found && message) {
      const stop = message.buttons.find(({ label }) => label === 'Stop');
      const [one] = found;
      if (how === 'delete') {
        one.meddled = 'delete';
        fake.deleteMessage(one.channel, message.id);
        return;
      }
      if (stop) {
        one.meddled = 'stop';
        // A press that nobody acknowledged is told to the person by the platform.
        await fake.click(one.channel, message.id, stop.id, fake.people.asker).catch(() => {});
        return;
      }
    }
    await wait(20);
  }
}
