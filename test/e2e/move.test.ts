import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { TestPostgres } from '../support/postgres.ts';
import { Answers, isGrowing, slackChannel, startFakes, startProcess } from './support.ts';

// Two bots, a Postgres and a move, one after the other.
it('moves to Postgres in the middle of an answer: the same message says so, and goes on', {
  timeout: 180_000,
}, async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'pilotlight-'));
  test.onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const postgres = await TestPostgres.start();
  test.onTestFinished(() => postgres.stop());
  const [file, DATABASE_URL] = [join(folder, 'pilotlight.db'), await postgres.database()];
  const fakes = await startFakes(test);
  fakes.model.streamFaults.add({ type: 'silence', after: 4 });
  const answers = new Answers(slackChannel.fake(fakes), slackChannel.channel(fakes));

  const before = await startProcess(test, fakes, { ...slackChannel.alone, DATABASE_URL: `sqlite:${file}` });
  await slackChannel.ask(fakes, 'write 700 characters');
  const begun = await answers.see(isGrowing('Part 1'));
  before.kill('SIGKILL');
  await before.exited;
  await promisify(execFile)(process.execPath, ['src/move-to-postgres.ts', file], { env: { DATABASE_URL } });
  await startProcess(test, fakes, { ...slackChannel.alone, DATABASE_URL });

  const marked = await answers.end();
  expect(marked).toMatchObject({ id: begun.id, text: expect.stringContaining('Interrupted') });
  await answers.click('Continue', fakes.slack.people.asker);
  const whole = await answers.see((message) => message.buttons.length === 0);
  expect(whole.id).toBe(begun.id);
  expect(answers.all).toHaveLength(1);
});
