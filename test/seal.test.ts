import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OperatorError } from '../src/errors.ts';
import { Seal } from '../src/seal.ts';

const [older, newer] = [randomBytes(32), randomBytes(32)];
const secret = 'xoxb-1-secret';

describe('what is sealed', () => {
  it('can be read with its key, and shows nothing of itself', () => {
    const seal = new Seal([newer]);
    const sealed = seal.seal('T1', secret);
    expect(seal.open('T1', sealed)).toBe(secret);
    expect(sealed).not.toContain('xoxb');
    expect(Buffer.from(sealed.split('.')[1]!, 'base64').toString('latin1')).not.toContain('xoxb');
  });

  it('never looks the same twice', () => {
    const seal = new Seal([newer]);
    expect(seal.seal('T1', secret)).not.toBe(seal.seal('T1', secret));
  });

  it('is still read with an older key, while the newest seals', () => {
    const sealed = new Seal([older]).seal('T1', secret);
    const seal = new Seal([newer, older]);
    expect(seal.isNewest(sealed)).toBe(false);
    expect(seal.open('T1', sealed)).toBe(secret);
    const again = seal.seal('T1', secret);
    expect(seal.isNewest(again)).toBe(true);
    expect(new Seal([newer]).open('T1', again)).toBe(secret);
  });

  it.each([
    ['by whoever lacks its key', (sealed: string) => new Seal([newer]).open('T1', sealed)],
    ['under another name', (sealed: string) => new Seal([older]).open('T2', sealed)],
    [
      'when a character was changed',
      (sealed: string) => {
        const middle = Math.floor(sealed.length / 2);
        const other = sealed[middle] === 'A' ? 'B' : 'A';
        return new Seal([older]).open('T1', sealed.slice(0, middle) + other + sealed.slice(middle + 1));
      },
    ],
    ['when it was cut short', (sealed: string) => new Seal([older]).open('T1', sealed.slice(0, 20))],
    ['when it is something else', () => new Seal([older]).open('T1', 'xoxb-1-secret')],
  ])('cannot be read %s, which the operator is told', (_, read) => {
    const sealed = new Seal([older]).seal('T1', `${secret}${'.'.repeat(9)}`);
    expect(() => read(sealed)).toThrow(OperatorError);
    expect(() => read(sealed)).toThrow(/^TOKEN_ENCRYPTION_KEY: T\d /);
    expect(() => read(sealed)).not.toThrow(/xoxb/);
  });
});
