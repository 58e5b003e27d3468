import {
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
} from '@slack/web-api';
import { describe, expect, it } from 'vitest';
import { toWriteError } from '../../adapters/slack/faults.ts';
import { limits } from '../../adapters/slack/limits.ts';

const budgets = [limits.update('T1')];
const refused = (error: string) => new WebAPIPlatformError({ ok: false, error });
const faultOf = (error: unknown) => toWriteError(error, budgets).fault;

describe('what Slack refuses becomes a fault that the pacer knows', () => {
  it.each([
    ['message_not_found', 'gone'],
    ['is_archived', 'denied'],
    ['not_in_channel', 'denied'],
    ['channel_not_found', 'denied'],
    ['token_revoked', 'denied'],
    ['msg_too_long', 'too-long'],
    ['msg_blocks_too_long', 'too-long'],
    ['internal_error', 'unavailable'],
    ['a_new_refusal', 'denied'],
  ])('%s is %s', (code, fault) => expect(faultOf(refused(code))).toBe(fault));

  it('says in the log what to do about a refusal, besides its code', () => {
    const words = (code: string) => toWriteError(refused(code), budgets).message;
    expect(words('not_in_channel')).toMatch(/not_in_channel, .*\/invite/);
    expect(words('account_inactive')).toMatch(/account_inactive, .*install it again/);
    expect(words('a_new_refusal')).toBe('Slack refused: a_new_refusal');
  });

  it('waits as long as Slack says, naming the budget', () => {
    expect(toWriteError(new WebAPIRateLimitedError(7), budgets)).toMatchObject({
      fault: 'rate-limited',
      retryAfterMs: 7_000,
      budgets: ['slack:T1:chat.update'],
    });
  });

  it('waits a while when Slack does not say how long', () => {
    const error = new Error('Retry header did not contain a valid timeout (url: chat.update)');
    expect(toWriteError(error, budgets)).toMatchObject({ fault: 'rate-limited', retryAfterMs: 30_000 });
    expect(faultOf(refused('ratelimited'))).toBe('rate-limited');
  });

  it('takes network faults, 5xx and broken answers for passing', () => {
    expect(faultOf(new WebAPIRequestError(new Error('socket hang up')))).toBe('unavailable');
    expect(faultOf(new WebAPIHTTPError(503, 'Service Unavailable', {}))).toBe('unavailable');
    expect(faultOf(new TypeError('terminated'))).toBe('unavailable');
    expect(faultOf(refused('<html>Bad gateway</html>'))).toBe('unavailable');
  });

  it('does not repeat what a proxy wrote', () => {
    expect(toWriteError(refused('<html>secret</html>'), budgets).message).not.toContain('secret');
  });
});
