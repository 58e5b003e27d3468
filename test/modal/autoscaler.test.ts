import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusal, type Setting, startModal } from '../sandbox/modal-support.ts';

describe('scaling through Modal’s SDK', () => {
  let at: Setting;
  beforeEach(async () => {
    at = await startModal();
  });
  afterEach(() => at.close());

  it.each([
    ['a Server or a web_server Function', 'VllmServer'],
    ['a method of a Cls', 'Model.serve'],
  ])('works for %s', async (_, server) => {
    const { modal, connect, close } = await startModal({ server });
    expect(await connect().update({ minContainers: 1 })).toMatchObject({ minContainers: 1 });
    expect(modal.scaling.minContainers).toBe(1);
    await close();
  });

  it.each([
    [{ minContainers: 3, maxContainers: 2 }, /3 .* at most 2/],
    [{ minContainers: -1 }, /minContainers/],
    [{ minContainers: 1.5 }, /minContainers/],
    [{ scaledownWindowMs: 1_000 }, /2 seconds to 20 minutes/],
    [{ scaledownWindowMs: 1_500_000 }, /2 seconds to 20 minutes/],
  ])('refuses %j before anything is sent', async (change, why) => {
    const { fault, message } = await refusal(at.connect().update(change));
    expect(fault).toBe('invalid');
    expect(message).toMatch(why);
    expect(at.modal.calls).toHaveLength(0);
  });

  it('says that the token is not accepted, and where to get one', async () => {
    const { fault, message } = await refusal(at.connect({ tokenSecret: 'as-other' }).stats());
    expect(fault).toBe('token');
    expect(message).toMatch(/modal\.com\/settings.*MODAL_TOKEN_ID/);
  });

  it.each([
    ['app', { app: 'no-such-app' }],
    ['server', { server: 'NoSuchServer' }],
    ['environment', { environment: 'no-such-environment' }],
    ['class', { server: 'NoSuchClass.serve' }],
  ])('says that Modal knows no such %s', async (_, change) => {
    const { fault, message } = await refusal(at.connect(change).update({ minContainers: 1 }));
    expect(fault).toBe('missing');
    expect(message).toContain(Object.values(change)[0]);
    expect(message).toContain('MODAL_APP');
  });

  it('says that a class has no such method', async () => {
    const { connect, close } = await startModal({ server: 'Model.serve' });
    expect((await refusal(connect({ server: 'Model.other' }).stats())).fault).toBe('missing');
    await close();
  });

  it('says that the token may not do this', async () => {
    at.modal.faults.add({
      on: 'FunctionUpdateSchedulingParams',
      act: { type: 'answer', status: 7, body: 'no' },
    });
    expect((await refusal(at.connect().update({ minContainers: 1 }))).fault).toBe('denied');
  });

  it('says that Modal cannot be reached, and works again when it can', async () => {
    const autoscaler = at.connect();
    at.modal.unreachable = true;
    expect((await refusal(autoscaler.update({ minContainers: 1 }))).fault).toBe('unreachable');
    at.modal.unreachable = false;
    expect(await autoscaler.update({ minContainers: 1 })).toMatchObject({ minContainers: 1 });
  });

  it('says so as well when nothing listens there', async () => {
    const { connect, close } = await startModal();
    await close();
    expect((await refusal(connect().stats())).fault).toBe('unreachable');
  });

  it('gives a call up that Modal never answers', async () => {
    at.modal.faults.add({ on: 'FunctionUpdateSchedulingParams', act: { type: 'delay', ms: 60_000 } });
    const { fault, message } = await refusal(at.connect({ timeoutMs: 300 }).update({ minContainers: 1 }));
    expect(fault).toBe('unreachable');
    expect(message).toContain('0.3 s');
  });

  it('takes a lost answer for a failure that may be tried again', async () => {
    at.modal.faults.add({ on: 'FunctionUpdateSchedulingParams', act: { type: 'lose-answer' }, times: 1 });
    expect(await at.connect().update({ minContainers: 1 })).toMatchObject({ minContainers: 1 });
    expect(at.modal.count('FunctionUpdateSchedulingParams')).toBe(2);
  });
});
