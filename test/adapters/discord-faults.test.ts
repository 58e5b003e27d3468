import { Headers } from 'undici';
import { describe, expect, it } from 'vitest';
import { toWriteError } from '../../adapters/discord/faults.ts';
import { DiscordRefusal } from '../../adapters/discord/http.ts';

const refusal = (status: number, body: object = {}, headers: Record<string, string> = {}) =>
  toWriteError(new DiscordRefusal(status, new Headers(headers), { ...body }), 'discord:c:edit');

describe('what a refused write means to a reply', () => {
  it.each([
    ['a deleted message is gone', 404, { code: 10008 }, 'gone'],
    ['a deleted channel takes no more writes', 404, { code: 10003 }, 'denied'],
    ['a channel out of sight takes no more writes', 403, { code: 50001 }, 'denied'],
    ['a withdrawn permission takes no more writes', 403, { code: 50013 }, 'denied'],
    ['an archived thread takes no more writes', 400, { code: 50083 }, 'denied'],
    ['a server that is down may come back', 502, {}, 'unavailable'],
    ['a block at the edge may be lifted', 403, { code: 40333 }, 'unavailable'],
    ['a block that the edge tells of in a page may be lifted', 403, {}, 'unavailable'],
    ['a refused bot token may be replaced', 401, { code: 0 }, 'unavailable'],
  ])('%s', (_, status, body, fault) => {
    expect(refusal(status, body).fault).toBe(fault);
  });

  it('tells a text that is too long from another wrong field', () => {
    const form = (field: string, code: string) =>
      refusal(400, { code: 50035, errors: { [field]: { _errors: [{ code, message: '' }] } } }).fault;
    expect(form('content', 'BASE_TYPE_MAX_LENGTH')).toBe('too-long');
    expect(form('components', 'BASE_TYPE_MAX_LENGTH')).toBe('denied');
    expect(form('content', 'BASE_TYPE_REQUIRED')).toBe('denied');
  });

  it('says how long to wait after a 429, to the millisecond, and on which budget', () => {
    const error = refusal(429, { retry_after: 0.731, global: false }, { 'retry-after': '1' });
    expect(error).toMatchObject({ fault: 'rate-limited', retryAfterMs: 731, budgets: ['discord:c:edit'] });
  });

  it("reads the header where Discord's edge answers without JSON", () => {
    expect(refusal(429, {}, { 'retry-after': '12' }).retryAfterMs).toBe(12_000);
  });

  it('holds up everything after a global 429', () => {
    expect(refusal(429, { retry_after: 1, global: true }).budgets).toEqual(['discord:global']);
  });

  it('waits a while when an old message took too many edits, for Discord names no time', () => {
    expect(refusal(400, { code: 30046 })).toMatchObject({ fault: 'rate-limited' });
    expect(refusal(400, { code: 30046 }).retryAfterMs).toBeGreaterThanOrEqual(5_000);
  });

  it('takes no answer at all for something that may work later', () => {
    expect(toWriteError(new TypeError('fetch failed'), 'b').fault).toBe('unavailable');
    expect(toWriteError(new DOMException('', 'AbortError'), 'b').fault).toBe('unavailable');
  });
});
