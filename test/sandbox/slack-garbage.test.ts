import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startSlack } from './slack-support.ts';

const plenty = { limit: 1e6, windowMs: 1000, burst: 1e6, per: 'team' } as const;

/** JSON that is likely to look like what a field wants, and then not to be it. */
const nearlyRight = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>(null, '', 'x', 7, true, 'markdown', 'plain_text'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.record(
      {
        type: fc.constantFrom<unknown>(
          ...['section', 'markdown', 'actions', 'context', 'context_actions', 'header', 'button'],
          ...['feedback_buttons', 'mrkdwn', 'plain_text', 'markdown_text', 'task_update', 'blocks', null],
        ),
        text: tie('value'),
        elements: tie('value'),
        blocks: tie('value'),
        fields: tie('value'),
        action_id: tie('value'),
      },
      { requiredKeys: ['type'] },
    ),
  ),
})).value;

describe('garbage sent to the fake Slack', () => {
  it.each([
    ['chat.postMessage', ['blocks', 'text', 'metadata', 'markdown_text']],
    ['chat.startStream', ['chunks', 'markdown_text']],
    ['assistant.threads.setSuggestedPrompts', ['prompts']],
    ['assistant.threads.setStatus', ['loading_messages', 'status']],
    ['conversations.history', ['limit', 'cursor', 'oldest']],
  ])('is taken or refused by %s, and never breaks it', async (method, fields) => {
    const budgets = { default: plenty, [method]: plenty };
    const slack = await startSlack({ budgets });
    const thread = slack.say({ channel: slack.dm, user: slack.people.asker, text: 'hi' });
    const headers = { authorization: `Bearer ${slack.botToken}` };
    const fixed = { text: 'hi', channel: slack.dm, channel_id: slack.dm, thread_ts: thread };
    const garbage = fc.record(Object.fromEntries(fields.map((field) => [field, nearlyRight])), {
      requiredKeys: [],
    });
    await fc.assert(
      fc.asyncProperty(garbage, async (body) => {
        const form = new URLSearchParams(fixed);
        for (const [field, value] of Object.entries(body)) form.set(field, JSON.stringify(value));
        const response = await fetch(slack.apiUrl + method, { method: 'POST', headers, body: form });
        const answer = (await response.json()) as { ok: unknown };
        expect([response.status, typeof answer.ok]).toEqual([200, 'boolean']);
        slack.messages(slack.dm);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', 'null', '7', '"x"', '[]', '{', '{"blocks":[null]}'])(
    'is refused when the body is %j',
    async (body) => {
      const slack = await startSlack();
      const headers = { authorization: `Bearer ${slack.botToken}`, 'content-type': 'application/json' };
      const response = await fetch(`${slack.apiUrl}chat.postMessage`, { method: 'POST', headers, body });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ ok: false });
    },
  );

  it('may be a null, which counts as a field that was left out', async () => {
    const slack = await startSlack();
    const headers = { authorization: `Bearer ${slack.botToken}` };
    const body = new URLSearchParams({ channel: slack.dm, text: 'hi', blocks: 'null', metadata: 'null' });
    const response = await fetch(`${slack.apiUrl}chat.postMessage`, { method: 'POST', headers, body });
    expect(await response.json()).toMatchObject({ ok: true });
  });
});
