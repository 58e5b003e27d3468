import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { MENDED, QUESTION, type Row, TOLD, WHOLE } from './fault-rows.ts';
import { askInChat } from './in-chat.ts';
import { Bench, exchange, modelError, wakings } from './support.ts';

let bench: Bench;
afterEach(() => bench.close());

/** Switches a row's faults on and asks, in a chat. */
async function play(row: Row) {
  bench = await Bench.start({ awake: true, ...row.server });
  const times = row.always ? Number.POSITIVE_INFINITY : 1;
  for (const fault of [row.stream ?? []].flat()) bench.server.streamFaults.add(fault, times);
  if (row.fault) bench.server.faults.add({ ...row.fault, times });
  const outcome = await askInChat(bench, row.asks ?? QUESTION, row.earlier);
  const requests = bench.server.chats.filter(({ method }) => method === 'POST').length;
  if (row.requests !== undefined) expect(requests).toBe(row.requests);
  if (row.within !== undefined) expect(outcome.ms).toBeLessThanOrEqual(row.within);
  expect(outcome.log).not.toContain('Repeat after me');
  return outcome;
}

describe('the whole answer comes in spite of', () => {
  it.each(MENDED)('$name', async (row) => {
    const { shown, buttons, error, events } = await play(row);
    expect(shown.slice(row.earlier?.length)).toEqual([row.told ? `${WHOLE} | ${row.told}` : WHOLE]);
    expect(buttons).toEqual([]);
    expect(error).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: 'done', reason: 'stop' });
  });

  it('bytes that are no UTF-8, which show as �', async () => {
    const start = Buffer.from('data: {"choices":[{"delta":{"content":" a');
    const bytes = Buffer.concat([start, Buffer.from([0xff, 0xfe]), Buffer.from('b"}}]}\n\n')]);
    const { shown } = await play({ name: '', stream: { type: 'bytes', after: 2, bytes } });
    expect(shown).toEqual(['one two a��b three four five']);
  });
});

describe('the person keeps what came and is told why it ended', () => {
  it.each(TOLD)('$name', async (row) => {
    const outcome = await play(row);
    expect(outcome.shown).toEqual([row.text ? `${row.text} | ⚠️ ${row.told}` : `⚠️ ${row.told}`]);
    expect(outcome.buttons).toEqual(
      row.text ? ['continue', 'retry'] : row.kind === 'too-long' ? [] : ['retry'],
    );
    expect(modelError(outcome).fault).toBe(row.kind);
    expect(outcome.events.some(({ type }) => type === 'done')).toBe(false);
  });

  it('a 303 chain without end, which is not followed in haste', async () => {
    bench = await Bench.start({ awake: true });
    bench.server.streamFaults.add({ type: 'redirects', hops: 1_000_000 });
    const outcome = await bench.answer(QUESTION);
    expect(modelError(outcome).message).toBe('The model has been silent for 2 minutes. Try again.');
    expect(bench.server.requests.length).toBeLessThan(200);
  });

  it('an endless answer', async () => {
    bench = await Bench.start(
      { awake: true, tokensPerSecond: 1_000 },
      { limits: { maxText: 5_000 }, maxTokens: 20_000 },
    );
    const outcome = await bench.answer('Write 20000 characters');
    expect(modelError(outcome).message).toBe('The answer grew without end and was stopped.');
    expect(outcome.text.length).toBeLessThanOrEqual(5_000);
    await exchange();
    expect(bench.server.generations[0]?.end).toBe('aborted');
  });

  it('an answer that takes longer than it may', async () => {
    bench = await Bench.start({ awake: true, tokensPerSecond: 5 }, { limits: { overallMs: 600_000 } });
    const outcome = await bench.until(bench.ask('Write 20000 characters').outcome, 500);
    expect(modelError(outcome).message).toBe('The answer took longer than 10 minutes and was stopped.');
    expect(outcome.text.length).toBeGreaterThan(5_000);
  });
});

describe('a cold start', () => {
  const seconds = (line: string) => {
    const [, minutes, rest] = /^⏳ Waking the model: [a-z ]+ · (\d+):(\d\d)$/.exec(line)!;
    return Number(minutes) * 60 + Number(rest);
  };

  it.each([0, 5, 60, 600])('of %d s is seen from its first second to the answer', async (cold) => {
    bench = await Bench.start({ coldStartMs: cold * 1_000 });
    const { shown, seen, buttons, ms } = await askInChat(bench, QUESTION);
    expect(shown).toEqual([WHOLE]);
    expect(buttons).toEqual([]);
    expect(ms).toBeLessThan(cold * 1_000 + 3_000);
    const times = seen.slice(0, -1).map(seconds);
    expect(times[0]).toBe(0);
    for (const [index, time] of times.entries()) expect((times[index + 1] ?? cold) - time).toBeLessThan(5);
  });

  it('that begins again because the container died goes on in the same line, and ends in the answer', async () => {
    bench = await Bench.start({ coldStartMs: 30_000 });
    bench.clock.after(20_000, () => bench.server.crash());
    const { shown, seen } = await askInChat(bench, QUESTION);
    expect(shown).toEqual([WHOLE]);
    expect(seconds(seen.at(-2)!)).toBeGreaterThan(45);
  });

  it('is logged by the name that the server knows the model by, the question by that of models.yaml', async () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
    bench = await Bench.start({ coldStartMs: 5_000, model: 'served-name' }, { name: 'served-name', log });
    const asked = await askInChat(bench, QUESTION);
    const parsed = (all: readonly string[]) => all.map((line) => JSON.parse(line));
    const awake = parsed(lines).find(({ msg }) => msg === 'the model is awake');
    expect(awake.served).toBe('served-name');
    expect(awake.model).toBeUndefined();
    const usage = parsed(asked.log.trim().split('\n')).find(({ msg }) => msg === 'usage');
    expect(usage.model).toBe('default');
  });

  it('that never ends is told when the time is over, with a way to ask again', async () => {
    bench = await Bench.start({ coldStartMs: 400_000 }, { wakeDeadlineMs: 300_000 });
    const { shown, buttons } = await askInChat(bench, QUESTION);
    expect(shown).toEqual([
      '⚠️ The model did not wake up within 5 minutes. Try again, or tell whoever runs the bot.',
    ]);
    expect(buttons).toEqual(['retry']);
  });
});

describe('an address that is wrong', () => {
  it('says at once that a host does not exist', async () => {
    bench = await Bench.start({}, { baseUrl: 'http://no-such-host.invalid/v1' });
    const outcome = await bench.ask('Hi').outcome;
    expect(modelError(outcome)).toMatchObject({
      fault: 'unreachable',
      message: 'The model’s address cannot be reached. Tell whoever runs the bot.',
    });
  });

  it('says at once that what answers speaks no HTTP', async () => {
    const server = createServer((socket) => socket.end('220 mail.example.org ESMTP\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    bench = await Bench.start({}, { baseUrl: `http://127.0.0.1:${port}/v1` });
    const outcome = await bench.ask('Hi').outcome;
    expect(modelError(outcome).fault).toBe('unreachable');
    server.close();
  });

  it('says after two minutes that nothing ever answered there', async () => {
    bench = await Bench.start();
    await bench.server.close();
    const outcome = await askInChat(bench, QUESTION);
    expect(outcome.shown).toEqual(['⚠️ Nothing answers at the model’s address. Tell whoever runs the bot.']);
    expect(outcome.ms).toBeGreaterThanOrEqual(120_000);
    expect(outcome.ms).toBeLessThan(125_000);
    expect(new Set(wakings(outcome.events).map(({ phase }) => phase))).toEqual(new Set(['requesting']));
  });

  it('never follows a redirect to another origin, nor sends keys there', async () => {
    const other = await Bench.start({ awake: true });
    const keys = { proxyKey: 'wk-1', proxySecret: 'ws-1', apiKey: 'key' };
    bench = await Bench.start({ awake: true, ...keys }, keys);
    bench.server.streamFaults.add({ type: 'redirects', hops: 1, to: other.server.origin });
    const outcome = await askInChat(bench, QUESTION);
    expect(modelError(outcome).fault).toBe('misconfigured');
    expect(outcome.shown).toEqual([
      '⚠️ The model’s address points to another host, and the bot’s keys are not sent there. ' +
        'Tell whoever runs the bot.',
    ]);
    expect(other.server.requests).toEqual([]);
    await other.close();
  });
});
